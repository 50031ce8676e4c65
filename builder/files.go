package builder

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A lockedFile is a file of a lock's items. Items may share it.
type lockedFile struct {
	*artifact.File
	id   string         // artifact.Item.FileID
	item *artifact.Item // the first that has it
	sets []string       // those that need it: "NAME NODES", sorted
}

// lockedFiles are the files of all items, each once, in the order of the items.
func lockedFiles(lock *lockfile.Lock) []*lockedFile {
	sets := make(map[string][]string) // by item
	for _, set := range lock.Sets {
		for _, id := range set.Items {
			sets[id] = append(sets[id], set.Name+" "+set.Nodes())
		}
	}
	all, byID := make([]*lockedFile, 0, len(lock.Items)), make(map[string]*lockedFile, len(lock.Items))
	for i := range lock.Items {
		item := &lock.Items[i]
		needed := sets[item.ID()]
		for at := range item.Files {
			file := &item.Files[at]
			id := item.FileID(file)
			if f := byID[id]; f == nil {
				byID[id] = &lockedFile{file, id, item, needed}
				all = append(all, byID[id])
			} else if len(needed) > 0 {
				f.sets = append(slices.Clone(f.sets), needed...)
				slices.Sort(f.sets)
				f.sets = slices.Compact(f.sets)
			}
		}
	}
	return all
}

// title is the file's display name.
func (f *lockedFile) title() string {
	if len(f.item.Files) == 1 {
		return f.item.Kind + ": " + f.item.String()
	}
	return f.item.Kind + ": " + f.item.String() + ": " + f.Path
}

// setsKey names the sets that need the file; files with the same key share a layer.
func (f *lockedFile) setsKey() string { return strings.Join(f.sets, ", ") }

// missingFiles are the files that the cache lacks, for fetch. dir is the definition's folder, to which addresses may be relative.
func missingFiles(files []*lockedFile, c *cache.Cache, dir string) (missing []fetch.Wanted) {
	has := lookup(c, len(files))
	for _, f := range files {
		if content := f.Content(); !has(content) {
			missing = append(missing, fetch.Wanted{Source: f.item.Source, Title: f.title(), URLs: resolved(f.URLs, dir), Content: content})
		}
	}
	return distinct(missing)
}

// upstreamProofs are the proofs that are fetched from upstream: neither the lock nor mirror.proofs has them.
func upstreamProofs(lock *lockfile.Lock) (all []fetch.Wanted) {
	for _, s := range lock.Sources {
		for _, r := range s.Releases {
			for _, p := range r.Proofs {
				if p.Data == nil && !p.Kept {
					all = append(all, fetch.Wanted{Source: s.Name, Title: s.Kind + ": " + s.Name + " " + p.Path + " of " + r.Date.UTC().Format(time.RFC3339),
						URLs: p.URLs, Content: artifact.Content{Size: p.Size, SHA256: p.SHA256}})
				}
			}
		}
	}
	return all
}

// openProof opens a proof of the lock by its ProofID.
func (b *Builder) openProof(lock *lockfile.Lock, name string) (io.ReadCloser, error) {
	for i := range lock.Sources {
		s := &lock.Sources[i]
		for _, r := range s.Releases {
			for j := range r.Proofs {
				p := &r.Proofs[j]
				switch {
				case s.ProofID(p) != name:
				case p.Data != nil:
					return io.NopCloser(bytes.NewReader(p.Data)), nil
				default:
					return b.Cache.Open(artifact.Content{Size: p.Size, SHA256: p.SHA256})
				}
			}
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// manyFiles is the number of files from which the cache is listed once.
const manyFiles = 1000

// lookup returns a function that reports whether the cache has a file; files is how many will be looked up.
func lookup(c *cache.Cache, files int) (has func(artifact.Content) bool) {
	if files > manyFiles {
		return c.Lookup()
	}
	return c.Has
}

// missingProofs are the upstream proofs that the cache lacks.
func missingProofs(lock *lockfile.Lock, c *cache.Cache) []fetch.Wanted {
	return slices.DeleteFunc(distinct(upstreamProofs(lock)), func(w fetch.Wanted) bool { return c.Has(w.Content) })
}

// A Download is what Build would fetch from one source.
type Download struct {
	Source string `json:"source"`
	Files  int    `json:"files"`
	Size   int64  `json:"size"` // bytes
}

// Downloads lists what the cache lacks of a lock, by source.
func Downloads(lock *lockfile.Lock, c *cache.Cache) []Download {
	return downloads(lock, lookup(c, len(lock.Items)))
}

// downloads is Downloads for a cache of which has tells what it has.
func downloads(lock *lockfile.Lock, has func(artifact.Content) bool) (all []Download) {
	seen := make(map[artifact.Content]bool, len(lock.Items))
	add := func(source string, content artifact.Content) {
		if seen[content] || has(content) {
			return
		}
		seen[content] = true
		i := slices.IndexFunc(all, func(d Download) bool { return d.Source == source })
		if i < 0 {
			i, all = len(all), append(all, Download{Source: source})
		}
		all[i].Files++
		all[i].Size += content.Size
	}
	for i := range lock.Items {
		for f := range lock.Items[i].Files {
			add(lock.Items[i].Source, lock.Items[i].Files[f].Content())
		}
	}
	for _, w := range upstreamProofs(lock) {
		add(w.Source, w.Content)
	}
	slices.SortFunc(all, func(a, b Download) int { return strings.Compare(a.Source, b.Source) })
	return all
}

// distinct lists each content once, with all its addresses.
func distinct(all []fetch.Wanted) (once []fetch.Wanted) {
	place := make(map[artifact.Content]int, len(all))
	for _, w := range all {
		i, found := place[w.Content]
		if !found {
			place[w.Content] = len(once)
			once = append(once, w)
			continue
		}
		once[i].URLs = slices.Concat(once[i].URLs, w.URLs)
	}
	return once
}
