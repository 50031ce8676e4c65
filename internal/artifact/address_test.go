package artifact_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestRedacted(t *testing.T) {
	for text, want := range map[string]string{
		"http://user:secret@h/p":               "http://user:xxxxx@h/p",
		"http://token@h/p":                     "http://xxxxx@h/p",
		"http://user:se cret@h/p":              "http://user:xxxxx@h/p",
		"http://user:%zz@h/p":                  "http://user:xxxxx@h/p",
		`parse "http://user:se^cret@h": wrong`: `parse "http://user:xxxxx@h": wrong`,
		"http://h:80/a@b":                      "http://h:80/a@b",
		"http://[::1]:80/":                     "http://[::1]:80/",
		"no address":                           "no address",
		"data:text/plain;base64,QUJD":          "data:text/plain;base64,…",
		"":                                     "",
	} {
		if got := artifact.Redacted(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{ // a part of the error; empty: none
		"http://ftp.debian.org/debian/":  "",
		"https://[2001:db8::1]:8443/x":   "",
		"file:///srv/mirror":             "",
		"file://host/srv":                "begins with",
		"ftp://ftp.debian.org/":          "begins with",
		"debian":                         "begins with",
		"http:///x":                      "begins with",
		"":                               "begins with",
		"http://user:secret@h/":          "use one without",
		"https://secret@h/":              "use one without",
		"http://user:sec ret@h/":         "is not an address",
		"http://user:secret%zz@h/":       "is not an address",
		"http://h:port/":                 "is not an address",
		"http://user:secret@h:port/":     "is not an address",
		"ftp://user:secret@h/":           "begins with",
		"http://user:secret@h/\x7f":      "is not an address",
		"http://user:secret@/file":       "begins with",
		"http://user:secret@h/%zz/\"%zz": "is not an address",
	} {
		u, err := artifact.ParseAddress(text)
		if want == "" && (err != nil || u.String() != text) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, %v; want %q", text, u, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec ret")) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestJoinAddress(t *testing.T) {
	for file, want := range map[string]string{
		"pool/g/g++_1%3a2.deb": "http://h/d/pool/g/g%2b%2b_1%253a2.deb",
		"a b/ü?#":              "http://h/d/a%20b/%C3%BC%3F%23",
		"a:b":                  "http://h/d/a:b",
	} {
		if got := artifact.JoinAddress("http://h/d", file); got != want {
			t.Errorf("%q: got %s, want %s", file, got, want)
		}
	}
}
