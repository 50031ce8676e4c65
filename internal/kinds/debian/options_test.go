package debian_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestSourcesOfAFlatRepository: it has its Sources beside its Packages.
func TestSourcesOfAFlatRepository(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, "Suite: flat/\nSources: yes\n\nPackage: app\nSource: suite\n\nPackage: other\n"), ", sources: true", "[app]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(l.Items), "app 1.0 (all); suite 1.0 (source)"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if _, err := l.verify(); err != nil {
		t.Fatal(err)
	}
	sources := l.mirror["d/flat/Sources"]
	if !strings.Contains(string(sources), "Package: suite\n") || strings.Contains(string(sources), "other") || !strings.Contains(string(l.mirror["d/flat/Release"]), debiantest.SHA256(sources)) {
		t.Errorf("Sources is\n%s", sources)
	}
}

// TestUpdateOfOneNameWithOptions: the source package moves with the package that is named, and those of others stay.
func TestUpdateOfOneNameWithOptions(t *testing.T) {
	const old = "Suite: bookworm\nSources: yes\n\nPackage: app\nVersion: 1\n\nPackage: other\nVersion: 1\n"
	const both = old + "\nPackage: app\nVersion: 2\n\nPackage: other\nVersion: 2\n\nPackage: tool\nPackage-Type: udeb\nVersion: 2\n"
	const options, packages = ", sources: true", "[app, other]"
	before, err := lockArchive(t, parseArchive(t, old), options, packages)
	if err != nil {
		t.Fatal(err)
	}
	named := *before
	resolution := *before.Resolution
	resolution.Items = slices.DeleteFunc(slices.Clone(before.Items), func(i artifact.Item) bool { return i.Name == "app" })
	named.Resolution = &resolution
	for _, test := range []struct {
		before        *lockedArchive
		options, want string
	}{
		{before, options, "app 1 (all); other 1 (all); app 1 (source); other 1 (source)"},
		{&named, options, "app 2 (all); other 1 (all); app 2 (source); other 1 (source)"},
		{&named, options + ", udebs: true", "app 2 (all); other 1 (all); app 2 (source); other 1 (source); tool 2 (all)"},
	} {
		l, err := lockArchive(t, parseArchive(t, both), test.options, packages, test.before)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(l.Items); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
