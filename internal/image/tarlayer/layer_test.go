package tarlayer

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
)

// fileEntry writes data to a file of dir and describes it; opened counts open files.
func fileEntry(t testing.TB, dir, path string, data []byte, opened *atomic.Int32) Entry {
	t.Helper()
	sum := sha256.Sum256(data)
	name := filepath.Join(dir, hex.EncodeToString(sum[:]))
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return Entry{Path: path, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Open: func() (File, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		if opened.Add(1) > 1 {
			t.Error("more than one file is open")
		}
		return countedFile{f, opened}, nil
	}}
}

type countedFile struct {
	*os.File
	opened *atomic.Int32
}

func (f countedFile) Close() error {
	f.opened.Add(-1)
	return f.File.Close()
}

func madeUpLayer(t testing.TB, dir string, opened *atomic.Int32) (*Layer, map[string][]byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	contents := map[string][]byte{
		"mirror/empty":                       nil,
		"mirror/debian/pool/a/a_1%3a1.deb":   []byte("x"),
		"mirror/debian/pool/é/é_1~rc+1.deb":  bytes.Repeat([]byte("é"), 700), // needs a pax record
		"mirror/" + strings.Repeat("n", 200): bytes.Repeat([]byte("n"), TarBlock),
		strings.Repeat("dir/", 30) + "deep":  bytes.Repeat([]byte("d"), TarBlock+1),
		"minimirror":                         bytes.Repeat([]byte("program"), 200_000), // more than two blocks of the hash
	}
	for i := range 40 {
		data := make([]byte, random.IntN(5000))
		for k := range data {
			data[k] = byte(random.Uint32())
		}
		contents[fmt.Sprintf("mirror/z/%02d", i)] = data
	}
	var entries []Entry
	for path, data := range contents {
		if len(path)%2 == 0 {
			entries = append(entries, Entry{Path: path, Data: data})
		} else {
			entries = append(entries, fileEntry(t, dir, path, data, opened))
		}
	}
	l, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return l, contents
}

func TestLayerIsATarThatArchiveTarReads(t *testing.T) {
	var opened atomic.Int32
	l, contents := madeUpLayer(t, t.TempDir(), &opened)
	r := l.NewReader(t.Context())
	whole, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || opened.Load() != 0 {
		t.Errorf("after Close: %v, %d files open", err, opened.Load())
	}
	if int64(len(whole)) != l.Size() {
		t.Fatalf("read %d bytes, Size says %d", len(whole), l.Size())
	}

	var names []string
	archive := tar.NewReader(bytes.NewReader(whole))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimSuffix(h.Name, "/"))
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("%s: %+v: owner, names or time", h.Name, h)
		}
		if h.Typeflag == tar.TypeDir {
			if h.Mode != 0o755 || !strings.HasSuffix(h.Name, "/") {
				t.Errorf("%s: directory with mode %o", h.Name, h.Mode)
			}
			continue
		}
		want, ok := contents[h.Name]
		if !ok || h.Mode != 0o644 {
			t.Errorf("%s: mode %o, wanted: %t", h.Name, h.Mode, ok)
		}
		if got, err := io.ReadAll(archive); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: content differs: %v", h.Name, err)
		}
		if offset := l.Offset(h.Name); !bytes.Equal(whole[offset:offset+h.Size], want) {
			t.Errorf("%s: Offset %d is not where the content is", h.Name, offset)
		}
		delete(contents, h.Name)
	}
	if len(contents) != 0 {
		t.Errorf("missing: %v", contents)
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %q", names)
	}
	if l.Offset("mirror") != -1 || l.Offset("zzz") != -1 || l.Offset("") != -1 {
		t.Error("Offset finds what is not a file")
	}

	d, err := l.Descriptor(t.Context(), nil, nil)
	if err != nil || d.Digest != digest.FromBytes(whole) || d.Size != l.Size() {
		t.Errorf("Descriptor %v, %v; want %s", d, err, digest.FromBytes(whole))
	}
	var copied bytes.Buffer
	if sum, err := l.Copy(t.Context(), &copied, nil); err != nil || sum != d.Digest || !bytes.Equal(copied.Bytes(), whole) {
		t.Errorf("Copy: %v, %v", sum, err)
	}

	random := rand.New(rand.NewPCG(3, 4))
	r = l.NewReader(t.Context())
	defer r.Close()
	for range 2000 {
		offset := random.Int64N(l.Size() + 10)
		p := make([]byte, random.IntN(3000)+1)
		n, err := r.ReadAt(p, offset)
		want := whole[min(offset, l.Size()):min(offset+int64(len(p)), l.Size())]
		if !bytes.Equal(p[:n], want) || (err != nil) != (n < len(p)) {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v; want %d bytes", len(p), offset, n, err, len(want))
		}
	}
}

