package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds"
)

func TestReadDefinition(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"good":               {"name: a\ndebian: {sources: host}\nsets:\n  s: {debian: [x]}\n", ""},
		"no name":            {"debian: {sources: host}\n", "name is missing"},
		"name with capitals": {"name: A\ndebian: {}\n", "mirror.yaml:1: name \"A\""},
		"name with a slash":  {"name: a/b\ndebian: {}\n", "mirror.yaml:1: name \"a/b\""},
		"name of no image":   {"name: a..b\ndebian: {}\n", "mirror.yaml:1: name \"a..b\": it becomes the image's name"},
		"unknown kind":       {"name: a\ndebain: {}\n", `mirror.yaml:2: unknown key "debain": did you mean "debian"?`},
		"no kind":            {"name: a\n", "mirror.yaml:1: nothing to carry: write at least one of the keys debian"},
		"set of no kind":     {"name: a\ndebian: {}\nsets:\n  s: {snaps: [x]}\n", "mirror.yaml:4: unknown key \"snaps\""},
		"set is a list":      {"name: a\ndebian: {}\nsets:\n  s: [x]\n", "mirror.yaml:4: want keys and values, not a list\nhint: write, for example: s: { debian: [NAME] }"},
		"sets are a list":    {"name: a\ndebian: {}\nsets: [x]\n", "mirror.yaml:3: want keys and values, not a list\nhint: write, for example: sets: { SET: { debian: [NAME] } }"},
		"bad set name":       {"name: a\ndebian: {}\nsets:\n  \"a b\": {debian: [x]}\n", "set \"a b\""},
		"duplicate":          {"name: a\nname: b\n", "mirror.yaml:2: duplicate key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, DefinitionFile), []byte(c.in), 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := ReadDefinition(dir, kinds.All())
			if c.want == "" {
				if err != nil || d.Name != "a" || d.LockFile() != filepath.Join(dir, "mirror.lock") {
					t.Fatal(d, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
		})
	}
	brackets := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.MkdirAll(filepath.Join(brackets, "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(brackets, "mine", DefinitionFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		brackets:                           "for example " + filepath.Join(brackets, "mine"),
		filepath.Join(t.TempDir(), "none"): "there is no definition",
		"../images":                        "hint: name a folder with a mirror.yaml, for example ../images/docker",
		"../images/docker/mirror.lock":     "a lock is not a definition\nhint: name the folder: ../images/docker",
	} {
		if _, err := ReadDefinition(path, kinds.All()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// TestShipped reads the definitions that the project ships.
func TestShipped(t *testing.T) {
	shipped, err := filepath.Glob("../images/*/" + DefinitionFile)
	if err != nil || len(shipped) < 2 {
		t.Fatal(shipped, err)
	}
	for _, file := range shipped {
		d, err := ReadDefinition(file, kinds.All())
		if err != nil {
			t.Error(err)
			continue
		}
		for _, kind := range kinds.All() {
			if _, err := d.Spec(kind); err != nil {
				t.Error(err)
			}
		}
	}
}
