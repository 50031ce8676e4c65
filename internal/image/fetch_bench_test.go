package image_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// BenchmarkFetch takes 300 MB out of an image, verified, into files; the rival is cat, which copies the same bytes.
func BenchmarkFetch(b *testing.B) {
	const count, size = 600, 500_000
	m, want := many(b, count, size)
	dir := b.TempDir()
	imagetest.WriteTar(b, filepath.Join(dir, "oci.tar"), m.Layout(b))
	for path, content := range want {
		want[path] = ""
		must(b, os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(content), 0o644))
	}
	clear(want)
	m = nil
	for b.Loop() {
		var ours, cat []float64
		for range 5 {
			out := filepath.Join(dir, "out")
			must(b, os.Mkdir(out, 0o755))
			start := time.Now()
			must(b, fetchInto(b, filepath.Join(dir, "oci.tar"), out, count))
			ours = append(ours, time.Since(start).Seconds())
			must(b, os.RemoveAll(out))

			must(b, os.Mkdir(out, 0o755))
			start = time.Now()
			text := fmt.Sprintf("cat %s/*.bin >%s/all", dir, out)
			if answer, err := exec.Command("sh", "-c", text).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, answer)
			}
			cat = append(cat, time.Since(start).Seconds())
			must(b, os.RemoveAll(out))
		}
		slices.Sort(ours)
		slices.Sort(cat)
		b.ReportMetric(ours[2], "s/fetch")
		b.ReportMetric(cat[2], "s/cat")
		b.ReportMetric(ours[2]/cat[2], "ratio")
	}
}

func fetchInto(b *testing.B, archive, dir string, count int) error {
	r, err := image.OpenReader(b.Context(), image.Reference{Path: archive}, image.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("pool/%04d.bin", i))
	}
	return r.Fetch(b.Context(), records(b, r, names...), func(f catalog.File) (image.Delivery, error) {
		file, err := os.Create(filepath.Join(dir, strings.ReplaceAll(f.Path, "/", "_")))
		return fileDelivery{file}, err
	})
}

type fileDelivery struct{ *os.File }

func (f fileDelivery) Commit() error { return f.Close() }
func (f fileDelivery) Abort()        { f.Close() }
