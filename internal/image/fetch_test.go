package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// Wherever an image is, the same files come out of it.
func TestFetchFromEverywhere(t *testing.T) {
	m, want := many(t, 30, 5000)
	index := "files/index"
	for name, open := range sources(t, m) {
		t.Run(name, func(t *testing.T) {
			r := open()
			var files []catalog.File
			for path := range want {
				files = append(files, records(t, r, strings.TrimPrefix(path, "files/"))...)
			}
			found, err := r.Files(t.Context(), []string{index})
			must(t, err)
			d := newDesk()
			must(t, r.Fetch(t.Context(), append(files, found[index]), d.take))
			expect := maps.Clone(want)
			expect[index] = "a\nb\n"
			if !maps.Equal(d.files, expect) || d.aborted != 0 {
				t.Errorf("%d files of %d, %d aborted", len(d.files), len(expect), d.aborted)
			}
			if key, err := r.ReadFile(t.Context(), layout.KeyPath); err != nil || !bytes.HasPrefix(key, []byte("-----BEGIN")) {
				t.Errorf("%q, %v", key, err)
			}
			if _, err := r.ReadFile(t.Context(), "files/none"); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			body, err := r.OpenFile(t.Context(), files[7])
			must(t, err)
			if data, err := io.ReadAll(body); err != nil || string(data) != want[files[7].Path] {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			must(t, body.Close())
			must(t, r.Verify(t.Context()))
			c, err := r.Load(t.Context())
			if err != nil || len(c.Items) != 30 || c.Items[0].Files[0].URLs == nil {
				t.Error(err)
			}
		})
	}
}

// Neighbours come with one request, and little else does.
func TestFetchReadsLittle(t *testing.T) {
	m, want := many(t, 300, 50_000)
	server := imagetest.NewRegistry(t, m.Layout(t), nil)
	for name, chosen := range map[string][]string{
		"one":        {"pool/0123.bin"},
		"neighbours": {"pool/0010.bin", "pool/0011.bin", "pool/0012.bin", "pool/0013.bin"},
		"scattered":  {"pool/0000.bin", "pool/0100.bin", "pool/0200.bin", "pool/0299.bin"},
	} {
		server.Sent.Store(0)
		r := reader(t, server.Reference(), image.Options{})
		files := records(t, r, chosen...)
		asked := server.Asked.Load()
		d := newDesk()
		must(t, r.Fetch(t.Context(), files, d.take))
		for _, f := range files {
			if d.files[f.Path] != want[f.Path] {
				t.Errorf("%s: %s", name, f.Path)
			}
		}
		needed := int64(len(chosen) * 50_000)
		if sent := server.Sent.Load(); sent > needed*102/100+256<<10 || sent != r.Received() {
			t.Errorf("%s: %d bytes, counted %d, for %d", name, sent, r.Received(), needed)
		}
		if n := server.Asked.Load() - asked; name != "scattered" && n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// What the caller cannot take ends the rest.
func TestFetchOntoAFullDisk(t *testing.T) {
	m, _ := many(t, 30, 5000)
	for name, open := range sources(t, m) {
		r := open()
		d := newDesk()
		d.limit = 4000
		err := r.Fetch(t.Context(), records(t, r, "pool/0001.bin", "pool/0002.bin", "pool/0020.bin"), d.take)
		if err == nil || !strings.Contains(err.Error(), "the disk is full") || len(d.files) != 0 || d.aborted == 0 {
			t.Errorf("%s: %v, %d files, %d aborted", name, err, len(d.files), d.aborted)
		}
	}
}

// Who is interrupted has not got everything.
func TestFetchIsInterrupted(t *testing.T) {
	m, _ := many(t, 30, 5000)
	for name, open := range sources(t, m) {
		r := open()
		ctx, cancel := context.WithCancel(t.Context())
		files := records(t, r, "pool/0001.bin", "pool/0002.bin", "pool/0020.bin")
		cancel()
		if err := r.Fetch(ctx, files, newDesk().take); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Reader, too, only gives what the catalog states.
func TestFetchRefusesLies(t *testing.T) {
	for name, lie := range map[string]func(*catalog.File){
		"digest":  func(f *catalog.File) { f.SHA256 = strings.Repeat("0", 64) },
		"offset":  func(f *catalog.File) { f.Offset++ },
		"size":    func(f *catalog.File) { f.Size-- },
		"layer":   func(f *catalog.File) { f.Layer = 0 },
		"outside": func(f *catalog.File) { f.Offset = 1 << 40 },
		"huge":    func(f *catalog.File) { f.Size = 1 << 62 },
	} {
		m, _ := many(t, 10, 1000)
		for i := range m.Catalog.Files {
			if f := &m.Catalog.Files[i]; f.Path == "files/pool/0003.bin" {
				lie(f)
				m.Catalog.Items[3].Files[0].Size, m.Catalog.Items[3].Files[0].SHA256 = f.Size, f.SHA256
			}
		}
		for form, open := range sources(t, m) {
			if strings.Contains(form, "root") && name != "digest" && name != "size" {
				continue // a tree has no layers
			}
			r := open()
			found, _, err := r.Find(t.Context(), imagetest.Kind, []string{"pool/0003.bin"})
			d := newDesk()
			if err == nil {
				err = r.Fetch(t.Context(), []catalog.File{found["pool/0003.bin"][0].Stored()[0]}, d.take)
			}
			if !errors.Is(err, artifact.ErrVerify) || len(d.files) != 0 {
				t.Errorf("%s, %s: %v", name, form, err)
			}
			if err := r.Verify(t.Context()); !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("%s, %s: Verify: %v", name, form, err)
			}
		}
	}
}

func noWait(context.Context, time.Duration) error { return nil }
