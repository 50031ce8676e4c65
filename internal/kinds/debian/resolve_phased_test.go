package debian

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// TestPhasedUpdates: a version that upstream gives to a part of the machines waits.
func TestPhasedUpdates(t *testing.T) {
	archive, err := debiantest.Parse(debiantest.PhasedArchive)
	if err != nil {
		t.Fatal(err)
	}
	const sources = `sources: [{name: d, urls: [URL], suites: [stable, stable-updates], components: [main], architectures: [amd64], signed-by: key.asc%s}]` + "\n"
	const waits = "upstream is still phasing in these updates, so they are not taken yet: foo 2 (all) (30 %; 1 stays) and foo-data 2 (all) (30 %; 1 stays)"
	both := func(option, rest string) string { return strings.Replace(sources, "%s", option, 1) + rest }
	for _, c := range []struct{ definition, want, says string }{
		{both("", "packages: [foo, bar]"), "bar 2, foo 1, foo-data 1", waits},
		{both("", "packages: [fresh, odd]"), "fresh 1, odd 1", "taken although upstream is still phasing them in, because no other version would do: fresh 1 (all) (0 %)"},
		{both("", "packages: [needs]"), "foo 2, foo-data 2, needs 1", "foo 2 (all) (30 %) and foo-data 2 (all) (30 %)"},
		{both("", "packages: [foo=2]"), "foo 2, foo-data 2", "taken although"},
		{both("", "packages: [foo/stable-updates]"), "foo 2, foo-data 2", "taken although"},
		{both(", phased: take", "packages: [foo]"), "foo 2, foo-data 2", ""},
		{both("", "phased: take\npackages: [foo]"), "foo 2, foo-data 2", ""},
		{both(", phased: wait", "phased: take\npackages: [foo]"), "foo 1, foo-data 1", waits},
		{both("", "exclude: [foo=2, foo-data=2]\npackages: [foo]"), "foo 1, foo-data 1", ""},
	} {
		var said strings.Builder
		r, err := resolveSaying(t, archive, archive.Keys["archive"], c.definition, artifact.ResolveRequest{}, &said)
		if err != nil {
			t.Errorf("%s: %v", c.definition, err)
			continue
		}
		if got := namesOf(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.definition, got, c.want)
		}
		if c.says == "" && said.Len() > 0 || !strings.Contains(said.String(), c.says) {
			t.Errorf("%s: said %s, want %s", c.definition, said.String(), c.says)
		}
		for i := range r.Items {
			if deb822.MetadataField(&r.Items[i], "Phased-Update-Percentage") != "" {
				t.Errorf("%v: the image would say that it is being phased in for ever", &r.Items[i])
			}
		}
	}

	// What was locked before stays, with --update too.
	taken, err := resolve(t, archive, archive.Keys["archive"], both(", phased: take", "packages: [foo]"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := resolveSaying(t, archive, archive.Keys["archive"], both("", "packages: [foo]"), artifact.ResolveRequest{Previous: artifact.Pins{Items: taken.Items}}, &strings.Builder{})
	if err != nil || namesOf(again) != "foo 2, foo-data 2" {
		t.Errorf("after a lock with foo 2: %s, %v", namesOf(again), err)
	}

	if _, err := (Kind{}).Parse(mustParse(t, strings.Replace(both(", phased: often", "packages: [foo]"), "URL", "http://h", 1)), nil, t.TempDir()); err == nil || !strings.Contains(err.Error(), `mirror.yaml:1: phased: "often": write wait or take`) {
		t.Errorf("phased: often: %v", err)
	}
}

func mustParse(t *testing.T, text string) artifact.Section {
	t.Helper()
	section, err := strictyaml.Parse("mirror.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return section
}

func namesOf(r *artifact.Resolution) string {
	var all []string
	for i := range r.Items {
		all = append(all, r.Items[i].Name+" "+r.Items[i].Version)
	}
	return strings.Join(all, ", ")
}
