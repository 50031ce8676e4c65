package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/fec"
)

// An Exporter writes a bundle to media. If they have a part of it already, it goes on from there.
type Exporter struct {
	Header *Header // of NewHeader
	Source content.Source
	Sealer seal.Sealer // what Header was made with
	Signer signed.Signer
	// Media are the media in the order in which they are filled, at least one. Next, if it is not nil, gives more of them: n is the number of the
	// medium, from 1.
	Media []medium.Medium
	Next  func(ctx context.Context, n int) (medium.Medium, error)
	// Capacity is how many bytes a medium takes; 0: as many as there is room for.
	Capacity int64
	// Share is how much of the bundle may be lost and is restored from parity; 0: no parity.
	Share fec.Share
	// Numbers are the only parts to write; nil: all. They are written even if they are there.
	Numbers []int
	// Progress is called with each number of bytes that are done, as they are in the clear. It may be nil.
	Progress func(bytes int64)
	// ParityProgress is called with each number of bytes of parts that parity was computed for. It may be nil.
	ParityProgress func(bytes int64)
	// Warn is called with what the user should know. It may be nil.
	Warn func(text string)

	plan    *Plan
	reader  blobReader
	current int   // index of the medium that is written
	written int64 // bytes that parts have on it
	state   []mediumState
}

// A mediumState is what is known of a medium.
type mediumState struct {
	parts  []Part // on it
	parity []int  // indexes of the parity files on it
}

// An Exported says what an export has done.
type Exported struct {
	Written []Part
	Kept    []int // numbers of parts that were there
}

// A finisher is a medium that has to know when nothing follows.
type finisher interface {
	Finish(ctx context.Context) error
}

// Export writes the bundle. The header says afterwards which parts there are.
func (e *Exporter) Export(ctx context.Context) (*Exported, error) {
	if err := e.canHaveParity(); err != nil {
		return nil, err
	}
	if len(e.Media) == 0 {
		m, err := e.Next(ctx, 1)
		if err != nil {
			return nil, err
		}
		e.Media = append(e.Media, m)
	}
	todo, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	e.reader = blobReader{source: e.Source, header: e.Header, whole: e.Numbers == nil}
	defer e.reader.close()
	done := new(Exported)
	for _, p := range e.plan.Parts {
		if e.Numbers == nil && !slices.Contains(todo, p.Number) {
			done.Kept = append(done.Kept, p.Number)
			e.progress(p.Size)
		}
	}
	if len(todo) == 0 {
		return done, e.conclude(ctx)
	}
	if isComplete(e.medium()) {
		return nil, artifact.Hint(fmt.Errorf("%s is there, with other parts of this bundle", e.medium()), "remove it, or name another file")
	}
	if err := e.room(ctx, todo); err != nil {
		return nil, err
	}
	for e.current < len(e.Media)-1 && len(e.state[e.current+1].parts) > 0 {
		e.current++ // the one that was written last
	}
	for i, p := range e.state[e.current].parts {
		if i == 0 {
			e.written = 0
		}
		e.written += p.Size
	}
	if err := e.saveHeader(ctx); err != nil {
		return nil, err
	}
	for _, number := range todo {
		if err := e.choose(ctx, number); err != nil {
			return done, err
		}
		part, err := e.writePart(ctx, number)
		if err != nil {
			return done, e.explain(err, number)
		}
		e.list(part)
		done.Written = append(done.Written, part)
		if err := e.saveHeader(ctx); err != nil {
			return done, err
		}
	}
	return done, e.conclude(ctx)
}

// prepare plans the parts, and finds out which of them are to be written.
func (e *Exporter) prepare(ctx context.Context) (todo []int, err error) {
	if e.plan, err = e.Header.Plan(); err != nil {
		return nil, err
	}
	for _, n := range e.Numbers {
		if n < 1 || n > len(e.plan.Parts) {
			return nil, artifact.Usagef("there is no part %d: the bundle has parts 1 to %d", n, len(e.plan.Parts))
		}
	}
	for i := range e.Media {
		if err := e.resume(ctx, i); err != nil {
			return nil, err
		}
	}
	for _, p := range e.plan.Parts {
		if e.Numbers == nil && e.Header.Part(p.Number) == nil || slices.Contains(e.Numbers, p.Number) {
			todo = append(todo, p.Number)
		}
	}
	return todo, nil
}

func (e *Exporter) progress(n int64) {
	if e.Progress != nil {
		e.Progress(n)
	}
}

// medium is the one that is being written.
func (e *Exporter) medium() medium.Medium { return e.Media[e.current] }

// explain says what to do about a medium that is full.
func (e *Exporter) explain(err error, number int) error {
	if ctx := (*artifact.HintError)(nil); errors.Is(err, syscall.ENOSPC) && !errors.As(err, &ctx) {
		return artifact.Hint(fmt.Errorf("%s: part %d: %w", e.medium(), number, err), "free some space and run the same command again, which goes on from here; or use several media: repeat --to, or --media SIZE")
	}
	return err
}

// room refuses what the media have no room for, before anything is written. Nobody knows how much more fits if other media follow.
func (e *Exporter) room(ctx context.Context, todo []int) error {
	if e.Next != nil || len(e.Media) == 1 && e.Capacity > 0 && e.Share == 0 {
		return nil
	}
	f := new(Forecast)
	for _, n := range todo {
		f.Write.add(e.carried(n))
	}
	if err := e.fill(ctx, f, todo); err != nil {
		return err
	}
	if n := len(f.Media); e.Share > 0 && n > len(e.Media) {
		return artifact.Hint(fmt.Errorf("%d media of %s are needed, and %d is there: parity is of all parts, so all media are needed at once", n, bytesize.Text(e.Capacity), len(e.Media)), "name all of them: repeat --to")
	}
	return f.Fits()
}

