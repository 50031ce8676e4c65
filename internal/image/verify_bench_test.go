package image_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// BenchmarkVerify verifies an image of 8,000 files and 400 MB; the rival reads the same bytes and hashes them twice, once for
// the layers and once for the files, and looks at nothing else.
func BenchmarkVerify(b *testing.B) {
	m, _ := many(b, 8000, 50_000)
	name := filepath.Join(b.TempDir(), "oci.tar")
	imagetest.WriteTar(b, name, m.Layout(b))
	for b.Loop() {
		var ours, rival []float64
		for range 5 {
			start := time.Now()
			must(b, verifyArchive(b, name))
			ours = append(ours, time.Since(start).Seconds())

			start = time.Now()
			f, err := os.Open(name)
			must(b, err)
			_, err = io.Copy(io.MultiWriter(sha256.New(), sha256.New()), f)
			must(b, errors.Join(err, f.Close()))
			rival = append(rival, time.Since(start).Seconds())
		}
		slices.Sort(ours)
		slices.Sort(rival)
		b.ReportMetric(ours[2], "s/verify")
		b.ReportMetric(rival[2], "s/sha256")
		b.ReportMetric(ours[2]/rival[2], "ratio")
	}
}

func verifyArchive(b *testing.B, name string) error {
	r, err := image.OpenReader(b.Context(), image.Reference{Path: name}, image.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Verify(b.Context())
}
