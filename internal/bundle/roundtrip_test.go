package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"filippo.io/age"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/contenttest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A side is a connected side and a site: keys, and what a bundle is made with.
type side struct {
	t       testing.TB
	signer  signed.Signer
	key     signed.Key
	sealer  seal.Sealer
	openers []seal.Opener
	options bundle.Options
}

func newSide(t testing.TB) *side {
	t.Helper()
	s := &side{t: t, options: bundle.Options{PartSize: bundle.MinPartSize, Created: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}}
	public, private, err := minisign.GenerateKey(nil)
	must(t, err)
	text, err := private.MarshalText()
	must(t, err)
	s.signer, err = signed.ReadSigner("key", text, nil, time.Now())
	must(t, err)
	s.key, err = signed.ReadKey("key.pub", []byte(public.String()))
	must(t, err)
	return s
}

// encrypted lets the bundles be encrypted for a new key.
func (s *side) encrypted() *side {
	s.t.Helper()
	id, err := age.GenerateX25519Identity()
	must(s.t, err)
	s.sealer, err = seal.NewAge([]string{id.Recipient().String()})
	must(s.t, err)
	opener, err := seal.NewAgeOpener([]seal.KeyFile{{Name: "id", Data: []byte(id.String())}}, false, nil)
	must(s.t, err)
	s.openers = []seal.Opener{opener}
	return s
}

func source(t testing.TB, dir, name string) *content.Layout {
	t.Helper()
	src, err := content.OpenLayout(dir, name)
	must(t, err)
	t.Cleanup(func() { src.Close() })
	return src
}

func (s *side) exporter(src content.Source, media ...medium.Medium) *bundle.Exporter {
	s.t.Helper()
	images, err := src.Images(s.t.Context())
	must(s.t, err)
	graph, err := content.Walk(s.t.Context(), src, images)
	must(s.t, err)
	s.options.Sealer = s.sealer
	h, err := bundle.NewHeader(graph, s.options)
	must(s.t, err)
	return &bundle.Exporter{Header: h, Source: src, Sealer: s.sealer, Signer: s.signer, Media: media}
}

func folderMedium(t testing.TB, dir string) medium.Medium {
	t.Helper()
	m, err := medium.NewFolder(dir)
	must(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func (s *side) exportTo(src content.Source, dir string) *bundle.Header {
	s.t.Helper()
	e := s.exporter(src, folderMedium(s.t, dir))
	_, err := e.Export(s.t.Context())
	must(s.t, err)
	return e.Header
}

func (s *side) importer(dest string) *bundle.Importer {
	return &bundle.Importer{Keys: []signed.Key{s.key}, Openers: s.openers, Records: []bundle.RecordFile{bundle.RecordFile(filepath.Join(dest, bundle.RecordName))}, Now: time.Now,
		Open: func(h *bundle.Header) ([]content.Sink, error) {
			sink, err := content.NewLayoutSink(dest, h.ID)
			return []content.Sink{sink}, err
		}}
}

func (s *side) importFrom(dest string, dirs ...string) (*bundle.Imported, error) {
	s.t.Helper()
	var media []medium.Medium
	for _, dir := range dirs {
		m, err := medium.OpenFolder(dir)
		must(s.t, err)
		defer m.Close()
		media = append(media, m)
	}
	return s.importer(dest).Import(s.t.Context(), media)
}

// sample is a layout with what layouts have: 1.5 MB, cut into eight parts.
func sample(t testing.TB, seed byte) *contenttest.Layout {
	l := contenttest.New(t, seed)
	one := l.Image(400_000, 70_000, 600_000)
	l.List("site:1", one)
	l.Attach(one, "application/spdx+json", bytes.Repeat([]byte("sbom "), 30_000))
	l.List("other", l.Image(300_000, 0, 1))
	return l
}

// tree lists the files of a folder with their content's digest, but for what imports remember.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == bundle.RecordName {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // a test's own folder
		name, _ := filepath.Rel(dir, path)
		if name != "index.json" {
			lines = append(lines, fmt.Sprintf("%s %d %x", name, len(data), data[:min(8, len(data))]))
		}
		return err
	}))
	return strings.Join(lines, "\n")
}

// sameImages wants the same images, with all their blobs verified.
func sameImages(t testing.TB, a, b string) {
	t.Helper()
	var lists [2][]content.Image
	for i, dir := range []string{a, b} {
		src := source(t, dir, "")
		images, err := src.Images(t.Context())
		must(t, err)
		graph, err := content.Walk(t.Context(), src, images)
		must(t, err)
		for _, blob := range graph.Blobs {
			body, err := src.Open(t.Context(), content.Image{}, blob, 0)
			must(t, err)
			_, err = io.Copy(io.Discard, content.NewVerifier(body, blob))
			must(t, err)
			body.Close()
		}
		lists[i] = images
	}
	if fmt.Sprintf("%+v", lists[0]) != fmt.Sprintf("%+v", lists[1]) {
		t.Errorf("other images:\n%+v\n%+v", lists[0], lists[1])
	}
}

