package bundle_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/contenttest"
)

// small is a bundle of some 300 kB in two parts.
func small(t testing.TB, s *side) (dir, carried string) {
	t.Helper()
	l := contenttest.New(t, 1)
	l.List("site:1", l.Image(1000, 230_000, 2000))
	carried = t.TempDir()
	if h := s.exportTo(source(t, l.Dir, ""), carried); h.PartCount != 2 {
		t.Fatalf("%d parts", h.PartCount)
	}
	return l.Dir, carried
}

// One byte changed at each of 2,000 random places of a bundle: each is refused, the file is named, and nothing is visible. Only the signature has
// bytes that nobody signs (minisign's untrusted comment), and SHA256SUMS is for other programs.
func TestFlippedBytes(t *testing.T) {
	const places = 2000
	random := rand.New(rand.NewPCG(1, 2))
	for name, s := range map[string]*side{"plain": newSide(t), "age": newSide(t).encrypted()} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			_, carried := small(t, s)
			var files []string
			total := 0
			sizes := map[string]int{}
			entries, err := os.ReadDir(carried)
			must(t, err)
			for _, e := range entries {
				if e.Name() == bundle.SumsName {
					continue
				}
				info, err := e.Info()
				must(t, err)
				files, sizes[e.Name()] = append(files, e.Name()), int(info.Size())
				total += int(info.Size())
			}
			for i := range places / 2 {
				at, file := random.IntN(total), ""
				if i%4 == 0 { // the small files more often than by their size
					file = files[i/4%len(files)]
					at = random.IntN(sizes[file])
				} else {
					for _, file = range files {
						if at < sizes[file] {
							break
						}
						at -= sizes[file]
					}
				}
				path := filepath.Join(carried, file)
				data, err := os.ReadFile(path)
				must(t, err)
				bit := byte(1) << random.IntN(8)
				data[at] ^= bit
				must(t, os.WriteFile(path, data, 0o600))
				dest := filepath.Join(t.TempDir(), "site")
				_, err = s.importFrom(dest, carried)
				unsigned := file == bundle.MinisignName && at < bytes.IndexByte(data, '\n')+1
				named := strings.TrimSuffix(file, signed.Minisig)
				switch {
				case err == nil && !unsigned:
					t.Errorf("%s: byte %d is changed, and the bundle is imported", file, at)
				case err == nil:
				case !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), "hint:"):
					t.Errorf("%s: byte %d: %v", file, at, err)
				case visible(dest):
					t.Errorf("%s: byte %d: something is visible", file, at)
				}
				data[at] ^= bit
				must(t, os.WriteFile(path, data, 0o600))
				must(t, os.RemoveAll(dest))
			}
			_, err = s.importFrom(filepath.Join(t.TempDir(), "site"), carried)
			must(t, err)
		})
	}
}

