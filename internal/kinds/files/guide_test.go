package files_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/files"
	"github.com/minimirror/minimirror/internal/rules"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// TestGuide reads the examples of docs/files.md.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys/release.asc"), debiantest.NewKey("release").Armored(), 0o644); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(examples[0][1], "5ad0…", strings.Repeat("a", 64))
	section, err := strictyaml.Parse("mirror.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := section.Keys([]string{"files", "sets"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (files.Kind{}).Parse(parts["files"], nil, dir); err != nil {
		t.Error(err)
	}
	if _, err := rules.Parse("rules.yaml", []byte(examples[1][1]), []rules.Kind{files.Kind{}}); err != nil {
		t.Error(err)
	}
}