// carried is how many bytes a part has on the medium, or nearly so.
func (e *Exporter) carried(number int) int64 {
	clear := e.plan.Parts[number-1].Size
	if e.Sealer == nil {
		return clear
	}
	if size := e.Sealer.Size(clear); size >= 0 {
		return size
	}
	return clear + e.Header.PartSize - ClearLimit(e.Header.PartSize)
}

// reserve is how many bytes the files beside the parts need: the header, twice while it is replaced, its journal, and the digests.
func (e *Exporter) reserve() int64 {
	data, err := e.Header.Encode()
	if err != nil {
		return 0
	}
	return 4*int64(len(data)) + int64(e.Header.PartCount)*800 + 64<<10
}

// choose goes on to the next medium if the part does not fit on this one.
func (e *Exporter) choose(ctx context.Context, number int) error {
	for {
		fits, err := e.fits(ctx, number)
		if fits || err != nil {
			return err
		}
		if e.Next == nil && e.current == len(e.Media)-1 {
			return artifact.Hint(fmt.Errorf("%s has no room for part %d (%s), and there is no other medium", e.medium(), number, bytesize.Text(e.carried(number))), "name more media: repeat --to; the same command with more of them goes on from here")
		}
		if e.written == 0 && e.Capacity > 0 {
			return artifact.Usagef("a part of %s does not fit on a medium of %s", bytesize.Text(e.carried(number)), bytesize.Text(e.Capacity))
		}
		if err := e.finish(ctx); err != nil {
			return err
		}
		if e.current == len(e.Media)-1 {
			m, err := e.Next(ctx, len(e.Media)+1)
			if err != nil {
				return err
			}
			e.Media = append(e.Media, m)
			if err := e.resume(ctx, len(e.Media)-1); err != nil {
				return err
			}
		}
		e.current, e.written = e.current+1, 0
		if err := e.saveHeader(ctx); err != nil {
			return err
		}
	}
}

func (e *Exporter) fits(ctx context.Context, number int) (bool, error) {
	need := e.carried(number) + e.reserve()
	if e.Capacity > 0 && e.written+need > e.Capacity {
		return false, nil
	}
	if len(e.Media) == 1 && e.Next == nil {
		return true, nil // room has looked
	}
	free, err := e.medium().Free(ctx)
	return free < 0 || need <= free, err
}

// list adds a part to the header.
func (e *Exporter) list(p Part) {
	if len(e.Media) > 1 || e.Next != nil {
		p.Medium = e.current + 1
	}
	e.written += p.Size
	e.state[e.current].parts = append(e.state[e.current].parts, p)
	at, found := slices.BinarySearchFunc(e.Header.Parts, p.Number, func(p Part, n int) int { return p.Number - n })
	if found {
		e.Header.Parts[at] = p
	} else {
		e.Header.Parts = slices.Insert(e.Header.Parts, at, p)
	}
}

// writePart writes one part to the medium.
func (e *Exporter) writePart(ctx context.Context, number int) (part Part, err error) {
	planned := e.plan.Parts[number-1]
	size := planned.Size
	if e.Sealer != nil {
		size = e.Sealer.Size(planned.Size)
	}
	file, err := e.medium().Create(ctx, planned.Name, size)
	if err != nil {
		return part, err
	}
	defer file.Abort()
	out, err := newPartWriter(file, e.Sealer)
	if err != nil {
		return part, err
	}
	if err := e.writePieces(ctx, number, out); err != nil {
		return part, fmt.Errorf("part %d: %w", number, err)
	}
	if err := out.Close(); err != nil {
		return part, err
	}
	part = Part{Number: number, Name: planned.Name, Size: out.carried.size, SHA256: out.carried.sum(), Clear: Clear{out.clear.size, out.clear.sum()}}
	switch {
	case out.clear.size != planned.Size:
		return part, fmt.Errorf("part %d: %d bytes, planned %d", number, out.clear.size, planned.Size)
	case size >= 0 && out.carried.size != size:
		return part, fmt.Errorf("part %d: %d bytes encrypted, planned %d", number, out.carried.size, size)
	case e.Header.Form == "" && out.carried.size > e.Header.PartSize:
		return part, artifact.Usagef("part %d has %d bytes for these recipients, more than --part-size %d: write larger parts", number, out.carried.size, e.Header.PartSize)
	}
	return part, file.Commit(ctx)
}

// writePieces writes the part in the clear.
func (e *Exporter) writePieces(ctx context.Context, number int, w *partWriter) error {
	for _, piece := range e.plan.Pieces(number) {
		entry := &e.plan.Entries[piece.Entry]
		if piece.Head > 0 {
			head, err := entry.Header()
			if err != nil {
				return err
			}
			if _, err := w.Write(head); err != nil {
				return err
			}
		}
		if entry.Blob < 0 {
			if _, err := w.Write(entry.Data[piece.Offset : piece.Offset+piece.Size]); err != nil {
				return err
			}
		} else if err := e.reader.copy(ctx, w, e.Header.Blobs[entry.Blob], piece, e.progress); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, piece.Pad)); err != nil {
			return err
		}
	}
	if e.Header.Form == "" && number == len(e.plan.Parts) {
		_, err := w.Write(make([]byte, trailer))
		return err
	}
	return nil
}
