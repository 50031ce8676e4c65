package house

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFormat requires that every Go file is as gofmt writes it.
func TestFormat(t *testing.T) {
	const root = "../.."
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		formatted, err := format.Source(source)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if !bytes.Equal(source, formatted) {
			t.Errorf("%s is not formatted: run: gofmt -w %s", path, strings.TrimPrefix(path, root+"/"))
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("read %d Go files: %v", files, err)
	}
}