func TestLayerDependsOnItsEntriesAlone(t *testing.T) {
	var opened atomic.Int32
	one, _ := madeUpLayer(t, t.TempDir(), &opened)
	two, _ := madeUpLayer(t, t.TempDir(), &opened) // another folder, another map order
	a, err1 := one.Descriptor(t.Context(), nil, nil)
	b, err2 := two.Descriptor(t.Context(), nil, nil)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if a.Digest != b.Digest || one.Plan() != two.Plan() {
		t.Errorf("%s and %s, plans %s and %s", a.Digest, b.Digest, one.Plan(), two.Plan())
	}
	// The bytes are part of what every released image promises, and GNU tar makes the same:
	// tar -cb1 --format=ustar --sort=name --mtime=@0 --owner=:0 --group=:0 --numeric-owner a b
	small, err := New([]Entry{{Path: "b/c", Data: []byte("hello\n"), Mode: 0o755}, {Path: "a", Data: []byte("a")}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := small.Descriptor(t.Context(), nil, nil)
	if want := digest.Digest("sha256:ec9be1d0c86bbc4c1b0aa345ab51cc32124977d6a1808633aac62f7ce19f5b19"); err != nil || d.Digest != want {
		t.Errorf("digest %s, %v; want %s", d.Digest, err, want)
	}
}

// TestLayerLink has tar unpack a second name of a file.
func TestLayerLink(t *testing.T) {
	l, err := New([]Entry{{Path: "d/z", Link: "d/a"}, {Path: "d/a", Data: []byte("content")}})
	if err != nil {
		t.Fatal(err)
	}
	r := l.NewReader(t.Context())
	defer r.Close()
	dir := t.TempDir()
	untar := exec.Command("tar", "-x", "-C", dir)
	untar.Stdin = r
	if out, err := untar.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "d/z")); err != nil || string(data) != "content" {
		t.Fatalf("%q, %v", data, err)
	}
	other, err := New([]Entry{{Path: "d/z"}, {Path: "d/a", Data: []byte("content")}})
	if err != nil || other.Plan() == l.Plan() {
		t.Fatal("a link and an empty file have one plan", err)
	}
}

func TestNewLayerRefuses(t *testing.T) {
	data := []byte("x")
	for name, entries := range map[string][]Entry{
		"same path twice":           {{Path: "a", Data: data}, {Path: "a", Data: data}},
		"file and directory":        {{Path: "a", Data: data}, {Path: "a/b", Data: data}},
		"absolute":                  {{Path: "/a", Data: data}},
		"dot dot":                   {{Path: "../a", Data: data}},
		"not clean":                 {{Path: "a//b", Data: data}},
		"empty":                     {{Data: data}},
		"whiteout":                  {{Path: "a/.wh.b", Data: data}},
		"below a whiteout":          {{Path: ".wh.a/b", Data: data}},
		"newline":                   {{Path: "a\nb", Data: data}},
		"file type in the mode":     {{Path: "a", Data: data, Mode: 0o100644}},
		"link to nothing":           {{Path: "b", Link: "a"}},
		"link to a later file":      {{Path: "a", Link: "b"}, {Path: "b", Data: data}},
		"link to a link":            {{Path: "a", Data: data}, {Path: "b", Link: "a"}, {Path: "c", Link: "b"}},
		"link to itself":            {{Path: "a", Link: "a"}},
		"no digest":                 {{Path: "a", Open: func() (File, error) { return nil, nil }}},
		"a size that is impossible": {{Path: "a", Size: -1, SHA256: strings.Repeat("0", 64), Open: func() (File, error) { return nil, nil }}},
	} {
		if l, err := New(entries); err == nil {
			t.Errorf("%s: accepted: %v", name, l)
		}
	}
}

