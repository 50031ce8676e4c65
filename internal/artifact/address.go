package artifact

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// userinfo finds a name and password, or a name alone, in text that holds an address, or should.
var userinfo = regexp.MustCompile(`//(?:([^/?#@\s:"]*:)[^/?#"]*|[^/?#@\s:"]+)@`)

// Redacted is the address without a password, and without a name that has none: such a name is a token. It may also be a text about an address.
// Of an address that holds bytes (RFC 2397) it is what is before them.
func Redacted(text string) string {
	if about, _, held := strings.Cut(text, ","); held && strings.HasPrefix(text, "data:") {
		return about + ",…"
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" && u.User == nil {
		return text
	}
	return userinfo.ReplaceAllString(text, "//${1}xxxxx@")
}

// ParseAddress checks the address of an upstream as a definition states it: http, https or file, and without what must not
// stand in a lock and in an image, which others read.
func ParseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return nil, fmt.Errorf("%q is not an address: %s", Redacted(text), Redacted(err.Error()))
	}
	switch {
	case u.Scheme == "file" && u.Host == "":
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	default:
		return nil, fmt.Errorf("%q: an address begins with http://, https:// or file:///", Redacted(text))
	}
	if u.User != nil {
		return nil, fmt.Errorf("%q: an address with a user or password would stand in the lock and in the image: use one without", Redacted(text))
	}
	return u, nil
}

// JoinAddress is the address of a file below that of a folder, which has no final slash. A "+" is escaped, too: some servers read it as a space.
func JoinAddress(folder, file string) string {
	return folder + "/" + strings.ReplaceAll((&url.URL{Path: "/" + file}).EscapedPath()[1:], "+", "%2b")
}