// visible reports whether a folder shows anything of an image.
func visible(dir string) bool {
	for _, name := range []string{"index.json", "oci-layout", "blobs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func TestRoundTrip(t *testing.T) {
	for name, s := range map[string]*side{"plain": newSide(t), "age": newSide(t).encrypted(), "files": newSide(t)} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			if name == "files" {
				s.options.Form, s.options.PartSize = bundle.Files, 0
			}
			l := sample(t, 1)
			carried, dest := t.TempDir(), filepath.Join(t.TempDir(), "site")
			h := s.exportTo(source(t, l.Dir, ""), carried)
			if h.PartCount < 8 || len(h.Parts) != h.PartCount {
				t.Fatalf("%d parts of %d", len(h.Parts), h.PartCount)
			}
			before := tree(t, carried)
			done, err := s.importFrom(dest, carried)
			must(t, err)
			if tree(t, carried) != before {
				t.Error("import changed the bundle")
			}
			sameImages(t, l.Dir, dest)
			if tree(t, dest) != tree(t, l.Dir) {
				t.Errorf("other files:\n%s\nwant\n%s", tree(t, dest), tree(t, l.Dir))
			}
			if done.Already || len(done.Parts) != h.PartCount {
				t.Errorf("%+v", done)
			}
			if done, err = s.importFrom(dest, carried); err != nil || !done.Already {
				t.Errorf("again: %+v, %v", done, err)
			}
			// The same export again writes nothing.
			e := s.exporter(source(t, l.Dir, ""), folderMedium(t, carried))
			again, err := e.Export(t.Context())
			if err != nil || len(again.Written) != 0 || tree(t, carried) != before {
				t.Errorf("exported again: %+v, %v", again, err)
			}
		})
	}
}

// One file: written, interrupted anywhere, continued, and read from a stream.
func TestArchive(t *testing.T) {
	for name, s := range map[string]*side{"plain": newSide(t), "age": newSide(t).encrypted()} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			l := sample(t, 1)
			file := filepath.Join(t.TempDir(), "site.bundle")
			open := func() *medium.Archive {
				m, err := medium.NewArchive(file, func(name string) bool { return name == bundle.MinisignName })
				must(t, err)
				return m
			}
			random := rand.New(rand.NewPCG(1, 2))
			written := 0
			for try := 0; ; try++ {
				m := open()
				e := s.exporter(source(t, l.Dir, ""), &failing{Medium: m, left: 1 + random.Int64N(900_000)})
				if try == 5 {
					e.Media = []medium.Medium{m}
				}
				done, err := e.Export(t.Context())
				m.Close()
				if done != nil {
					written += len(done.Written)
				}
				if err == nil {
					if written != e.Header.PartCount {
						t.Errorf("%d parts were written, want each once: %d", written, e.Header.PartCount)
					}
					break
				}
				if !errors.Is(err, errFull) {
					t.Fatal(err)
				}
			}
			before, err := os.ReadFile(file)
			must(t, err)
			m := open()
			again, err := s.exporter(source(t, l.Dir, ""), m).Export(t.Context())
			if after, readErr := os.ReadFile(file); err != nil || readErr != nil || len(again.Written) != 0 || !bytes.Equal(before, after) {
				t.Errorf("exported again: %+v, %v, %v", again, err, readErr)
			}
			e := s.exporter(source(t, l.Dir, ""), m)
			e.Numbers = []int{1}
			if _, err := e.Export(t.Context()); err == nil || !strings.Contains(err.Error(), "hint: remove it") {
				t.Error(err)
			}
			m.Close()
			dest := filepath.Join(t.TempDir(), "file")
			m, err = medium.OpenArchive(file, bundle.IsFileName)
			must(t, err)
			defer m.Close()
			_, err = s.importer(dest).Import(t.Context(), []medium.Medium{m})
			must(t, err)
			sameImages(t, l.Dir, dest)

			dest = filepath.Join(t.TempDir(), "stream")
			data, err := os.ReadFile(file)
			must(t, err)
			for _, length := range []int{1000, len(data) / 3, len(data) / 2, len(data) * 3 / 4} {
				if _, err := s.importer(dest).ImportStream(t.Context(), bytes.NewReader(data[:length])); err == nil || visible(dest) {
					t.Errorf("%d of %d bytes: %v", length, len(data), err)
				}
			}
			_, err = s.importer(dest).ImportStream(t.Context(), bytes.NewReader(data))
			must(t, err)
			sameImages(t, l.Dir, dest)
		})
	}
}