func TestLayerVerifies(t *testing.T) {
	good := []byte("good content")
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"other content": {[]byte("evil content"), "sha256 mismatch"},
		"short":         {[]byte("good"), "size mismatch: got 4 bytes, want 12"},
	} {
		var opened atomic.Int32
		dir := t.TempDir()
		e := fileEntry(t, dir, "pool/a.deb", good, &opened)
		if err := os.WriteFile(filepath.Join(dir, e.SHA256), test.content, 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := New([]Entry{{Path: "a", Data: good}, e, {Path: "z", Data: good}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Descriptor(t.Context(), nil, nil)
		if !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "pool/a.deb: "+test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if opened.Load() != 0 {
			t.Errorf("%s: a file stays open", name)
		}
		os.Remove(filepath.Join(dir, e.SHA256))
		if _, err = l.Descriptor(t.Context(), nil, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "pool/a.deb") {
			t.Errorf("%s: missing file: %v", name, err)
		}
	}
}

type notes map[string]string

func (n notes) Note(kind, key string) []byte { return []byte(n[kind+"/"+key]) }
func (n notes) SetNote(kind, key string, data []byte) error {
	n[kind+"/"+key] = string(data)
	return nil
}

func TestLayerDescriptorRemembers(t *testing.T) {
	var opened atomic.Int32
	dir := t.TempDir()
	l, _ := madeUpLayer(t, dir, &opened)
	kept := notes{}
	first, err := l.Descriptor(t.Context(), kept, nil)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", err, kept)
	}
	os.RemoveAll(dir)
	if again, err := l.Descriptor(t.Context(), kept, nil); err != nil || again.Digest != first.Digest {
		t.Errorf("from the note: %v, %v", again, err)
	}
	if err := l.Forget(kept); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Descriptor(t.Context(), kept, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a note that was dropped was used: %v", err)
	}
	kept["layer/"+l.Plan()] = "nonsense"
	if _, err := l.Descriptor(t.Context(), kept, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a note that is no digest was used: %v", err)
	}
}

func TestLayerStopsWithItsContext(t *testing.T) {
	var opened atomic.Int32
	l, _ := madeUpLayer(t, t.TempDir(), &opened)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := l.Verify(ctx, func(int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := l.Copy(ctx, io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Copy: %v", err)
	}
	if opened.Load() != 0 {
		t.Error("a file stays open")
	}
}

// BenchmarkLayerDigest compares with hashing the same contents once.
func BenchmarkLayerDigest(b *testing.B) {
	var opened atomic.Int32
	dir := b.TempDir()
	var entries []Entry
	for i := range 200 {
		data := bytes.Repeat([]byte(fmt.Sprint(i, ",")), 40_000)
		entries = append(entries, fileEntry(b, dir, fmt.Sprintf("pool/%03d.deb", i), data, &opened))
	}
	l, err := New(entries)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("layer", func(b *testing.B) {
		b.SetBytes(l.Size())
		for b.Loop() {
			if _, err := l.Descriptor(b.Context(), nil, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sha256 of each file", func(b *testing.B) {
		b.SetBytes(l.Size())
		for b.Loop() {
			for _, e := range entries {
				f, err := e.Open()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(sha256.New(), io.NewSectionReader(f, 0, e.Size)); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		}
	})
}
