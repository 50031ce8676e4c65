package glob

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]") // a folder is no pattern
	for _, name := range []string{"def/x", "debs/b.deb", "debs/a.deb", "debs/c.txt", "debs/sub/d.deb", "debs/sub/deeper/e.deb", "debs/[x].deb", "top.deb"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"debs/link.deb": "b.deb", "debs/folder.deb": "sub", "debs/dangling.deb": "nothing"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	from := filepath.Join(dir, "def")
	for pattern, want := range map[string]string{
		"../debs/*.deb":            "../debs/[x].deb ../debs/a.deb ../debs/b.deb ../debs/dangling.deb ../debs/link.deb",
		"../debs/[a-b].deb":        "../debs/a.deb ../debs/b.deb",
		`../debs/\[x\].deb`:        "../debs/[x].deb",
		"../debs/**/d.deb":         "../debs/sub/d.deb",
		"../debs/**/e.deb":         "../debs/sub/deeper/e.deb",
		"../*/*/*.deb":             "../debs/sub/d.deb",
		"../*.deb":                 "../top.deb",
		"?":                        "x",
		"../debs/none.deb":         "../debs/none.deb",
		"../debs/*.none":           "",
		Quote(dir) + "/debs/*.txt": dir + "/debs/c.txt",
		"./../debs/?.txt":          "../debs/c.txt",
		"../debs/sub/**":           "../debs/sub/d.deb ../debs/sub/deeper/e.deb",
	} {
		names, err := Files(from, pattern)
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", pattern, got, err, want)
		}
		if !slices.IsSorted(names) {
			t.Errorf("%q: not sorted: %q", pattern, names)
		}
	}
	for _, wrong := range []string{"", "a[", "../nothing/*.deb"} {
		if names, err := Files(from, wrong); err == nil {
			t.Errorf("%q: %q", wrong, names)
		}
	}
}