// What happens to parts on the way, and what import says. After the right file is brought, the same import completes.
func TestDamagedParts(t *testing.T) {
	for name, s := range map[string]*side{"plain": newSide(t), "age": newSide(t).encrypted()} {
		s.t = t
		l := sample(t, 1)
		good := t.TempDir()
		h := s.exportTo(source(t, l.Dir, ""), good)
		otherSide := *s
		otherSide.options.Name = "another"
		foreign := t.TempDir()
		otherSide.exportTo(source(t, sample(t, 2).Dir, ""), foreign)
		part := func(n int) string { return h.Parts[n-1].Name }
		for what, c := range map[string]struct {
			damage func(dir string)
			want   []string
			verify bool
		}{
			"missing":   {func(dir string) { must(t, os.Remove(filepath.Join(dir, part(3)))) }, []string{part(3) + ": missing", "--parts 3"}, false},
			"truncated": {func(dir string) { must(t, os.Truncate(filepath.Join(dir, part(3)), 1000)) }, []string{part(3), "cut off: 1000 of", "--parts 3"}, true},
			"empty":     {func(dir string) { must(t, os.Truncate(filepath.Join(dir, part(1)), 0)) }, []string{part(1), "cut off: 0 of", "--parts 1"}, true},
			"longer":    {func(dir string) { appendTo(t, filepath.Join(dir, part(4)), []byte("x")) }, []string{part(4), "more than the", "--parts 4"}, true},
			"doubled":   {func(dir string) { copyFile(t, filepath.Join(dir, part(2)), filepath.Join(dir, part(3))) }, []string{part(3), "--parts 3"}, true},
			"swapped": {func(dir string) {
				copyFile(t, filepath.Join(good, part(2)), filepath.Join(dir, part(3)))
				copyFile(t, filepath.Join(good, part(3)), filepath.Join(dir, part(2)))
			}, []string{part(2), part(3), "--parts 2,3"}, true},
			"foreign": {func(dir string) { copyFile(t, filepath.Join(foreign, part(2)), filepath.Join(dir, part(2))) }, []string{part(2), "changed or damaged", "--parts 2"}, true},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				carried, dest := t.TempDir(), filepath.Join(t.TempDir(), "site")
				must(t, os.CopyFS(carried, os.DirFS(good)))
				c.damage(carried)
				_, err := s.importFrom(dest, carried)
				if err == nil || errors.Is(err, artifact.ErrVerify) != c.verify || visible(dest) {
					t.Fatalf("%v", err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v, want %q", err, want)
					}
				}
				// The culprits are exported again, alone.
				e := s.exporter(source(t, l.Dir, ""), folderMedium(t, t.TempDir()))
				_, numbers, _ := strings.Cut(err.Error(), "--parts ")
				for field := range strings.SplitSeq(strings.TrimSpace(numbers), ",") {
					n := 0
					fmt.Sscan(field, &n) //nolint:errcheck // compared below
					e.Numbers = append(e.Numbers, n)
				}
				again, err := e.Export(t.Context())
				if err != nil || len(again.Written) != len(e.Numbers) {
					t.Fatal(again, err)
				}
				done, err := s.importFrom(dest, carried, e.Media[0].String())
				must(t, err)
				read := 0
				for _, p := range done.Parts {
					if p.Status == bundle.Verified {
						read++
					}
				}
				if read > len(e.Numbers) {
					t.Errorf("%d parts were read again, and %d were damaged", read, len(e.Numbers))
				}
				sameImages(t, l.Dir, dest)
			})
		}
	}
}

func appendTo(t *testing.T, file string, data []byte) {
	t.Helper()
	old, err := os.ReadFile(file) //nolint:gosec // a test's own folder
	must(t, err)
	must(t, os.WriteFile(file, append(old, data...), 0o600))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from) //nolint:gosec // a test's own folder
	must(t, err)
	must(t, os.WriteFile(to, data, 0o600))
}

