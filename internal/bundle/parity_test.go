package bundle_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/fec"
)

// withParity exports a bundle with parity.
func (s *side) withParity(dir, share string, media ...medium.Medium) *bundle.Exporter {
	s.t.Helper()
	e := s.exporter(source(s.t, dir, ""), media...)
	var err error
	e.Share, err = fec.ParseShare(share)
	must(s.t, err)
	return e
}

// One byte changed at random places of a bundle with parity: the bundle is imported, wherever that is, and the part is named if it was one.
func TestFlippedBytesAreRestored(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	s := newSide(t).encrypted()
	dir, carried := small(t, s)
	e := s.withParity(dir, "10%", folderMedium(t, carried))
	_, err := e.Export(t.Context())
	must(t, err)
	files := []string{bundle.HeaderName, bundle.MinisignName, bundle.CopyFolder + "/" + bundle.HeaderName}
	for _, p := range e.Header.Parts {
		files = append(files, p.Name, p.Name, p.Name)
	}
	for _, f := range e.Header.FEC.Files {
		files = append(files, f.Name)
	}
	for range 200 {
		file := files[random.IntN(len(files))]
		path, dest := filepath.Join(carried, file), filepath.Join(t.TempDir(), "site")
		data, err := os.ReadFile(path) //nolint:gosec // a test's own folder
		must(t, err)
		at, bit := random.IntN(len(data)), byte(1)<<random.IntN(8)
		data[at] ^= bit
		must(t, os.WriteFile(path, data, 0o600))
		done, err := s.importFrom(dest, carried)
		if err != nil {
			t.Fatalf("%s: byte %d: %v", file, at, err)
		}
		for _, p := range done.Parts {
			if want := map[bool]string{true: bundle.Repaired, false: bundle.Verified}[p.Name == file]; p.Status != want || p.SHA256 != e.Header.Part(p.Number).SHA256 {
				t.Errorf("%s: byte %d: %s is %s", file, at, p.Name, p.Status)
			}
		}
		sameImages(t, dir, dest)
		data[at] ^= bit
		must(t, os.WriteFile(path, data, 0o600))
	}
}

// anywhere is a folder with so much room.
type anywhere struct {
	medium.Anywhere
	free int64
}

func (a *anywhere) Free(context.Context) (int64, error) { return a.free, nil }

// A forecast counts the parity, and without room for it, nothing is written.
func TestForecastWithParity(t *testing.T) {
	s := newSide(t).encrypted()
	dir := sample(t, 1).Dir
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s.t = t
			var media []medium.Medium
			for range n {
				media = append(media, folderMedium(t, filepath.Join(t.TempDir(), "m")))
			}
			export := func() *bundle.Exporter {
				e := s.withParity(dir, "20%", media...)
				if n > 1 {
					e.Capacity = 1_200_000
				}
				return e
			}
			f, err := export().Forecast(t.Context())
			must(t, err)
			e := export()
			_, err = e.Export(t.Context())
			must(t, err)
			if f.Parity.Count != len(e.Header.FEC.Files) || f.Parity.Size != e.Header.FEC.Size() || f.Size() != f.Write.Size+f.Parity.Size || f.Parity.Count < n || len(f.Media) != n || f.Fits() != nil {
				t.Errorf("%+v, and %d files with %d bytes of parity were written", f, len(e.Header.FEC.Files), e.Header.FEC.Size())
			}
			for i, m := range media {
				files, err := m.List(t.Context())
				must(t, err)
				size := int64(0)
				for _, file := range files {
					if strings.HasPrefix(file.Name, "part-") || strings.HasPrefix(file.Name, "fec-") {
						size += file.Size
					}
				}
				if size == 0 || size > f.Media[i].Size || size < f.Media[i].Size-200_000 {
					t.Errorf("medium %d has %d bytes: %+v", i, size, f.Media[i])
				}
			}
			if f, err = export().Forecast(t.Context()); err != nil || f.Size() != 0 {
				t.Errorf("everything is there: %+v, %v", f, err)
			}
		})
	}
	f, err := s.withParity(dir, "20%", folderMedium(t, filepath.Join(t.TempDir(), "any"))).Forecast(t.Context())
	must(t, err)
	tight := &anywhere{folderMedium(t, filepath.Join(t.TempDir(), "tight")).(medium.Anywhere), f.Media[0].Size - 1}
	if f, err = s.withParity(dir, "20%", tight).Forecast(t.Context()); err != nil || f.Lacks == 0 || f.Fits() == nil {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = s.withParity(dir, "20%", tight).Export(t.Context())
	if files, e := tight.List(t.Context()); err == nil || !strings.Contains(err.Error(), "room for") || e != nil || len(files) > 0 {
		t.Errorf("%v; %v, %v", err, files, e)
	}
	e := s.withParity(dir, "20%", folderMedium(t, filepath.Join(t.TempDir(), "one")))
	e.Capacity = 1_200_000
	if _, err := e.Export(t.Context()); err == nil || !strings.Contains(err.Error(), "parity is of all parts") {
		t.Error(err)
	}
	e.Numbers = []int{1}
	if _, err := e.Forecast(t.Context()); !errors.Is(err, artifact.ErrUsage) {
		t.Error(err)
	}
}
