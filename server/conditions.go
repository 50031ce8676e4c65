package server

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRanges is how many ranges one request may ask for (RFC 9110, section 14.2 lets a
// server ignore the rest: it sends the whole).
const maxRanges = 16

// exactly returns the request without conditions that http.ServeContent would
// take otherwise than a mirror must. Its dates are names of contents and have no order:
// "not modified since" holds for the very same date only (RFC 9110, section 13.1.3 allows it).
// A server that answers 304 for every later date freezes clients when an image goes back.
func exactly(r *http.Request, modified time.Time) *http.Request {
	since, ranges := r.Header.Get("If-Modified-Since"), r.Header.Get("Range")
	dropSince := since != "" && !sameDate(since, modified)
	want := ""
	if r.Method == http.MethodGet { // there are no ranges of a HEAD (RFC 9110, section 14.2)
		want = plainRanges(ranges)
	}
	if !dropSince && want == ranges {
		return r
	}
	changed := *r
	changed.Header = r.Header.Clone()
	if dropSince {
		changed.Header.Del("If-Modified-Since")
	}
	changed.Header.Set("Range", want) // empty: as if there were none
	return &changed
}

// plainRanges is a Range header as http.ServeContent understands it, by RFC 9110, section 14.1: without what is malformed or too
// much, which is as if there were none; with numbers that it can hold; and for the last 0 bytes, which no content has and it
// would send, with a range behind all ends.
func plainRanges(header string) string {
	unit, list, _ := strings.Cut(header, "=")
	if !strings.EqualFold(unit, "bytes") || strings.Count(list, ",") >= maxRanges {
		return ""
	}
	var plain []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.Trim(part, " \t"); part == "" {
			continue
		}
		from, to, found := strings.Cut(part, "-")
		first, valid := position(from)
		last, validLast := position(to)
		switch {
		case !found, !valid && from != "", !validLast && to != "", from+to == "", from != "" && to != "" && last < first:
			return ""
		case from == "" && last == 0:
			plain = append(plain, strconv.FormatInt(math.MaxInt64, 10)+"-")
		case from == "":
			plain = append(plain, "-"+strconv.FormatInt(last, 10))
		case to == "":
			plain = append(plain, strconv.FormatInt(first, 10)+"-")
		default:
			plain = append(plain, strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10))
		}
	}
	if plain == nil {
		return ""
	}
	return "bytes=" + strings.Join(plain, ",")
}

// position reads digits. What is more than any content has is the most that there is.
func position(text string) (n int64, valid bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, _ = strconv.ParseInt(text, 10, 64) // of a number that is too big it is the biggest
	return n, true
}

func sameDate(header string, modified time.Time) bool {
	t, err := http.ParseTime(header)
	return err == nil && t.Unix() == modified.Unix()
}
