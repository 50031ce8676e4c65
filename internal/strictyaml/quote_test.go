package strictyaml

import (
	"slices"
	"testing"
	"unicode/utf8"
)

var quoted = map[string]string{
	"a": "a", "http://h/p": "http://h/p", "nginx (>= 1.22)": "nginx (>= 1.22)", "?essential": `"?essential"`, "*-doc": `"*-doc"`, "on": "on", "true": `"true"`, "1.10": `"1.10"`,
	"2026-01-01": `"2026-01-01"`, "": `""`, "a, b": `"a, b"`, "a: b": `"a: b"`, "a #b": `"a #b"`, "~": `"~"`, " a": `" a"`, "[a]": `"[a]"`, "ä": "ä", "a\"\\b\n": `"a\"\\b\n"`,
}

func TestQuote(t *testing.T) {
	for text, want := range quoted {
		if got := Quote(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// FuzzQuote reads what was written, as a value and within a list.
func FuzzQuote(f *testing.F) {
	for text := range quoted {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		var d document
		err := Decode("f", []byte("name: "+Quote(text)+"   # comment\nlist: "+QuoteList([]string{"x", text, text})+"\n"), &d)
		if err != nil || d.Name != text || !slices.Equal(d.List, []string{"x", text, text}) {
			t.Fatalf("%q: %v, %q, %q", text, err, d.Name, d.List)
		}
	})
}
