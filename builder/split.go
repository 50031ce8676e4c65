package builder

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// splitName is the key of a definition that has the image for each platform carry the items for its own architecture.
const splitName = "split-by-architecture"

// A part is what images carry: all of a lock, or what machines of one architecture may need.
type part struct {
	architecture string // in Go's words; empty: all of the lock
	lock         *lockfile.Lock
	items        []*lockedFile   // the files of its items
	shared       map[string]bool // with an architecture: IDs of the files and proofs that the parts for all architectures have
}

// architectures are those that the lock is split by, in Go's words; none: it is not split.
func (b *Builder) architectures(d *Definition, lock *lockfile.Lock) []string {
	if !d.split {
		return nil
	}
	return lock.Architectures(b.Kinds)
}

// parts divides a lock among the images for some architectures. files are those of the lock.
func (b *Builder) parts(d *Definition, lock *lockfile.Lock, files []*lockedFile, wanted []string) (parts []part, err error) {
	carried := b.architectures(d, lock)
	if len(carried) == 0 {
		return []part{{lock: lock, items: files}}, nil
	}
	count := make(map[string]int) // of the parts with a file or proof
	for _, architecture := range carried {
		p := part{architecture: architecture, lock: lock.ForArchitecture(b.Kinds, architecture)}
		has := idsOf(p.lock)
		for id := range has {
			count[id]++
		}
		for _, f := range files {
			if has[f.id] {
				p.items = append(p.items, f)
			}
		}
		parts = append(parts, p)
	}
	shared := make(map[string]bool)
	for id, n := range count {
		shared[id] = n == len(carried)
	}
	if err := checkCarried(wanted, carried); err != nil {
		return nil, err
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return !slices.Contains(wanted, p.architecture) })
	for i := range parts {
		parts[i].shared = shared
	}
	return parts, nil
}

// checkCarried refuses an architecture that a lock is not split by.
func checkCarried(wanted, split []string) error {
	for _, architecture := range wanted {
		if len(split) > 0 && !slices.Contains(split, architecture) {
			return artifact.Hint(fmt.Errorf("linux/%s: the lock has no items for it, and images carry only those for their own architecture (%s)", architecture, splitName),
				"name others with --platform: the lock has items for %s", strings.Join(split, ", "))
		}
	}
	return nil
}

// idsOf are the IDs of all files of items, and of all proofs.
func idsOf(lock *lockfile.Lock) map[string]bool {
	ids := make(map[string]bool, len(lock.Items))
	for i := range lock.Items {
		for f := range lock.Items[i].Files {
			ids[lock.Items[i].FileID(&lock.Items[i].Files[f])] = true
		}
	}
	for i := range lock.Sources {
		for _, r := range lock.Sources[i].Releases {
			for at := range r.Proofs {
				ids[lock.Sources[i].ProofID(&r.Proofs[at])] = true
			}
		}
	}
	return ids
}

// together is what some parts of a lock have together, and the files of its items.
func together(lock *lockfile.Lock, files []*lockedFile, parts []part) (*lockfile.Lock, []*lockedFile) {
	if len(parts) == 1 {
		return parts[0].lock, parts[0].items
	}
	items, ids := make(map[string]bool), make(map[string]bool)
	for _, p := range parts {
		for i := range p.lock.Items {
			items[p.lock.Items[i].ID()] = true
		}
		for id := range idsOf(p.lock) {
			ids[id] = true
		}
	}
	all := *lock
	all.Items, all.Sources = nil, nil
	for i := range lock.Items {
		if items[lock.Items[i].ID()] {
			all.Items = append(all.Items, lock.Items[i])
		}
	}
	for _, s := range lock.Sources {
		s.Releases = slices.Clone(s.Releases)
		for i := range s.Releases {
			r := &s.Releases[i]
			r.Proofs = slices.DeleteFunc(slices.Clone(r.Proofs), func(p artifact.Proof) bool { return !ids[s.ProofID(&p)] })
		}
		all.Sources = append(all.Sources, s)
	}
	return &all, slices.DeleteFunc(slices.Clone(files), func(f *lockedFile) bool { return !ids[f.id] })
}

// warnLeftOut says which items are in none of the images.
func (b *Builder) warnLeftOut(d *Definition, lock, all *lockfile.Lock, parts []part, output image.Reference) {
	reason := "some items are in no image, because there is no program for their architecture: name one with --program ARCHITECTURE=FILE"
	if output.Transport == image.DockerArchive {
		reason = "some items are not in the archive, which has an image for one platform only: write oci-archive:FILE, or another archive with --platform"
	}
	has := make(map[string]bool, len(all.Items))
	for i := range all.Items {
		has[all.Items[i].ID()] = true
	}
	for _, architecture := range b.architectures(d, lock) {
		if slices.ContainsFunc(parts, func(p part) bool { return p.architecture == architecture }) {
			continue
		}
		left := 0
		for _, item := range lock.ForArchitecture(b.Kinds, architecture).Items {
			if !has[item.ID()] {
				left++
			}
		}
		b.Log.Warn(reason, "architecture", architecture, "items", left)
	}
}

// place decides which layer holds which file. Images for several architectures have layers with what all of them have, which do not depend on
// the architecture, and layers of their own above.
func (p *plan) place(entries map[placement.File]tarlayer.Entry) (err error) {
	proofs := p.proofs()
	if p.architecture == "" {
		p.placed, err = placement.Place(p.base, p.wanted(p.items, proofs, entries), p.sizes)
		return err
	}
	items, ownItems := divide(p.items, func(f *lockedFile) bool { return p.shared[f.id] })
	common, ownProofs := divide(proofs, func(e tarlayer.Entry) bool { return p.shared[strings.TrimPrefix(e.Path, layout.Root+"/")] })
	base, others := divide(p.base, func(l placement.Layer) bool { return l.Architecture == "" })
	sizes := p.sizes
	sizes.MaxLayers = cmp.Or(sizes.MaxLayers, placement.DefaultMaxLayers) / 2
	if p.placed, err = placement.Place(base, p.wanted(items, common, entries), sizes); err != nil {
		return err
	}
	hides := hider(p.placed)
	own := slices.DeleteFunc(slices.Clone(others), func(l placement.Layer) bool {
		return l.Architecture != p.architecture || slices.ContainsFunc(l.Files, hides) || slices.ContainsFunc(l.Unused, hides)
	})
	above, err := placement.Place(own, p.wanted(ownItems, ownProofs, entries), sizes)
	for i := range above {
		above[i].Architecture = p.architecture
	}
	p.placed = append(p.placed, above...)
	return err
}

// divide divides a list in two, whose order stays.
func divide[T any](all []T, first func(T) bool) (a, b []T) {
	for _, one := range all {
		if first(one) {
			a = append(a, one)
		} else {
			b = append(b, one)
		}
	}
	return a, b
}

// hider returns a function that reports whether a file in a layer above would hide a wanted file of the layers; see tarlayer.Stack.
func hider(layers []placement.Layer) func(placement.File) bool {
	files, folders := make(map[string]bool), make(map[string]bool)
	for _, l := range layers {
		for _, f := range l.Files {
			files[f.Path] = true
			for dir := path.Dir(f.Path); dir != "." && !folders[dir]; dir = path.Dir(dir) {
				folders[dir] = true
			}
		}
	}
	return func(f placement.File) bool {
		if files[f.Path] || folders[f.Path] {
			return true
		}
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return true
			}
		}
		return false
	}
}
