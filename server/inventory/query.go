package inventory

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxQuery = 200  // bytes of a parameter
	mostRows = 1000 // of an answer
)

// A Query is what a visitor asks for.
type Query struct {
	Text, Kind    string
	Offset, Limit int // from 0 on; Limit is at most 1,000
}

// ReadQuery reads the parameters q, kind, offset and limit, and ignores others.
func ReadQuery(r *http.Request) (q Query, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("the query cannot be read: %w", err)
	}
	q = Query{Text: values.Get("q"), Kind: values.Get("kind"), Limit: 100}
	for name, text := range map[string]string{"q": q.Text, "kind": q.Kind} {
		switch {
		case len(text) > maxQuery:
			return q, fmt.Errorf("%s: at most %d bytes", name, maxQuery)
		case !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
			return q, fmt.Errorf("%s: only printable text, in UTF-8", name)
		}
	}
	for name, value := range map[string]*int{"offset": &q.Offset, "limit": &q.Limit} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		if *value, err = strconv.Atoi(text); err != nil || *value < 0 {
			return q, fmt.Errorf("%s: not a number from 0 on", name)
		}
	}
	if q.Limit > mostRows {
		return q, fmt.Errorf("limit: at most %d", mostRows)
	}
	return q, nil
}
