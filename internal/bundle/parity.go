package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/fec"
)

// CopyFolder has the header and its signature again, in a bundle with parity.
const CopyFolder = "copy"

// IsFileName reports whether a file of a bundle can have this name. Those of the form "files" that are parts are not among them.
func IsFileName(name string) bool {
	base := strings.TrimPrefix(name, CopyFolder+"/")
	for _, known := range []string{HeaderName, MinisignName, OpenPGPName, SumsName} {
		if base == known {
			return true
		}
	}
	for _, prefix := range []string{"part-", "fec-"} {
		if digits, is := strings.CutPrefix(name, prefix); is {
			digits, _, _ = strings.Cut(digits, ".")
			return len(digits) >= 4 && strings.Trim(digits, "0123456789") == ""
		}
	}
	return false
}

// carriedFiles are the parts as the parity knows them.
func (h *Header) carriedFiles() []fec.File {
	files := make([]fec.File, len(h.Parts))
	for i, p := range h.Parts {
		files[i] = fec.File{Name: p.Name, Size: p.Size, SHA256: p.SHA256}
	}
	return files
}

// checkParity wants parity to be of all parts.
func (h *Header) checkParity() error {
	if h.FEC == nil {
		return nil
	}
	if len(h.Parts) != h.PartCount {
		return fmt.Errorf("parity of %d of %d parts", len(h.Parts), h.PartCount)
	}
	sizes := make([]int64, len(h.Parts))
	for i, p := range h.Parts {
		sizes[i] = p.Size
	}
	if err := h.FEC.Check(sizes); err != nil {
		return fmt.Errorf("fec: %w", err)
	}
	for _, f := range h.FEC.Files {
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("fec: %s: sha256 %q", f.Name, f.SHA256)
		}
	}
	return nil
}

// canHaveParity refuses what parity cannot be written for.
func (e *Exporter) canHaveParity() error {
	if e.Share == 0 {
		return nil
	}
	if e.Numbers != nil {
		return artifact.Usagef("--fec cannot be used together with --parts: parity is of all parts")
	}
	if e.Next != nil {
		return artifact.Hint(artifact.Usagef("--fec needs all media at once, because parity is of all parts"), "name all of them: repeat --to")
	}
	for _, m := range e.Media {
		if _, is := m.(medium.Anywhere); !is {
			return artifact.Hint(artifact.Usagef("%s: --fec is for folders, files and standard output", m), "a store with checksums of its own needs no parity")
		}
	}
	return nil
}

// parityLayout arranges the parity for so many media, each of which gets a share. What parts are not written yet counts as much as it will have, or
// nearly so.
func (e *Exporter) parityLayout(media int) (*fec.Layout, error) {
	sizes := make([]int64, len(e.plan.Parts))
	for i := range sizes {
		if p := e.Header.Part(i + 1); p != nil {
			sizes[i] = p.Size
		} else {
			sizes[i] = e.carried(i + 1)
		}
	}
	l, err := fec.Plan(e.Share, sizes, e.parityFileSize())
	if n := int64(media); err == nil && n > 1 {
		l, err = fec.Plan(e.Share, sizes, min(e.parityFileSize(), (l.Size()/fec.BlockSize+n-1)/n*fec.BlockSize))
	}
	if err != nil {
		return nil, fmt.Errorf("--fec: %w", err)
	}
	return l, nil
}

// parityFileSize is how large a parity file may be.
func (e *Exporter) parityFileSize() int64 {
	if e.Header.PartSize > 0 {
		return e.Header.PartSize
	}
	return 1 << 30
}

// addParity writes the parity of all parts, unless it is there.
func (e *Exporter) addParity(ctx context.Context) error {
	kept, err := e.parityThere(ctx)
	if kept || err != nil {
		return err
	}
	files := e.Header.carriedFiles()
	l, err := e.parityLayout(len(e.Media))
	if err != nil {
		return err
	}
	media, err := e.parityMedia(ctx, l)
	if err != nil {
		return err
	}
	return e.writeParity(ctx, l, files, media)
}

// parityMedia chooses a medium for each parity file: in turn, where there is room.
func (e *Exporter) parityMedia(ctx context.Context, l *fec.Layout) (indexes []int, err error) {
	used := make([]int64, len(e.Media))
	for i, state := range e.state {
		for _, p := range state.parts {
			used[i] += p.Size
		}
	}
	for n, f := range l.Files {
		found := false
		for i := range e.Media {
			at := (n + i) % len(e.Media)
			free, err := e.Media[at].Free(ctx)
			if err != nil {
				return nil, err
			}
			if e.Capacity > 0 {
				free = min(free, e.Capacity-used[at])
			} else {
				free -= pending(indexes, l, at)
			}
			if free < 0 || f.Size+e.reserve() <= free {
				found = true
				indexes = append(indexes, at)
				used[at] += f.Size
				break
			}
		}
		if !found {
			return nil, artifact.Hint(fmt.Errorf("no medium has room for the parity file %s (%s)", f.Name, bytesize.Text(f.Size)), "name one more: repeat --to; the same command with more of them goes on from here")
		}
	}
	return indexes, nil
}

