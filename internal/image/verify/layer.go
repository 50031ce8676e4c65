package verify

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A wanted is an entry that a layer must have, or may have.
type wanted struct {
	file     *catalog.File       // nil: none of the catalog's files
	place    *catalog.LayerPlace // nil: wherever it is
	mode     int64
	sha256   string // empty: whatever it is
	optional bool
	seen     bool
}

// A layerWalk compares one layer with its expected content.
type layerWalk struct {
	*Verification
	number  int
	in      *layerInput
	wanted  map[string]*wanted      // by path in the image
	folders map[string]bool         // that lead to what is wanted; true: seen
	content map[int64]*catalog.File // regular files of the catalog, by where their content is
	last    string                  // the path of the entry before
}

// Layer verifies the layer with a number; body is its whole tar archive.
func (v *Verification) Layer(number int, body io.Reader) (err error) {
	w := v.walk(number, body)
	for err == nil {
		err = w.entry()
	}
	if err == io.EOF {
		err = w.rest()
	}
	if w.in.err != nil {
		return w.in.err // whatever followed from it
	}
	return err
}

func (v *Verification) walk(number int, body io.Reader) *layerWalk {
	w := &layerWalk{Verification: v, number: number, in: newLayerInput(body), folders: map[string]bool{},
		wanted: make(map[string]*wanted, len(v.files[number])), content: make(map[int64]*catalog.File, len(v.files[number]))}
	want := func(name string, e wanted) {
		w.wanted[name] = &e
		addFolders(w.folders, name)
	}
	for _, f := range v.files[number] {
		want(layout.Root+"/"+f.Path, wanted{file: f, place: &catalog.LayerPlace{Offset: f.Offset, Size: f.Size}, mode: 0o644, sha256: f.SHA256})
	}
	if number == v.program {
		want(layout.ProgramPath, wanted{mode: 0o755})
	}
	if number == v.made {
		for _, set := range v.sets {
			want(path.Join(layout.ScriptRoot, set.Name, set.System, layout.ScriptName), wanted{mode: 0o755, optional: true})
			for _, kind := range v.kinds {
				want(path.Join(layout.ScriptRoot, set.Name, set.System, layout.ScriptOf(kind)), wanted{mode: 0o755, optional: true})
			}
		}
	}
	if number == v.end {
		want(layout.Root+"/"+layout.HeadName, wanted{place: &v.place.Head, mode: 0o644, sha256: v.place.SHA256})
		want(layout.Root+"/"+layout.RecordsName, wanted{place: &v.place.Records, mode: 0o644})
	}
	for dir := range w.folders {
		w.folders[dir] = false
	}
	return w
}

// entry reads one entry. Its error is io.EOF at the end of the archive.
func (w *layerWalk) entry() error {
	start := w.in.n
	h, raw, err := w.in.header()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return artifact.Verifyf("at byte %d: %w", start, err)
	}
	m := tarlayer.Member{Entry: tarlayer.Entry{Path: h.Name, Mode: h.Mode, Link: h.Linkname}, Directory: h.Typeflag == tar.TypeDir}
	if m.Directory {
		m.Path = strings.TrimSuffix(m.Path, "/")
	} else if h.Typeflag == tar.TypeReg {
		m.Size = h.Size
	}
	e := w.wanted[m.Path]
	_, isFolder := w.folders[m.Path]
	switch {
	case m.Directory && !isFolder, !m.Directory && e == nil:
		return w.unwanted(&m)
	case m.Path == w.last:
		return artifact.Verifyf("%s: two entries have this path", m.Path)
	case m.Path < w.last:
		return artifact.Verifyf("%s: out of order or repeated", m.Path)
	case path.Dir(m.Path) != "." && !w.folders[path.Dir(m.Path)]:
		return artifact.Verifyf("%s: its folder has no entry", m.Path)
	}
	mode := int64(0o755)
	if !m.Directory {
		mode = e.mode
	}
	// Readers of tar interpret the same header differently: only one form is accepted.
	if written, err := m.Header(); err != nil || !bytes.Equal(raw, written) || m.Mode != mode {
		return artifact.Verifyf("%s: its tar header is not as a build writes it", m.Path)
	}
	w.last = m.Path
	if m.Directory {
		w.folders[m.Path] = true
		return nil
	}
	e.seen = true
	return w.file(&m, e)
}

// unwanted is the error about an unexpected entry.
func (w *layerWalk) unwanted(m *tarlayer.Member) error {
	name := m.Path
	switch {
	case strings.HasPrefix(path.Base(name), tarlayer.Whiteout):
		return artifact.Verifyf("%.300q: it would delete what a lower layer has", name)
	case m.Directory:
		return artifact.Verifyf("%.300q: a folder in which the catalog has nothing of this layer", name)
	}
	below, _ := strings.CutPrefix(name, layout.Root+"/")
	for i, files := range w.files {
		if slices.ContainsFunc(files, func(f *catalog.File) bool { return f.Path == below }) {
			return artifact.Verifyf("%.300q: the catalog has it in layer %d", name, i)
		}
	}
	return artifact.Verifyf("%.300q: the catalog does not name it", name)
}

// file compares an entry that is not a folder with the expected one.
func (w *layerWalk) file(m *tarlayer.Member, e *wanted) error {
	if m.Link != "" {
		if e.file != nil {
			if f := w.content[e.file.Offset]; f != nil && m.Link == layout.Root+"/"+f.Path && f.Size == e.file.Size && f.SHA256 == e.file.SHA256 {
				return nil
			}
		}
		return artifact.Verifyf("%s: a link to %.300q, which the catalog has not in this place", m.Path, m.Link)
	}
	if e.place != nil && *e.place != (catalog.LayerPlace{Offset: w.in.n, Size: m.Size}) {
		return artifact.Verifyf("%s: %d bytes at %d, the catalog says %d at %d", m.Path, m.Size, w.in.n, e.place.Size, e.place.Offset)
	}
	w.sum.Reset()
	if n, err := io.CopyBuffer(w.sum, io.LimitReader(w.in, m.Size), w.buf); err != nil || n < m.Size {
		return artifact.Verifyf("%s: cut off after %d of %d bytes", m.Path, n, m.Size)
	}
	got := fmt.Sprintf("%x", w.sum.Sum(nil))
	if e.sha256 != "" && got != e.sha256 {
		return artifact.Verifyf("%s: sha256 mismatch: got %s, want %s", strings.TrimPrefix(m.Path, layout.Root+"/"), got, e.sha256)
	}
	if m.Path == layout.ProgramPath {
		w.Program = got
	}
	if e.file != nil {
		w.content[e.file.Offset] = e.file
	}
	padding := w.buf[:tarlayer.Padded(m.Size)-m.Size]
	if _, err := io.ReadFull(w.in, padding); err != nil || !tarlayer.IsZero(padding) {
		return artifact.Verifyf("%s: something else than zeros follows it", m.Path)
	}
	return nil
}

// rest reads what follows the archive, and reports missing entries.
func (w *layerWalk) rest() error {
	if len(w.wanted) == 0 {
		return artifact.Verifyf("no layer of the catalog's")
	}
	for {
		n, err := w.in.Read(w.buf)
		if !tarlayer.IsZero(w.buf[:n]) {
			return artifact.Verifyf("something follows the end of the archive")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	missing := ""
	for name, e := range w.wanted {
		if !e.seen && !e.optional && (missing == "" || name < missing) {
			missing = name
		}
	}
	if missing != "" {
		return artifact.Verifyf("%s is missing", missing)
	}
	return nil
}
