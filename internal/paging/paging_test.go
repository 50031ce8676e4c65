package paging_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/paging"
)

const first = "https://registry.example.org:5000/v2/_catalog?n=2"

func TestNext(t *testing.T) {
	for links, want := range map[string]string{
		"":                                      "",
		`</v2/_catalog?last=b&n=2>; rel="next"`: "https://registry.example.org:5000/v2/_catalog?last=b&n=2",
		`<_catalog?last=b>; rel=next`:           "https://registry.example.org:5000/v2/_catalog?last=b",
		`<?last=b>; rel="next"`:                 "https://registry.example.org:5000/v2/_catalog?last=b",
		`<http://registry.example.org:5000/v2/_catalog?last=b>; REL = "prev next"`: "https://registry.example.org:5000/v2/_catalog?last=b",
		`</a>; rel="prev", </b>; title="x, y; rel=next", </c,d?e,f=g>; rel="next"`: "https://registry.example.org:5000/c,d?e,f=g",
		`</a>; title="say \"next\", twice"; rel="prev",</b>;rel=next`:              "https://registry.example.org:5000/b",
		`/v2/_catalog?last=b; rel="next"`:                                          "",
		`</v2/_catalog?last=b; rel="next"`:                                         "",
		`<https://other.example.org/v2/_catalog>; rel="next"`:                      "another host",
		`<//registry.example.org/v2/_catalog>; rel="next"`:                         "another host",
		`<https://registry.example.org:5000@other.example.org/v2>; rel="next"`:     "another host",
		"<https://registry.example.org:5000/%zz>; rel=\"next\"":                    "not an address",
		`<file:///etc/passwd>; rel="next"`:                                         "another host",
		`<https://user:secret@registry.example.org:5000/v2/_catalog>; rel="next"`:  "https://registry.example.org:5000/v2/_catalog",
		`</prefix/first>; rel="first", </v2/y>; rel="next"`:                        "https://registry.example.org:5000/v2/y",
		`<https://name:secret@other.example.org/>; rel="next"`:                     "another host",
		`<https://[/>; rel="next"`:                                                 "not an address",
		`</v2/_catalog?last=b#fragment>; rel="next"`:                               "https://registry.example.org:5000/v2/_catalog?last=b",
	} {
		next, err := paging.Next(first, []string{links})
		switch {
		case err != nil && (!errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) || want == "" || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v", links, err)
		case err == nil && next != want:
			t.Errorf("%s: got %s, want %s", links, next, want)
		}
	}
	if next, err := paging.Next(first, []string{`</a>; rel="prev"`, `</b>; rel="next"`}); err != nil || !strings.HasSuffix(next, "/b") {
		t.Errorf("two headers: %s, %v", next, err)
	}
}

func TestEach(t *testing.T) {
	for name, test := range map[string]struct {
		next func(n int) string // of page n, from 0; empty: none
		more func(n int) bool
		want string // an error
		read int    // pages
	}{
		"three pages": {func(n int) string { return map[int]string{0: "/1", 1: "/2"}[n] }, func(int) bool { return true }, "", 3},
		"a loop":      {func(n int) string { return fmt.Sprintf("/%d", n%3) }, func(int) bool { return true }, "form a loop: page 4", 4},
		"itself":      {func(int) string { return first }, func(int) bool { return true }, "form a loop: page 1", 1},
		"repetition":  {func(n int) string { return fmt.Sprintf("/%d", n) }, func(n int) bool { return n == 0 }, "the last 11 have nothing new", 12},
		"away":        {func(int) string { return "//other.example.org/" }, func(int) bool { return true }, "another host", 1},
	} {
		n := 0
		err := paging.Each(first, func(address string) ([]byte, http.Header, error) {
			header := http.Header{}
			if next := test.next(n); next != "" {
				header.Set("Link", "<"+next+`>; rel="next"`)
			}
			n++
			return []byte(address), header, nil
		}, func([]byte, http.Header) (bool, error) { return test.more(n - 1), nil })
		if n != test.read || (err == nil) != (test.want == "") || err != nil && (!errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %d pages, %v", name, n, err)
		}
	}
	gone := errors.New("gone")
	if err := paging.Each(first, func(string) ([]byte, http.Header, error) { return nil, nil, gone }, nil); !errors.Is(err, gone) {
		t.Error(err)
	}
	bad := func([]byte, http.Header) (bool, error) { return false, gone }
	if err := paging.Each(first, func(string) ([]byte, http.Header, error) { return nil, http.Header{}, nil }, bad); !errors.Is(err, gone) || !strings.Contains(err.Error(), first) {
		t.Error(err)
	}
}

func FuzzNext(f *testing.F) {
	f.Add(`</v2/_catalog?last=b>; rel="next"`)
	f.Add(`</a>; title="\"", <b>; rel=next`)
	f.Fuzz(func(t *testing.T, link string) {
		next, err := paging.Next(first, []string{link})
		if err != nil || next == "" {
			return
		}
		if u, err := url.Parse(next); err != nil || u.Host != "registry.example.org:5000" || u.Scheme != "https" || u.User != nil {
			t.Errorf("%q leads to %s", link, next)
		}
	})
}
