package debian

import (
	"io"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// Each section keeps the pins of its own system, and a section that becomes one of a list keeps those that it had.
func TestSectionsKeepTheirPins(t *testing.T) {
	key := debiantest.NewKey("k")
	suite := func(name string, versions ...string) *debiantest.Suite {
		s := &debiantest.Suite{Name: name, SignedBy: []*debiantest.Key{key}, Architectures: []string{"amd64"}}
		for _, v := range versions {
			s.Packages = append(s.Packages, &debiantest.Package{Name: "app", Version: v})
		}
		return s
	}
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{suite("one", "1", "2"), suite("two", "1", "2")}}
	source := func(suite string) string {
		return "sources: [{ name: d, urls: [URL], suites: [" + suite + "], components: [main], architectures: [amd64], signed-by: key.asc }], packages: "
	}
	lock := func(text string, previous ...*artifact.Resolution) *artifact.Resolution {
		t.Helper()
		var req artifact.ResolveRequest
		for _, r := range previous {
			req.Previous = artifact.Pins{Sources: r.Sources, Items: r.Items}
			req.Locked = r.Items
		}
		r, err := resolveSaying(t, archive, key, text, req, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := func(r *artifact.Resolution, pins ...string) {
		t.Helper()
		var got []string
		for _, i := range r.Items {
			got = append(got, i.Source+" "+i.Version)
		}
		if strings.Join(got, ", ") != strings.Join(pins, ", ") {
			t.Errorf("got %s, want %s", got, pins)
		}
	}
	alone := lock("{ " + source("one") + "[app=1] }")
	want(alone, "d 1")
	two := "[{ name: a, " + source("one") + "[app] }, { name: b, " + source("two") + "[app] }]"
	want(lock(two), "a-d 2", "b-d 2")
	want(lock(two, alone), "a-d 1", "b-d 1") // the lock knew no systems
	mixed := lock("[{ name: a, " + source("one") + "[app=1] }, { name: b, " + source("two") + "[app=2] }]")
	want(lock(two, mixed), "a-d 1", "b-d 2")
	for _, s := range mixed.Sources {
		if s.System+"-d" != s.Name {
			t.Errorf("source %s is for %q", s.Name, s.System)
		}
	}
}
