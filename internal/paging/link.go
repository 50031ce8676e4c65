package paging

import (
	"net/url"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Next is the address of the page after the current one, from the Link headers of that (RFC 8288, section 3); empty: there is none. It is on the
// same host: another must not see the login.
func Next(current string, links []string) (string, error) {
	for rest := strings.Join(links, ","); rest != ""; {
		before, after, _ := strings.Cut(rest, "<")
		target, parameters, found := strings.Cut(after, ">")
		if !found || strings.Trim(before, ", \t") != "" {
			return "", nil // not a list of links
		}
		parameters, rest = cut(parameters, ',')
		if !isNext(parameters) {
			continue
		}
		base, err := url.Parse(current)
		if err != nil {
			return "", err
		}
		next, err := base.Parse(target)
		if err != nil {
			return "", artifact.Verifyf("the link to the next page is not an address: %q", artifact.Printable(target))
		}
		if next.Host != base.Host {
			return "", artifact.Verifyf("the next page would be on another host: %s", artifact.Redacted(next.String()))
		}
		next.Scheme, next.Fragment, next.User = base.Scheme, "", base.User // behind a proxy, a registry may not know that it is reached over TLS
		return next.String(), nil
	}
	return "", nil
}

// cut cuts at the first separator outside quotes.
func cut(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func isNext(parameters string) bool {
	for parameters != "" {
		var p string
		p, parameters = cut(parameters, ';')
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)), "next") {
			return true
		}
	}
	return false
}
