package image

import (
	"cmp"
	"slices"

	"github.com/minimirror/minimirror/internal/image/catalog"
)

const (
	maxSkip    = 2 << 10  // bytes between two files that are read for nothing, rather than asking twice
	maxRequest = 16 << 20 // bytes of files that are asked for at once
)

// A cluster is files with the same bytes in the same place: links to one content.
type cluster []catalog.File

func (c cluster) size() int64 { return c[0].Size }
func (c cluster) end() int64  { return c[0].Offset + c[0].Size }

// clusters checks and sorts the files.
func (r *Reader) clusters(files []catalog.File) ([]cluster, error) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b catalog.File) int {
		if a.Layer != b.Layer {
			return a.Layer - b.Layer
		}
		return comparePlaces(&a, &b)
	})
	var all []cluster
	for _, f := range files {
		if err := f.Check(layerSizes(r.stored)); err != nil {
			return nil, err
		}
		if n := len(all) - 1; n >= 0 && all[n][0].Layer == f.Layer {
			last := all[n][0]
			if f.Offset == last.Offset && f.Size == last.Size && f.SHA256 == last.SHA256 {
				all[n] = append(all[n], f)
				continue
			}
			if f.Offset < all[n].end() {
				return nil, catalog.Errorf("%s and %s overlap", last.Path, f.Path)
			}
		}
		all = append(all, cluster{f})
	}
	return all, nil
}

// A group is the clusters that are read with one request.
type group struct {
	clusters []cluster
	size     int64 // from the first byte of the first to the last of the last
}

func (g *group) first() *catalog.File { return &g.clusters[0][0] }

// groups joins adjacent clusters. The largest group comes first, so that parallel readers finish sooner.
func groups(clusters []cluster) (all []group) {
	for _, c := range clusters {
		if n := len(all) - 1; n >= 0 {
			last := &all[n]
			end := last.first().Offset + last.size
			if last.first().Layer == c[0].Layer && c[0].Offset-end <= maxSkip && last.size+c.size() <= maxRequest {
				last.clusters, last.size = append(last.clusters, c), c.end()-last.first().Offset
				continue
			}
		}
		all = append(all, group{[]cluster{c}, c.size()})
	}
	slices.SortStableFunc(all, func(a, b group) int { return cmp.Compare(b.size, a.size) })
	return all
}

// comparePlaces orders files by their place in a layer.
func comparePlaces(a, b *catalog.File) int {
	return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Path, b.Path))
}
