package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/content"
)

// wholeOnly is a sink that takes whole blobs alone, as a registry does.
type wholeOnly struct{ content.Sink }

// Blobs that are in several parts get into a sink that takes only whole ones, if the parts come in order; what could not be put together is read again.
func TestWholeBlobsOnly(t *testing.T) {
	s := newSide(t).encrypted()
	l := sample(t, 1)
	carried, dest := t.TempDir(), ""
	h := s.exportTo(source(t, l.Dir, ""), carried)
	run := func() error {
		m, err := medium.OpenFolder(carried)
		must(t, err)
		defer m.Close()
		im := s.importer(dest)
		im.Open = func(h *bundle.Header) ([]content.Sink, error) {
			sink, err := content.NewLayoutSink(dest, h.ID)
			return []content.Sink{wholeOnly{sink}}, err
		}
		_, err = im.Import(t.Context(), []medium.Medium{m})
		return err
	}
	for _, n := range []int{1, 2, 4, h.PartCount} {
		dest = filepath.Join(t.TempDir(), "site")
		file := filepath.Join(carried, h.Parts[n-1].Name)
		data, err := os.ReadFile(file)
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(file, data, 0o600))
		if err := run(); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), h.Parts[n-1].Name) || visible(dest) {
			t.Errorf("part %d is damaged: %v", n, err)
		}
		must(t, os.Rename(file, file+".away"))
		if err := run(); err == nil || !strings.Contains(err.Error(), h.Parts[n-1].Name+": missing") || visible(dest) {
			t.Errorf("part %d is missing: %v", n, err)
		}
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(file, data, 0o600))
		must(t, run())
		sameImages(t, l.Dir, dest)
	}
}