// pending is how many bytes of the files that were placed before come onto a medium.
func pending(indexes []int, l *fec.Layout, at int) (n int64) {
	for i, index := range indexes {
		if index == at {
			n += l.Files[i].Size
		}
	}
	return n
}

func (e *Exporter) writeParity(ctx context.Context, l *fec.Layout, files []fec.File, media []int) error {
	out := make([]io.WriterAt, len(l.Files))
	sums := make([]io.ReaderAt, len(l.Files))
	var batches []*medium.Files
	for i, m := range e.Media {
		var list []medium.File
		var at []int
		for n, f := range l.Files {
			if media[n] == i {
				list, at = append(list, medium.File{Name: f.Name, Size: f.Size}), append(at, n)
			}
		}
		if list == nil {
			continue
		}
		batch, err := m.(medium.Anywhere).CreateAt(list)
		if err != nil {
			return e.explain(err, 0)
		}
		defer batch.Abort()
		batches = append(batches, batch)
		for k, n := range at {
			out[n], sums[n] = batch.At[k], batch.At[k]
			e.state[i].parity = append(e.state[i].parity, n)
		}
	}
	open := func(name string) (fec.ReadAtCloser, error) { return openAnywhere(e.Media, name, files) }
	if err := l.Encode(ctx, files, open, out, e.progressParity); err != nil {
		return fmt.Errorf("parity: %w", e.explain(err, 0))
	}
	for n := range l.Files {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(sums[n], 0, l.Files[n].Size)); err != nil {
			return err
		}
		l.Files[n].SHA256 = hex.EncodeToString(h.Sum(nil))
	}
	for _, batch := range batches {
		if err := batch.Commit(); err != nil {
			return e.explain(err, 0)
		}
	}
	e.Header.FEC = l
	return nil
}

func (e *Exporter) progressParity(n int64) {
	if e.ParityProgress != nil {
		e.ParityProgress(n)
	}
}

// parityThere reports whether an earlier export has written the parity of these parts, with this share.
func (e *Exporter) parityThere(ctx context.Context) (bool, error) {
	there, err := e.readOwn(ctx, e.Media[0])
	if err != nil || there == nil || there.FEC == nil || there.FEC.Share != e.Share.String() || !slices.Equal(there.carriedFiles(), e.Header.carriedFiles()) {
		return false, err
	}
	found := make([][]int, len(e.Media))
	for n, f := range there.FEC.Files {
		at := -1
		for i, m := range e.Media {
			files, err := m.List(ctx)
			if err != nil {
				return false, err
			}
			if slices.Contains(files, medium.File{Name: f.Name, Size: f.Size}) {
				at = i
				break
			}
		}
		if at < 0 {
			return false, nil
		}
		found[at] = append(found[at], n)
	}
	for i := range e.Media {
		e.state[i].parity = found[i]
	}
	e.Header.FEC = there.FEC
	return true, nil
}

// openAnywhere opens a file on the first medium that has it.
func openAnywhere(media []medium.Medium, name string, files []fec.File) (fec.ReadAtCloser, error) {
	size := int64(-1)
	for _, f := range files {
		if f.Name == name {
			size = f.Size
		}
	}
	for _, m := range media {
		a, is := m.(medium.Anywhere)
		if !is {
			continue
		}
		f, err := a.OpenAt(name, size)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// conclude writes what comes behind the parts: parity, and the header on each medium.
func (e *Exporter) conclude(ctx context.Context) error {
	if e.Share == 0 {
		return e.finish(ctx)
	}
	if err := e.addParity(ctx); err != nil {
		return err
	}
	for e.current = range e.Media {
		data, signature, err := e.sign()
		if err != nil {
			return err
		}
		for name, data := range map[string][]byte{HeaderName: data, HeaderName + e.Signer.Suffix(): signature} {
			name = path.Join(CopyFolder, name)
			if old, err := readSmall(ctx, e.medium(), name, maxHeader); err == nil && bytes.Equal(old, data) {
				continue
			}
			if err := writeSmall(ctx, e.medium(), name, data); err != nil {
				return e.explain(err, 0)
			}
		}
		if err := e.finish(ctx); err != nil {
			return err
		}
	}
	e.current = len(e.Media) - 1
	return nil
}
