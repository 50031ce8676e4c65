package bundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/content"
)

// A power cut may leave blobs that have their size, and other bytes, because the disk had not got them yet. The next import reads what is staged, and takes
// from the bundle what is wrong.
func TestPowerCut(t *testing.T) {
	s := newSide(t)
	l := sample(t, 7)
	stick := filepath.Join(t.TempDir(), "stick")
	h := s.exportTo(source(t, l.Dir, ""), stick)
	last := filepath.Join(stick, h.Parts[len(h.Parts)-1].Name)
	must(t, os.Rename(last, last+".away"))
	dest := t.TempDir()
	if _, err := s.importFrom(dest, stick); err == nil {
		t.Fatal("a part is missing, and there is no error")
	}
	staged, err := filepath.Glob(filepath.Join(dest, content.StagingFolder, "*", "sha256-*"))
	must(t, err)
	cut := 0
	for _, name := range staged {
		info, err := os.Stat(name)
		must(t, err)
		if filepath.Ext(name) == "" {
			must(t, os.WriteFile(name, make([]byte, info.Size()), 0o666))
			cut++
		}
	}
	if cut == 0 {
		t.Fatal("no blob is staged")
	}
	must(t, os.Rename(last+".away", last))
	if _, err := s.importFrom(dest, stick); err != nil {
		t.Fatal(err)
	}
	sameImages(t, l.Dir, dest)

	// A staged blob that is damaged does not take the place of a good one.
	folder := filepath.Join(dest, content.StagingFolder, filepath.Base(filepath.Dir(staged[0])))
	must(t, os.MkdirAll(folder, 0o777))
	for _, name := range staged {
		must(t, os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte("damaged"), 0o666))
	}
	if _, err := s.importFrom(dest, stick); err != nil {
		t.Fatal(err)
	}
	sameImages(t, l.Dir, dest)
}
