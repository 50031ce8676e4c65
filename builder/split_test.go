package builder

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// What all images have is placed as if there were no others; an image's own layers are above, and none hides what is wanted below it.
func TestPlaceOwn(t *testing.T) {
	sum := strings.Repeat("a", 64)
	file := func(path string) *lockedFile {
		f := artifact.File{Path: path, Size: 10, SHA256: sum}
		item := &artifact.Item{Source: "s", Name: path, Files: []artifact.File{f}}
		return &lockedFile{File: &item.Files[0], id: "s/" + path, item: item}
	}
	old := func(architecture string, files ...string) placement.Layer {
		l := placement.Layer{Title: "old", Architecture: architecture}
		for _, f := range files {
			l.Files = append(l.Files, placement.File{Path: "mirror/s/" + f, Size: 10, SHA256: sum})
		}
		return l
	}
	p := &plan{part: part{architecture: "amd64", lock: &lockfile.Lock{}, shared: map[string]bool{"s/all": true, "s/dir/all": true},
		items: []*lockedFile{file("all"), file("dir/all"), file("own"), file("own2"), file("own3"), file("own4")}}}
	for name, c := range map[string]struct {
		base []placement.Layer
		want string // architectures and files of the layers; kept ones in brackets
	}{
		"a first image":        {nil, "all,dir/all amd64:own,own2,own3,own4"},
		"its own layers":       {[]placement.Layer{old("", "all", "dir/all"), old("amd64", "own", "own2"), old("arm64", "own3")}, "[all,dir/all] [amd64:own,own2] amd64:own3,own4"},
		"the same path":        {[]placement.Layer{old("", "all", "dir/all"), old("amd64", "all", "own", "own2", "own3")}, "[all,dir/all] amd64:own,own2,own3,own4"},
		"a folder above":       {[]placement.Layer{old("amd64", "all/x", "own", "own2", "own3")}, "all,dir/all amd64:own,own2,own3,own4"},
		"a file for a folder":  {[]placement.Layer{old("amd64", "dir", "own", "own2", "own3")}, "all,dir/all amd64:own,own2,own3,own4"},
		"from an image of all": {[]placement.Layer{old("", "all", "dir/all", "own"), old("", "own2", "own3", "own4")}, "all,dir/all amd64:own,own2,own3,own4"},
	} {
		p.base = c.base
		if err := p.place(map[placement.File]tarlayer.Entry{}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range p.placed {
			var files []string
			for _, f := range l.Files {
				files = append(files, strings.TrimPrefix(f.Path, "mirror/s/"))
			}
			text := strings.Join(files, ",")
			if l.Architecture != "" {
				text = l.Architecture + ":" + text
			}
			if l.Kept {
				text = "[" + text + "]"
			}
			got = append(got, text)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
	p.architecture, p.base = "", []placement.Layer{old("", "all", "dir/all"), old("amd64", "own", "own2"), old("arm64", "own3", "own4")}
	if err := p.place(map[placement.File]tarlayer.Entry{}); err != nil || len(p.placed) != 3 || slices.ContainsFunc(p.placed, func(l placement.Layer) bool { return !l.Kept || l.Architecture != "" }) {
		t.Errorf("all in one image again: %v, %+v", err, p.placed)
	}
}
