package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A query is what a visitor asks for.
type query struct {
	text, kind    string
	offset, limit int // from 0 on; limit is at most mostRows
}

// readQuery reads the parameters q, kind, offset and limit, and ignores others.
func readQuery(r *http.Request) (q query, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("the query cannot be read: %w", err)
	}
	q = query{text: values.Get("q"), kind: values.Get("kind"), limit: 100}
	for name, text := range map[string]string{"q": q.text, "kind": q.kind} {
		switch {
		case len(text) > maxQuery:
			return q, fmt.Errorf("%s: at most %d bytes", name, maxQuery)
		case !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
			return q, fmt.Errorf("%s: only printable text, in UTF-8", name)
		}
	}
	for name, value := range map[string]*int{"offset": &q.offset, "limit": &q.limit} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		if *value, err = strconv.Atoi(text); err != nil || *value < 0 {
			return q, fmt.Errorf("%s: not a number from 0 on", name)
		}
	}
	if q.limit > mostRows {
		return q, fmt.Errorf("limit: at most %d", mostRows)
	}
	return q, nil
}
