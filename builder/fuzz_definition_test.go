package builder

import (
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// FuzzDefinition gives a mirror.yaml to all that reads it.
func FuzzDefinition(f *testing.F) {
	f.Add("name: a\ndebian:\n  sources: host\n  packages: [x, \"y (>= 1)\"]\nsets:\n  s: {debian: [x]}\n")
	f.Add("name: a\ndebian: {sources: [{name: d, urls: [\"http://h/x\"], suites: [s], components: [main], signed-by: x}]}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		d := &Definition{File: filepath.Join(dir, "mirror.yaml"), specs: make(map[string]artifact.Spec), Digest: lockfile.Digest([]byte(text))}
		d.sets = make(map[string]map[string]artifact.Section)
		if err := d.parse([]byte(text), kinds.All()); err != nil {
			if err.Error() == "" {
				t.Fatal("an error without text")
			}
			return
		}
		if d.Name == "" || len(d.kinds) == 0 {
			t.Fatalf("accepted without a name or a kind: %+v", d)
		}
		for _, kind := range kinds.All() {
			_, _ = d.Spec(kind)
		}
	})
}
