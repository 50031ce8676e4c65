package bundle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/contenttest"
)

// Verify reads every part, with and without the key that decrypts them, names what is wrong, and stores nothing.
func TestVerify(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		s := newSide(t)
		if encrypted {
			s.encrypted()
		}
		src := sample(t, 1).Dir
		dir := filepath.Join(t.TempDir(), "b")
		h := s.exportTo(source(t, src, ""), dir)
		verify := func(keyless bool) (*bundle.Imported, error) {
			t.Helper()
			m, err := medium.OpenFolder(dir)
			must(t, err)
			defer m.Close()
			im := s.importer(filepath.Join(t.TempDir(), "unused"))
			if keyless {
				im.Openers = nil
			}
			return im.Verify(t.Context(), []medium.Medium{m})
		}
		for _, keyless := range []bool{false, true} {
			done, err := verify(keyless)
			must(t, err)
			if done.Carried != (encrypted && keyless) || len(done.Parts) != h.PartCount {
				t.Errorf("encrypted %v, without key %v: %+v", encrypted, keyless, done)
			}
			for _, p := range done.Parts {
				if p.Status != bundle.Verified || p.SHA256 != h.Part(p.Number).SHA256 {
					t.Errorf("%+v", p)
				}
			}
		}
		// One bit in each part, one after the other: that part alone is bad.
		for _, p := range h.Parts {
			file := filepath.Join(dir, p.Name)
			data, err := os.ReadFile(file)
			must(t, err)
			data[len(data)-1] ^= 1
			must(t, os.WriteFile(file, data, 0o600))
			for _, keyless := range []bool{false, true} {
				done, err := verify(keyless)
				if !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), p.Name) {
					t.Fatalf("%s: %v", p.Name, err)
				}
				for _, other := range done.Parts {
					if (other.Status == bundle.Bad) != (other.Number == p.Number) {
						t.Errorf("%s is changed, and %s is %s", p.Name, other.Name, other.Status)
					}
				}
			}
			data[len(data)-1] ^= 1
			must(t, os.WriteFile(file, data, 0o600))
		}
		must(t, os.Remove(filepath.Join(dir, h.Parts[1].Name)))
		if done, err := verify(true); err == nil || errors.Is(err, artifact.ErrVerify) || done.Parts[1].Status != bundle.Missing {
			t.Errorf("missing: %v", err)
		}
		strange := newSide(t)
		s.key = strange.key
		if done, err := verify(true); !errors.Is(err, artifact.ErrVerify) || done != nil {
			t.Errorf("another key: %v", err)
		}
	}
}

// The base of a delta is somewhere else: it does not have to be there.
func TestVerifyDelta(t *testing.T) {
	s := newSide(t)
	l := contenttest.New(t, 3)
	l.List("one", l.Image(100_000, 50_000))
	src := source(t, l.Dir, "")
	images, err := src.Images(t.Context())
	must(t, err)
	old, err := content.Walk(t.Context(), src, images)
	must(t, err)
	l.List("two", l.Image(10_000))
	s.options.Base = &bundle.Base{Blobs: old.Blobs}
	dir := filepath.Join(t.TempDir(), "delta")
	s.exportTo(source(t, l.Dir, ""), dir)
	m, err := medium.OpenFolder(dir)
	must(t, err)
	defer m.Close()
	if _, err := s.importer(t.TempDir()).Verify(t.Context(), []medium.Medium{m}); err != nil {
		t.Error(err)
	}
}

// sized is a folder with so much room.
type sized struct {
	medium.Medium
	free int64
}

func (s *sized) Free(context.Context) (int64, error) { return s.free, nil }

// A forecast says what Export then writes, and Export writes nothing if there is no room for it.
func TestForecast(t *testing.T) {
	s := newSide(t).encrypted()
	src := source(t, sample(t, 1).Dir, "")
	dir := filepath.Join(t.TempDir(), "b")
	f, err := s.exporter(src, folderMedium(t, dir)).Forecast(t.Context())
	must(t, err)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a forecast wrote something: %v", err)
	}
	h := s.exportTo(src, dir)
	size := int64(0)
	for _, p := range h.Parts {
		size += p.Size
	}
	if f.ID != h.ID || f.Write.Count != h.PartCount || f.Write.Size != size || f.Parts != f.Write || f.Kept.Count != 0 || !f.Exact || f.Fits() != nil || f.Blobs.Count != len(h.Blobs) {
		t.Errorf("%+v, and %d bytes were written", f, size)
	}
	must(t, os.Remove(filepath.Join(dir, h.Parts[2].Name)))
	f, err = s.exporter(src, folderMedium(t, dir)).Forecast(t.Context())
	must(t, err)
	if f.Kept.Count != h.PartCount-1 || f.Write.Count != 1 || f.Write.Size != h.Parts[2].Size {
		t.Errorf("%+v", f)
	}

	// Without room on the only medium, or on all of them together, nothing is written.
	small := func() medium.Medium {
		return &sized{folderMedium(t, filepath.Join(t.TempDir(), "small")), 400_000}
	}
	for n := 1; n <= 2; n++ {
		var media []medium.Medium
		for range n {
			media = append(media, small())
		}
		e := s.exporter(src, media...)
		f, err := e.Forecast(t.Context())
		must(t, err)
		if f.Lacks == 0 || f.Fits() == nil {
			t.Errorf("%d media: %+v", n, f)
		}
		if _, err := s.exporter(src, media...).Export(t.Context()); err == nil || !strings.Contains(err.Error(), "room for") {
			t.Errorf("%d media: %v", n, err)
		}
		for _, m := range media {
			if files, err := m.List(t.Context()); err != nil || len(files) != 0 {
				t.Errorf("%v, %v", files, err)
			}
		}
	}
	// With a capacity, the number of media is known before.
	e := s.exporter(src, folderMedium(t, filepath.Join(t.TempDir(), "x")))
	e.Capacity = 600_000
	f, err = e.Forecast(t.Context())
	must(t, err)
	parts := 0
	for _, m := range f.Media {
		parts += m.Parts
		if m.Size > e.Capacity {
			t.Errorf("%+v", m)
		}
	}
	if parts != h.PartCount || len(f.Media) < 4 || f.Fits() != nil {
		t.Errorf("%+v", f)
	}
	n := 0
	e = s.exporter(src)
	e.Capacity = 600_000
	e.Next = func(context.Context, int) (medium.Medium, error) {
		n++
		return folderMedium(t, filepath.Join(t.TempDir(), "n")), nil
	}
	if _, err := e.Export(t.Context()); err != nil || n != len(f.Media) {
		t.Errorf("%d media, and %d were forecast: %v", n, len(f.Media), err)
	}
}
