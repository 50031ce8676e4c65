package house

import (
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestMain lists the whole tree. The tests run git and go, and go does not know what these read: without the lists, it would print the
// cached result of a tree that has changed since.
func TestMain(m *testing.M) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{"../../.git", "../../bin", "../../out"}, path) {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}