// Headers, signatures and keys that do not belong together.
func TestWrongHeaders(t *testing.T) {
	s := newSide(t).encrypted()
	_, carried := small(t, s)
	month := *s
	month.options.Created = month.options.Created.AddDate(0, 1, 0)
	l2 := contenttest.New(t, 9)
	l2.List("site:2", l2.Image(500_000))
	newer := t.TempDir()
	month.exportTo(source(t, l2.Dir, ""), newer)
	stranger, site := newSide(t), filepath.Join(t.TempDir(), "site")
	_, err := s.importFrom(site, newer)
	must(t, err)

	copyOf := func(change func(dir string)) string {
		dir := t.TempDir()
		must(t, os.CopyFS(dir, os.DirFS(carried)))
		change(dir)
		return dir
	}
	for what, c := range map[string]struct {
		side *side
		dest string
		dirs []string
		want string
	}{
		"unsigned":  {s, "", []string{copyOf(func(dir string) { must(t, os.Remove(filepath.Join(dir, bundle.MinisignName))) })}, "not signed"},
		"no header": {s, "", []string{copyOf(func(dir string) { must(t, os.Remove(filepath.Join(dir, bundle.HeaderName))) })}, "there is no bundle"},
		"signature of another header": {s, "", []string{copyOf(func(dir string) {
			copyFile(t, filepath.Join(newer, bundle.MinisignName), filepath.Join(dir, bundle.MinisignName))
		})}, "signature is wrong"},
		"another bundle's header": {s, "", []string{copyOf(func(dir string) {
			copyFile(t, filepath.Join(newer, bundle.HeaderName), filepath.Join(dir, bundle.HeaderName))
			copyFile(t, filepath.Join(newer, bundle.MinisignName), filepath.Join(dir, bundle.MinisignName))
		})}, "part-0001.tar.age"},
		"two bundles":    {s, "", []string{carried, newer}, "sequence"},
		"stranger's key": {stranger, "", []string{carried}, "it is signed by the key"},
		"replayed":       {s, site, []string{carried}, "older than what was imported"},
		"wrong identity": {&side{t: t, signer: s.signer, key: s.key, openers: newSide(t).encrypted().openers}, "", []string{carried}, "encrypted for age1"},
		"no identity":    {&side{t: t, signer: s.signer, key: s.key}, "", []string{carried}, "--identity"},
		"recipient removed": {s, "", []string{copyOf(func(dir string) {
			data, err := os.ReadFile(filepath.Join(dir, bundle.HeaderName))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, bundle.HeaderName), bytes.ReplaceAll(data, []byte("age1"), []byte("age2")), 0o600))
		})}, "signature is wrong"},
	} {
		t.Run(what, func(t *testing.T) {
			dest := c.dest
			before := ""
			if dest == "" {
				dest = filepath.Join(t.TempDir(), "site")
			} else {
				before = tree(t, dest)
			}
			_, err := c.side.importFrom(dest, c.dirs...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if c.dest == "" && visible(dest) {
				t.Error("something is visible")
			} else if c.dest != "" && tree(t, dest) != before {
				t.Error("the destination changed")
			}
		})
	}
	// Two headers of one bundle with different recipients, and one of a bundle with the same sequence.
	other := newSide(t).encrypted()
	mixed := *s
	mixed.sealer = other.sealer
	l := contenttest.New(t, 1)
	l.List("site:1", l.Image(1000, 230_000, 2000))
	second := t.TempDir()
	mixed.exportTo(source(t, l.Dir, ""), second)
	if _, err := s.importFrom(filepath.Join(t.TempDir(), "site"), carried, second); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "for the recipients") {
		t.Error(err)
	}
	same := *s
	same.options = month.options
	l.List("site:3", l.Image(10))
	third := t.TempDir()
	same.exportTo(source(t, l.Dir, "site:3"), third)
	if _, err := s.importFrom(site, third); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "a sequence is used once") {
		t.Error(err)
	}
}

// The clock of the site is a year slow: nothing depends on it.
func TestSlowClock(t *testing.T) {
	s := newSide(t).encrypted()
	dir, carried := small(t, s)
	dest := filepath.Join(t.TempDir(), "site")
	m, err := medium.OpenFolder(carried)
	must(t, err)
	defer m.Close()
	im := s.importer(dest)
	im.Now = func() time.Time { return s.options.Created.AddDate(-1, 0, 0) }
	_, err = im.Import(t.Context(), []medium.Medium{m})
	must(t, err)
	sameImages(t, dir, dest)
}

// A source that is damaged is not exported, and named.
func TestDamagedSource(t *testing.T) {
	s := newSide(t)
	l := contenttest.New(t, 1)
	d := l.Image(300_000)
	l.List("site:1", d)
	layer := ""
	must(t, filepath.Walk(l.Dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Size() == 300_000 {
			layer = path
		}
		return err
	}))
	data, err := os.ReadFile(layer) //nolint:gosec // a test's own folder
	must(t, err)
	data[200_000] ^= 1
	must(t, os.WriteFile(layer, data, 0o600))
	e := s.exporter(source(t, l.Dir, ""), folderMedium(t, t.TempDir()))
	if _, err := e.Export(t.Context()); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), filepath.Base(layer)) {
		t.Error(err)
	}
}

