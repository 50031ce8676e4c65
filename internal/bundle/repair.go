package bundle

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/fec"
)

// A repairer restores parts of an import that are missing or damaged.
type repairer struct {
	*Importer
	header  *Header // which has the parity
	headers []*signedHeader
	repair  *fec.Repair
	suspect map[int]bool // by index in header.Parts
	batches [][]int
	current []int // the batch that is in the scratch file
	scratch *os.File
}

// repair restores what it can of the parts that are missing or damaged, and reads them as any others. The media are not changed.
func (im *Importer) repair(ctx context.Context, headers []*signedHeader) error {
	at := slices.IndexFunc(headers, func(h *signedHeader) bool { return h.header.FEC != nil })
	if at < 0 || im.NoRepair {
		return nil
	}
	r := &repairer{Importer: im, header: headers[at].header, headers: headers, suspect: map[int]bool{}}
	var suspects []int
	intact := map[int]bool{}
	for _, result := range im.imported.Parts {
		i := slices.IndexFunc(r.header.Parts, func(p Part) bool { return p.Number == result.Number })
		switch {
		case i < 0: // FEC is of all parts
		case result.Status == Bad || result.Status == Missing:
			suspects = append(suspects, i)
			r.suspect[i] = true
		case result.Status == Verified:
			intact[i] = result.SHA256 == r.header.Parts[i].SHA256
		}
	}
	if suspects == nil {
		return nil
	}
	var media []medium.Medium
	for _, h := range headers {
		media = append(media, h.medium)
	}
	files := r.header.carriedFiles()
	open := func(name string) (fec.ReadAtCloser, error) {
		all := media
		if at := slices.IndexFunc(im.imported.Parts, func(p ImportedPart) bool { return p.Name == name && p.Status == Verified }); at >= 0 {
			// The medium on which it is good, first: plain parts that were exported again are the same.
			all = slices.Clone(media)
			slices.SortStableFunc(all, func(a, b medium.Medium) int {
				return strings.Compare(fmt.Sprint(a.String() != im.imported.Parts[at].Medium), fmt.Sprint(b.String() != im.imported.Parts[at].Medium))
			})
		}
		return openAnywhere(all, name, slices.Concat(files, r.header.FEC.Files))
	}
	var err error
	if r.repair, err = r.header.FEC.NewRepair(files, open, func(i int) bool { return intact[i] }); err != nil {
		return err
	}
	defer r.repair.Close()
	if err := r.repair.Survey(ctx, suspects); err != nil {
		return err
	}
	limit := r.header.PartSize
	if limit == 0 {
		for _, i := range suspects {
			limit = max(limit, r.header.Parts[i].Size)
		}
	}
	r.batches = r.repair.Batches(suspects, limit)
	if r.scratch, err = os.CreateTemp(im.Scratch, ".minimirror-part-restored-*"); err != nil {
		return err
	}
	defer r.scratch.Close()
	if err := os.Remove(r.scratch.Name()); err != nil { // it ends with this program
		return err
	}
	return r.parts(ctx)
}

// parts goes through all parts in order, because a destination may need their pieces in order: what was read before and is needed again is read
// again.
func (r *repairer) parts(ctx context.Context) error {
	lost, damaged := int64(0), 0
	for n, old := range r.imported.Parts {
		i := slices.IndexFunc(r.header.Parts, func(p Part) bool { return p.Number == old.Number })
		if i < 0 {
			continue
		}
		needed := r.all && r.suspect[i]
		if !needed && !r.carried {
			var err error
			if needed, err = r.lacks(ctx, old.Number); err != nil {
				return err
			}
		}
		switch {
		case !needed && r.suspect[i]: // its blobs have come with other parts
			r.imported.Parts[n].Status, r.imported.Parts[n].Err = Known, nil
		case !needed:
		case r.suspect[i]:
			if err := r.part(ctx, n, i); err != nil {
				return err
			}
			if d := r.repair.Damage(i); d.Lost > 0 {
				lost += d.Lost
				damaged++
			}
		case old.Status == Verified:
			if err := r.importPart(ctx, old.Number, r.headers); err != nil {
				return err
			}
			last := len(r.imported.Parts) - 1
			r.imported.Parts[n] = r.imported.Parts[last]
			r.imported.Parts = r.imported.Parts[:last]
		}
	}
	if lost > 0 {
		r.beyond = fmt.Sprintf("more is damaged than parity for %s restores: %d blocks of %d parts are lost; of the blocks that share parity, up to %d more are missing than it has blocks (%d)",
			r.header.FEC.Share, lost, damaged, r.repair.Short(), r.header.FEC.Parity)
	}
	return nil
}

// part restores a part and reads it. n is its place in the results, i that in the header.
func (r *repairer) part(ctx context.Context, n, i int) error {
	if !slices.Contains(r.current, i) {
		at := slices.IndexFunc(r.batches, func(batch []int) bool { return slices.Contains(batch, i) })
		r.current = r.batches[at]
		if err := r.scratch.Truncate(0); err != nil {
			return err
		}
		if err := r.repair.Restore(ctx, r.current, r.scratch); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	result, p := &r.imported.Parts[n], &r.header.Parts[i]
	d := r.repair.Damage(i)
	if d.Lost > 0 {
		result.Err = artifact.Verifyf("%d of %d blocks damaged or missing, %d of them cannot be restored", d.Damaged, d.Blocks, d.Lost)
		return nil
	}
	sum, err := r.readPart(ctx, result.Number, p, r.repair.Part(i))
	if err != nil && !isPartError(err) {
		return err
	}
	result.Size, result.SHA256, result.Err = p.Size, sum, err
	if result.Status = Repaired; err != nil {
		result.Status, result.Err = Bad, fmt.Errorf("restored from parity (%d blocks), and still: %w", d.Damaged, err)
		return nil
	}
	result.Restored = d.Damaged
	return nil
}
