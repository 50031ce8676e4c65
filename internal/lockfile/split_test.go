package lockfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// splitLock has items of two kinds: for two architectures, for all, a foreign one that a set needs, and those of a source for one architecture.
func splitLock() *lockfile.Lock {
	item := func(kind, source, name, architecture string) artifact.Item {
		i := artifact.Item{Kind: kind, Source: source, Name: name, Version: "1", Files: []artifact.File{{Path: name + "_" + architecture}}}
		if architecture != "" {
			i.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {architecture}})
		}
		return i
	}
	source := func(kind, name, architectures string) artifact.Source {
		release := artifact.Release{Name: "bookworm", Metadata: []string{"Codename: bookworm", "Architectures: " + architectures}}
		for _, index := range []string{"InRelease", "main/binary-amd64/Packages.xz", "main/binary-armhf/Packages.xz", "main/Contents-armhf.gz", "main/i18n/Translation-en.xz"} {
			release.Proofs = append(release.Proofs, artifact.Proof{Path: "dists/bookworm/" + index})
		}
		return artifact.Source{Kind: kind, Name: name, Releases: []artifact.Release{release}}
	}
	return &lockfile.Lock{
		Sources: []artifact.Source{source("debian", "d", "amd64 armhf i386"), source("debian", "v", "armhf"), source("files", "f", "")},
		Items: []artifact.Item{
			item("debian", "d", "app", "amd64"), item("debian", "d", "app", "armhf"), item("debian", "d", "data", "all"), item("debian", "d", "lib", "i386"),
			item("debian", "d", "other", "i386"), item("debian", "d", "src", "source"), item("debian", "v", "doc", "all"), item("debian", "v", "tool", "armhf"),
			item("files", "f", "notes", ""), item("files", "f", "x", "x86_64"), item("files", "f", "y", "armhf"),
		},
		Sets: []artifact.Set{
			{Name: "s", Architecture: "amd64", Items: []string{"d/app_amd64", "d/lib_i386", "d/data_all", "f/y_armhf"}, Requested: []string{"d/app_amd64", "f/y_armhf"}},
			{Name: "s", Architecture: "armhf", Items: []string{"d/app_armhf"}},
			{Name: "t", Architecture: artifact.AnyArchitecture, Items: []string{"f/y_armhf"}},
		},
	}
}

func TestForArchitecture(t *testing.T) {
	lock := splitLock()
	if got := lock.Architectures(kinds.All()); !slices.Equal(got, []string{"386", "amd64", "arm"}) {
		t.Errorf("%v", got)
	}
	for architecture, want := range map[string][]string{
		"amd64": {"d/app_amd64 d/data_all d/lib_i386 d/src_source f/notes_ f/x_x86_64", "s amd64: d/app_amd64 d/lib_i386 d/data_all (d/app_amd64)",
			"d Architectures: amd64: InRelease main/binary-amd64/Packages.xz main/i18n/Translation-en.xz; f Architectures: : " + allProofs},
		"arm": {"d/app_armhf d/data_all d/src_source v/doc_all v/tool_armhf f/notes_ f/y_armhf", "s armhf: d/app_armhf (); t any: f/y_armhf ()",
			"d Architectures: armhf: InRelease main/binary-armhf/Packages.xz main/Contents-armhf.gz main/i18n/Translation-en.xz; " +
				"v Architectures: armhf: InRelease main/binary-amd64/Packages.xz main/binary-armhf/Packages.xz main/Contents-armhf.gz main/i18n/Translation-en.xz" + "; f Architectures: : " + allProofs},
		"386": {"d/data_all d/lib_i386 d/other_i386 d/src_source f/notes_", "", "d Architectures: i386: InRelease main/i18n/Translation-en.xz; f Architectures: : " + allProofs},
	} {
		part := lock.ForArchitecture(kinds.All(), architecture)
		var items, sets, sources []string
		for i := range part.Items {
			items = append(items, part.Items[i].ID())
		}
		for _, s := range part.Sets {
			sets = append(sets, s.Name+" "+s.Architecture+": "+strings.Join(s.Items, " ")+" ("+strings.Join(s.Requested, " ")+")")
		}
		for _, s := range part.Sources {
			var proofs []string
			for _, p := range s.Releases[0].Proofs {
				proofs = append(proofs, strings.TrimPrefix(p.Path, "dists/bookworm/"))
			}
			sources = append(sources, s.Name+" "+s.Releases[0].Metadata[1]+": "+strings.Join(proofs, " "))
		}
		for i, got := range []string{strings.Join(items, " "), strings.Join(sets, "; "), strings.Join(sources, "; ")} {
			if got != want[i] {
				t.Errorf("%s: got  %s\nwant %s", architecture, got, want[i])
			}
		}
	}
	if again := splitLock(); len(lock.Sources[0].Releases[0].Proofs) != 5 || lock.Sources[0].Releases[0].Metadata[1] != again.Sources[0].Releases[0].Metadata[1] || len(lock.Sets[0].Items) != 4 {
		t.Error("the lock itself has changed")
	}
}

const allProofs = "InRelease main/binary-amd64/Packages.xz main/binary-armhf/Packages.xz main/Contents-armhf.gz main/i18n/Translation-en.xz"