// failing is a medium that is full after some bytes.
type failing struct {
	medium.Medium
	left int64
}

var errFull = errors.New("full")

func (f *failing) Appends() bool {
	a, is := f.Medium.(interface{ Appends() bool })
	return is && a.Appends()
}

func (f *failing) Finish(ctx context.Context) error {
	if a, is := f.Medium.(interface{ Finish(context.Context) error }); is {
		return a.Finish(ctx)
	}
	return nil
}

func (f *failing) Create(ctx context.Context, name string, size int64) (medium.Writer, error) {
	w, err := f.Medium.Create(ctx, name, size)
	return &failingWriter{w, f}, err
}

type failingWriter struct {
	medium.Writer
	f *failing
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.f.left -= int64(len(p)); w.f.left < 0 {
		return 0, errFull
	}
	return w.Writer.Write(p)
}

// A medium that is full again and again: every part is written once.
func TestResumeExport(t *testing.T) {
	s := newSide(t).encrypted()
	l := sample(t, 1)
	carried, written := t.TempDir(), map[int]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for try := range 50 {
		e := s.exporter(source(t, l.Dir, ""), &failing{folderMedium(t, carried), random.Int64N(800_000)})
		s.options.Created = s.options.Created.Add(time.Hour)
		done, err := e.Export(t.Context())
		if done != nil {
			for _, p := range done.Written {
				written[p.Number]++
			}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errFull) || try == 49 {
			t.Fatal(err)
		}
	}
	for n, times := range written {
		if times != 1 {
			t.Errorf("part %d was written %d times", n, times)
		}
	}
	dest := filepath.Join(t.TempDir(), "site")
	_, err := s.importFrom(dest, carried)
	must(t, err)
	sameImages(t, l.Dir, dest)
}

// Parts on several media, imported one after the other in any order.
func TestSeveralMedia(t *testing.T) {
	s := newSide(t).encrypted()
	l := sample(t, 1)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	var media []medium.Medium
	for _, dir := range dirs {
		media = append(media, folderMedium(t, dir))
	}
	e := s.exporter(source(t, l.Dir, ""), media...)
	e.Capacity = 1_000_000
	_, err := e.Export(t.Context())
	must(t, err)
	used := map[int]bool{}
	for _, p := range e.Header.Parts {
		used[p.Medium] = true
	}
	if len(used) < 2 {
		t.Fatalf("only %d media used", len(used))
	}
	n := len(used)
	dest := filepath.Join(t.TempDir(), "site")
	for i := n - 1; i >= 0; i-- {
		_, err := s.importFrom(dest, dirs[i])
		if i > 0 && (err == nil || visible(dest) || errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "missing")) {
			t.Fatalf("medium %d alone: %v", i+1, err)
		} else if i == 0 {
			must(t, err)
		}
	}
	sameImages(t, l.Dir, dest)
	all := filepath.Join(t.TempDir(), "all")
	_, err = s.importFrom(all, dirs[:n]...)
	must(t, err)
	sameImages(t, l.Dir, all)
}

// What is at the destination is left out; a destination without it is refused, and told what it lacks.
func TestDelta(t *testing.T) {
	s := newSide(t)
	l := contenttest.New(t, 1)
	first := l.Image(400_000, 500_000)
	l.List("site:1", first)
	src := source(t, l.Dir, "")
	images, err := src.Images(t.Context())
	must(t, err)
	old, err := content.Walk(t.Context(), src, images)
	must(t, err)
	carried, dest := t.TempDir(), filepath.Join(t.TempDir(), "site")
	s.exportTo(src, carried)
	_, err = s.importFrom(dest, carried)
	must(t, err)

	l.List("site:2", l.Image(10_000))
	s.options.Base, s.options.Created = &bundle.Base{Blobs: old.Blobs}, s.options.Created.Add(time.Hour)
	delta := t.TempDir()
	h := s.exportTo(source(t, l.Dir, ""), delta)
	if h.PartCount != 1 || h.Parts[0].Size > 30_000 || len(h.Base.Blobs) != len(old.Blobs) {
		t.Fatalf("%+v", h)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if _, err := s.importFrom(empty, delta); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), old.Blobs[0].Digest.String()) || visible(empty) {
		t.Errorf("without the base: %v", err)
	}
	_, err = s.importFrom(dest, delta)
	must(t, err)
	sameImages(t, l.Dir, dest)
	// The first month again.
	if _, err = s.importFrom(dest, carried); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "--allow-older") {
		t.Errorf("an older bundle: %v", err)
	}
}
