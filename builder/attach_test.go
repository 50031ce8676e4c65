package builder

import (
	"io"
	"os"
	"testing"

	"github.com/minimirror/minimirror/internal/cache"
)

// What is attached stays in its temporary file while another build with the same cache begins, which removes what killed builds left behind.
func TestSpoolStays(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := &attachments{}
	blob, err := a.spool(store.TempDir(), "text/plain", func(w io.Writer) error {
		_, err := io.WriteString(w, "a list")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Open(dir); err != nil {
		t.Fatal(err)
	}
	in, err := blob.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if in.Close(); err != nil || string(text) != "a list" || blob.Size != 6 {
		t.Errorf("%q, %v", text, err)
	}
	a.remove()
	if left, err := os.ReadDir(store.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