// FuzzImportStream: whatever comes from a pipe, nothing is imported that the key has not signed, and nothing panics.
func FuzzImportStream(f *testing.F) {
	s := newSide(f)
	l := contenttest.New(f, 1)
	l.List("site:1", l.Image(100, 20))
	var whole bytes.Buffer
	e := s.exporter(source(f, l.Dir, ""), medium.NewStream("stream", &whole, ""))
	_, err := e.Export(f.Context())
	must(f, err)
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:3000])
	f.Fuzz(func(t *testing.T, data []byte) {
		dest := t.TempDir()
		im := s.importer(dest)
		im.Open = func(h *bundle.Header) ([]content.Sink, error) {
			sink, err := content.NewLayoutSink(dest, h.ID)
			return []content.Sink{sink}, err
		}
		done, err := im.ImportStream(t.Context(), bytes.NewReader(data))
		if err == nil && done.Header.ID != e.Header.ID {
			t.Error("another bundle was imported")
		}
		if err != nil && visible(dest) {
			t.Error("something is visible")
		}
	})
}

// FuzzReadHeader: what is accepted is canonical, and can be laid out.
func FuzzReadHeader(f *testing.F) {
	s := newSide(f)
	l := contenttest.New(f, 1)
	l.List("site:1", l.Image(100, 200))
	h := s.exportTo(source(f, l.Dir, ""), f.TempDir())
	data, err := h.Encode()
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := bundle.ReadHeader(data)
		if err != nil {
			return
		}
		again, err := h.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("not canonical: %v", err)
		}
		plan, err := h.Plan()
		must(t, err)
		for _, p := range plan.Parts {
			size := int64(0)
			for _, piece := range plan.Pieces(p.Number) {
				size += piece.Head + piece.Size + piece.Pad
			}
			if p.Number == len(plan.Parts) && h.Form == "" {
				size += 1024
			}
			if size != p.Size {
				t.Errorf("part %d: its pieces have %d bytes, planned %d", p.Number, size, p.Size)
			}
		}
	})
}

// A stream may have parts twice, other files, and the parts before their header's last version.
func TestOddStreams(t *testing.T) {
	s := newSide(t)
	dir, carried := small(t, s)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(carried, name))
		must(t, err)
		return data
	}
	pack := func(names ...string) io.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range names {
			data := []byte("junk")
			if name != "junk" && name != "../junk" {
				data = read(name)
			}
			must(t, w.WriteHeader(&tar.Header{Name: "./" + name, Size: int64(len(data)), Mode: 0o600}))
			_, err := w.Write(data)
			must(t, err)
		}
		must(t, w.Close())
		return &b
	}
	for want, r := range map[string]io.Reader{
		"":                             pack(bundle.HeaderName, bundle.MinisignName, "part-0001.tar", "junk", "../junk", "part-0001.tar", "part-0002.tar"),
		"part-0002.tar: missing":       pack(bundle.HeaderName, bundle.MinisignName, "part-0001.tar"),
		"comes before the signed":      pack("part-0001.tar", bundle.HeaderName, bundle.MinisignName),
		"there is no header before it": pack(bundle.MinisignName, bundle.HeaderName),
		"no signed":                    pack(bundle.HeaderName),
		"not a tar":                    strings.NewReader(strings.Repeat("x", 600)),
	} {
		dest := filepath.Join(t.TempDir(), "site")
		_, err := s.importer(dest).ImportStream(t.Context(), r)
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want == "":
			sameImages(t, dir, dest)
		case err == nil || !strings.Contains(err.Error(), want) || visible(dest):
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// broken is a source whose large blobs break off.
type broken struct {
	content.Source
	err error
}

func (s broken) Open(ctx context.Context, im content.Image, b content.Blob, offset int64) (io.ReadCloser, error) {
	body, err := s.Source.Open(ctx, im, b, offset)
	if err != nil || b.Size < 100_000 {
		return body, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, 1000), iotest.ErrReader(s.err)), body}, nil
}

// An error of the source names the image, and says what the source says.
func TestSourceBreaks(t *testing.T) {
	l := contenttest.New(t, 1)
	l.List("site:1", l.Image(1000, 2000))
	l.List("site:2", l.Image(1000, 230_000))
	for want, err := range map[string]error{"of site:2: unexpected EOF": io.EOF, "of site:2: https://registry.example.org/: EOF": fmt.Errorf("https://registry.example.org/: %w", io.EOF)} {
		s := newSide(t)
		_, err := s.exporter(broken{source(t, l.Dir, ""), err}, folderMedium(t, t.TempDir())).Export(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
