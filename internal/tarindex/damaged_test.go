package tarindex

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Headers of a tar that are damaged: what is behind them is found, and a damaged header's own file by its size, unless it is the last.
func TestOpenDamaged(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	var all bytes.Buffer
	w := tar.NewWriter(&all)
	content, at := map[string][]byte{}, map[string]int{}
	for i, size := range []int{700, 5000, 512, 90_000, 1} {
		name := fmt.Sprintf("part-%d", i)
		data := make([]byte, size)
		random.Read(data)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		content[name], at[name] = data, all.Len()
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(size), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	accept := func(name string) bool { return content[name] != nil }
	for _, damaged := range [][]string{nil, {"part-0"}, {"part-2"}, {"part-0", "part-3"}, {"part-1", "part-3"}} {
		data := bytes.Clone(all.Bytes())
		for _, name := range damaged {
			random.Read(data[at[name] : at[name]+block])
		}
		file := filepath.Join(t.TempDir(), "tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := OpenDamaged(file, accept)
		if err != nil {
			t.Fatal(damaged, err)
		}
		if (x.Cut != nil) != (damaged != nil) {
			t.Errorf("%v: %v", damaged, x.Cut)
		}
		for name, want := range content {
			e, found := x.Find(name, int64(len(want)))
			if !found {
				t.Errorf("%v: %s is not found", damaged, name)
				continue
			}
			got := make([]byte, e.Size)
			if _, err := x.File.ReadAt(got, e.Offset); err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
				t.Errorf("%v: %s is another: %v", damaged, name, err)
			}
		}
		if err := x.File.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
