package builder

import (
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A content that two sources have is one file to fetch, from the addresses of both.
func TestDistinct(t *testing.T) {
	a := fetch.Wanted{Content: artifact.Content{Size: 1, SHA256: "a"}, URLs: []string{"http://ftp.debian.org/a"}}
	b := fetch.Wanted{Content: artifact.Content{Size: 2, SHA256: "b"}, URLs: []string{"http://ftp.debian.org/b"}}
	again := fetch.Wanted{Content: a.Content, URLs: []string{"http://mirror.example.org/a"}}
	got := distinct([]fetch.Wanted{a, b, again})
	if len(got) != 2 || !slices.Equal(got[0].URLs, []string{"http://ftp.debian.org/a", "http://mirror.example.org/a"}) || got[1].Size != 2 || len(a.URLs) != 1 {
		t.Errorf("%v", got)
	}
}

// A file that two items share is carried once, in the layer of all sets that need it.
func TestSharedFile(t *testing.T) {
	base := artifact.File{Path: "base", Size: 10, SHA256: "b"}
	lock := &lockfile.Lock{
		Items: []artifact.Item{
			{Source: "s", Key: "one", Files: []artifact.File{{Path: "one", Size: 1}, base}},
			{Source: "s", Key: "two", Files: []artifact.File{{Path: "two", Size: 2}, base}},
			{Source: "other", Key: "three", Files: []artifact.File{base}},
		},
		Sets: []artifact.Set{{Name: "x", Architecture: "amd64", Items: []string{"s/one"}}, {Name: "y", Architecture: "amd64", Items: []string{"s/two"}}},
	}
	var ids []string
	for _, g := range groupFiles(lockedFiles(lock)) {
		for _, f := range g.files {
			ids = append(ids, g.title+": "+f.id)
		}
	}
	want := []string{"sets: x amd64: s/one", "sets: x amd64, y amd64: s/base", "sets: y amd64: s/two", "items of no set: other/base"}
	if !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}
