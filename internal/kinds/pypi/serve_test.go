package pypi

import (
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	const json, html = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"
	for accept, want := range map[string]format{
		"":          formatText,
		"*/*":       formatText, // poetry 1.3
		"text/html": formatText, // pip before 22.2
		json + ", " + html + "; q=0.1, text/html; q=0.01": formatJSON, // pip
		json + ", " + html + ";q=0.2, text/html;q=0.01":   formatJSON, // uv
		json + ";q=0.1, text/html;q=0.5":                  formatText,
		json + ";q=0, text/html":                          formatText,
		json + ";q=0":                                     formatText,
		json + ";q=x":                                     formatText,
		html:                                              formatHTML,
		html + ";q=0.5, text/html;q=0.4":                  formatHTML,
		"Application/Vnd.Pypi.Simple.Latest+JSON;charset=utf-8": formatJSON,
		"text/html, " + json: formatJSON,
		"application/json":   formatText,
	} {
		if got := negotiate([]string{accept}); got != want {
			t.Errorf("%q: %+v, want %+v", accept, got, want)
		}
	}
	if got := negotiate([]string{"text/html;q=0.1", json}); got != formatJSON {
		t.Errorf("two fields: %+v", got)
	}
}

func TestParseEndpoint(t *testing.T) {
	for path, want := range map[string]endpoint{
		"/pypi/simple":             {source: "pypi", list: true, open: true},
		"/pypi/simple/":            {source: "pypi", list: true},
		"/pypi/simple/A_b":         {source: "pypi", page: "A_b", open: true},
		"/pypi/simple/a-b/":        {source: "pypi", page: "a-b"},
		"/pypi/simple/a/a-1.whl":   {source: "pypi", project: "a", file: "a-1.whl", open: true},
		"/pypi/packages/a/a-1.whl": {source: "pypi", project: "a", file: "a-1.whl", open: true},
	} {
		if got, ok := parseEndpoint(path); !ok || got != want {
			t.Errorf("%s: %+v, %t", path, got, ok)
		}
	}
	for _, path := range []string{"/", "/pypi/", "/pypi", "/pypi/simple/a/b/", "/pypi/simple/é/", "/pypi/simple/-/", "/pypi/packages/a/", "/pypi/packages/a/b/", "/pypi/other/a/b"} {
		if got, ok := parseEndpoint(path); ok {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// FuzzRequest reads what clients send.
func FuzzRequest(f *testing.F) {
	f.Add("/pypi/simple/a/", "application/vnd.pypi.simple.v1+json;q=0.3")
	f.Add("/pypi/packages/a/a-1-py3-none-any.whl.metadata", "*/*")
	f.Fuzz(func(t *testing.T, path, accept string) {
		if got := negotiate([]string{accept}); got.json && !strings.Contains(strings.ToLower(accept), "json") {
			t.Errorf("%q: JSON", accept)
		}
		if e, ok := parseEndpoint(path); ok && (e.list == (e.page != "") && e.file == "" || strings.Contains(e.file, "/")) {
			t.Errorf("%q: %+v", path, e)
		}
		if item := (Kind{}).Identify(path, accept); item != nil && item.Name == "" {
			t.Errorf("%q: %+v", path, item)
		}
	})
}

// FuzzParseVersions reads conditions of rules.
func FuzzParseVersions(f *testing.F) {
	f.Add(">=1,<2", "1.5")
	f.Add("<< 1:2", "x")
	f.Fuzz(func(t *testing.T, condition, version string) {
		if holds, err := (Kind{}).ParseVersions(condition); err == nil {
			holds(version)
		}
	})
}
