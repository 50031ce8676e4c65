package cache

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
)

// pages are notes of content without a digest, which upstream may replace at any time. A page's file is its
// content, then what is known about it as JSON, then the size of that in 4 bytes.
const pages = "page"

// maxAbout is how long the JSON about a page may be.
const maxAbout = 1 << 20

// A Page is content that is kept until there is another under its key.
type Page struct {
	artifact.Content
	io.ReadSeeker
	file *os.File
}

// Close implements io.Closer.
func (p *Page) Close() error { return p.file.Close() }

type aboutPage struct {
	Size   int64           `json:"size"`
	SHA256 string          `json:"sha256"`
	About  json.RawMessage `json:"about"`
}

// OpenPage opens the page that is kept under the key, verified, and reads what its writer said about it.
// It must be closed. Any error is as good as no page.
func (c *Cache) OpenPage(key string, about any) (*Page, error) {
	f, err := c.OpenNote(pages, key)
	if err != nil {
		return nil, err
	}
	content, err := readAbout(f, about)
	if err == nil {
		h := content.Hasher()
		if _, err = io.Copy(h, io.NewSectionReader(f, 0, content.Size)); err == nil {
			err = content.Verify(h.Sum())
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cache: %s: %w", f.Name(), err)
	}
	return &Page{content, io.NewSectionReader(f, 0, content.Size), f}, nil
}

// readAbout reads the end of a page's file.
func readAbout(f *os.File, about any) (c artifact.Content, err error) {
	info, err := f.Stat()
	if err != nil {
		return c, err
	}
	var size [4]byte
	if _, err := f.ReadAt(size[:], info.Size()-int64(len(size))); err != nil {
		return c, err
	}
	n := int64(binary.BigEndian.Uint32(size[:]))
	end := info.Size() - int64(len(size))
	if n > min(end, maxAbout) {
		return c, io.ErrUnexpectedEOF
	}
	text := make([]byte, n)
	if _, err := f.ReadAt(text, end-n); err != nil {
		return c, err
	}
	var a aboutPage
	if err := json.Unmarshal(text, &a); err != nil {
		return c, err
	}
	if a.Size != end-n || !artifact.ValidSHA256(a.SHA256) {
		return c, io.ErrUnexpectedEOF
	}
	return artifact.Content{Size: a.Size, SHA256: a.SHA256}, json.Unmarshal(a.About, about)
}

// Create begins content that no digest identifies. KeepFile or KeepPage keeps it.
func (c *Cache) Create() (*Writer, error) { return c.create(artifact.Content{Size: -1}) }

// KeepFile keeps what was written, by its SHA-256.
func (w *Writer) KeepFile() error {
	w.want = w.Content()
	return w.Commit()
}

// KeepPage keeps what was written, instead of what was kept under the key before, and what is said about it: JSON. The
// page must be closed. Where it cannot be kept, it is read all the same.
func (w *Writer) KeepPage(key string, about any) (*Page, error) {
	content := w.Content()
	file, err := artifact.OpenFile(w.file.Name())
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	page := &Page{content, io.NewSectionReader(file, 0, content.Size), file}
	if err := w.keepPage(content, key, about); err != nil {
		os.Remove(w.file.Name())
	}
	w.done = true
	return page, nil
}

func (w *Writer) keepPage(content artifact.Content, key string, about any) error {
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	if text, err = json.Marshal(aboutPage{content.Size, content.SHA256, text}); err != nil {
		return err
	}
	if len(text) > maxAbout {
		return fmt.Errorf("too much is said about it")
	}
	if _, err := w.file.Write(binary.BigEndian.AppendUint32(text, uint32(len(text)))); err != nil {
		return err
	}
	if err := w.file.Chmod(0o644); err != nil {
		return err
	}
	dir := filepath.Join(w.cache.dir, "note", pages)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Rename(w.file.Name(), filepath.Join(dir, key))
}
