package netrc_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact/netrc"
)

const text = `# machine commented login a password b
machine One.example.org login a password "b"
machine two.example.org
	login c
	account x
	password #d
macdef init
machine macro.example.org login no password no

machine one.example.org login later password later
machine three.example.org password only
default login anonymous password x@y
machine`

func written(entries []netrc.Entry) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, e.Machine+" "+e.Userinfo().String())
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	const want = "One.example.org a:b\ntwo.example.org c:%23d\none.example.org later:later\nthree.example.org :only"
	if got := written(netrc.Parse(text)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// The plain dialect has no quotation marks, macros, accounts and defaults.
	const plain = "One.example.org a:%22b%22\ntwo.example.org c:%23d\nmacro.example.org no:no\none.example.org later:later\nthree.example.org anonymous:x%40y"
	if got := written(netrc.ParsePlain(text)); got != plain {
		t.Errorf("plain: got\n%s\nwant\n%s", got, plain)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("machine h login u password p\nmacdef m\nx\n\ndefault login a")
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range append(netrc.Parse(text), netrc.ParsePlain(text)...) {
			if strings.ContainsAny(e.Machine+e.User+e.Password, " \t\r\n") {
				t.Fatalf("%+v", e)
			}
		}
	})
}
