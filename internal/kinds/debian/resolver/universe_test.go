package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A testIndex is one Packages file of a made-up archive. The text has a line
// "NAME VERSION [ARCHITECTURE [CONTENT]]" for each package, with lines "Field:
// value" under it that begin with a space. Packages of one name, version,
// architecture and content are the same file.
type testIndex struct {
	deb822.Origin
	text string
}

// index makes the origin of a suite: "bookworm", "bookworm/arm64" or
// "source:bookworm/arm64".
func index(place, text string) testIndex {
	name, place, found := strings.Cut(place, ":")
	if !found {
		name, place = "debian", name
	}
	suite, architecture, found := strings.Cut(place, "/")
	if !found {
		architecture = "amd64"
	}
	return testIndex{deb822.Origin{Source: name, Suite: suite, Component: "main", Architecture: architecture}, text}
}

// stanzas writes the Packages file.
func (x testIndex) stanzas() []string { return debiantest.StanzasOf(x.text, x.Architecture) }

func newTestUniverse(t testing.TB, indexes ...testIndex) *Universe {
	t.Helper()
	u := NewUniverse("amd64")
	for _, x := range indexes {
		u.Add(x.Origin, []byte(strings.Join(x.stanzas(), "\n")))
	}
	return u
}

// texts writes packages as "name version", with the architecture if it is not
// amd64.
func texts(packages []*Package) string {
	var all []string
	for _, p := range packages {
		text := p.Name + " " + p.Version
		if p.Architecture != "amd64" {
			text += " " + p.Architecture
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestAll(t *testing.T) {
	u := newTestUniverse(t,
		index("bookworm", "b 1\na 2\na 10\nc 1 all\nd 1 all\nforeign 1 riscv64\nsame 1 amd64 x"),
		index("bookworm/arm64", "a 2\nc 1 all"),
		index("updates", "a 10\na 10\nb 2"),
		index("other:stable", "a 10\nsame 1 amd64 y"),
		index("flat:./", "c 1 all other\n"))
	all := u.All()
	if got, want := texts(all), "a 2, a 2 arm64, a 10, b 1, b 2, c 1 all, c 1 all, d 1 all, same 1, same 1"; got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for i, want := range map[int]string{
		0: "debian bookworm amd64", 1: "debian bookworm arm64", // different files
		2: "debian bookworm amd64, debian updates amd64, other stable amd64", // one file in three indexes
		3: "debian bookworm amd64",
	} {
		var origins []string
		for _, o := range all[i].Origins {
			origins = append(origins, o.Source+" "+o.Suite+" "+o.Architecture)
		}
		if got := strings.Join(origins, ", "); got != want {
			t.Errorf("%v: origins %s, want %s", all[i], got, want)
		}
	}
	for _, p := range all {
		if p.Filename != fmt.Sprintf("pool/%s_%s_%s.deb", p.Name, p.Version, p.Architecture) || p.Size != 1000 || len(p.SHA256) != 64 {
			t.Errorf("%+v", p)
		}
		for i := range p.Origins {
			if s := p.Stanza(i); !strings.HasPrefix(s, "Package: "+p.Name+"\n") || strings.HasSuffix(s, "\n") {
				t.Errorf("%v: stanza %q", p, s)
			}
		}
	}
	if again := u.All(); again[0] != all[0] {
		t.Error("two Packages for one file")
	}
}
