package bench

import (
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/placement"
)

// How many bytes each of 24 monthly updates carries to those who have the image before, as a ratio to the bytes of the packages that changed:
// for this machine's own archive, whole, and a site's part of it. Each month, 1 to 5 % of the source packages are replaced,
// and sizes stay. The rivals are one layer for all packages, and layers by the hash of the package's name.
func BenchmarkUpdates(b *testing.B) {
	sources := make(map[string][]replaced)
	for _, item := range hostPackages(b) {
		f := item.Files[0]
		dir := path.Dir(f.Path)
		sources[dir] = append(sources[dir], replaced{path: "mirror/debian/" + f.Path, name: item.Name, size: f.Size})
	}
	var names []string
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, count := range []int{100, 1000, len(names)} {
		b.Run(fmt.Sprint(count, " sources"), func(b *testing.B) {
			for range b.N {
				random := rand.New(rand.NewPCG(1, 2))
				random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				u := &updates{random: random, sources: make([][]replaced, count)}
				for i, name := range names[:count] {
					u.sources[i] = slices.Clone(sources[name])
				}
				u.run(b)
			}
		})
	}
}

// A replaced package was replaced in a month.
type replaced struct {
	path, name string
	size       int64
	month      int
}

// updates are the months of one image.
type updates struct {
	random  *rand.Rand
	sources [][]replaced
	month   int
}

func (u *updates) run(b *testing.B) {
	var layers []placement.Layer
	var changed, ours, one, hashed float64
	var above, most int
	var worst, unused float64
	for u.month = 0; u.month <= 24; u.month++ {
		size := u.change()
		before := layers
		var err error
		layers, err = placement.Place(before, u.wanted(), placement.Options{})
		must(b, err)
		var shipped, dead, all float64
		for _, l := range layers {
			var of int64 = tarlayer.TarTrailer
			for _, f := range l.Files {
				of += tarlayer.TarBlock + tarlayer.Padded(f.Size)
			}
			for _, f := range l.Unused {
				of += tarlayer.TarBlock + tarlayer.Padded(f.Size)
				dead += float64(f.Size)
			}
			all += float64(of)
			if !l.Kept {
				shipped += float64(of)
			}
		}
		most, unused = max(most, len(layers)), max(unused, dead/all)
		if u.month == 0 || size == 0 {
			continue
		}
		changed, ours = changed+float64(size), ours+shipped
		one += all - dead
		hashed += u.hashes()
		ratio := shipped / float64(size)
		worst = max(worst, ratio)
		if ratio > 1.05 {
			above++
		}
	}
	b.ReportMetric(ours/changed, "carried/changed")
	b.ReportMetric(worst, "worst-month")
	b.ReportMetric(float64(above), "months>1.05")
	b.ReportMetric(100*unused, "%unused-at-most")
	b.ReportMetric(float64(most), "layers-at-most")
	b.ReportMetric(hashed/changed, "by-hash/changed")
	b.ReportMetric(one/changed, "one-layer/changed")
	b.ReportMetric(0, "ns/op")
}

// change replaces packages, all of them in the first month, and returns how many bytes they have.
func (u *updates) change() (size int64) {
	share := 0.01 + 0.04*u.random.Float64()
	for _, packages := range u.sources {
		if u.month > 0 && u.random.Float64() >= share {
			continue
		}
		for i := range packages {
			packages[i].month = u.month
			size += packages[i].size
		}
	}
	return size
}

func (u *updates) wanted() (all []placement.Wanted) {
	for _, packages := range u.sources {
		for _, p := range packages {
			name := fmt.Sprintf("%s.%d", p.path, p.month)
			all = append(all, placement.Wanted{Group: "items", File: placement.File{Path: name, Size: p.size, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(name)))}})
		}
	}
	slices.SortFunc(all, func(a, b placement.Wanted) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// hashes returns the bytes of those of 60 layers by the hash of the package's name in which something changed in this month.
func (u *updates) hashes() (size float64) {
	var sizes [60]int64
	var changed [60]bool
	for _, packages := range u.sources {
		for _, p := range packages {
			h := fnv.New32a()
			h.Write([]byte(p.name))
			at := h.Sum32() % 60
			sizes[at] += p.size
			changed[at] = changed[at] || p.month == u.month
		}
	}
	for i := range sizes {
		if changed[i] {
			size += float64(sizes[i])
		}
	}
	return size
}
