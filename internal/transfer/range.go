package transfer

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// validator names the file of an answer for If-Range: RFC 9110, section 13.1.5.
func validator(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return resp.Header.Get("Last-Modified")
}

// continues reports whether the answer goes on at byte at of a file of the size, and not beyond the byte before to; 0: the end. A negative
// size is unknown; total is then what the server says, if it does.
func continues(resp *http.Response, at, to, size int64) (total int64, is bool) {
	text, unit := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	span, whole, _ := strings.Cut(text, "/")
	from, until, _ := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	last, wrong := strconv.ParseInt(until, 10, 64)
	if total = size; whole != "*" {
		var failed error
		total, failed = strconv.ParseInt(whole, 10, 64)
		wrong = errors.Join(wrong, failed)
	}
	if !unit || err != nil || wrong != nil {
		return size, false
	}
	return total, first == at && last >= first && (to <= 0 || last < to) && (size < 0 || total == size) && (total < 0 || last < total)
}

// encoded tells that the body is not the file as it is stored.
func encoded(resp *http.Response) string {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Sprintf("it came with Content-Encoding: %s, which was not asked for: is there a proxy that changes what it passes on?", encoding)
	}
	return ""
}

// odd tells what may explain that an answer is wrong: a proxy or a portal between
// here and there. The empty text: nothing.
func odd(resp *http.Response) string {
	if what := encoded(resp); what != "" {
		return what
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		return "it is a web page: is there a portal that requires a login?"
	}
	return ""
}
