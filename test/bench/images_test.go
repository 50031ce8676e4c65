package bench

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/placement"
)

// What a cluster's images need, by simulation: 500 tags for 4 platforms in 100 repositories, 60 GB of blobs, one of 5 GB. Each month, one tag in 20 is
// replaced by a newer one, for all platforms; it shares the base of its repository, of which one in four is new. "carried/new" is what a site that has
// the image before needs, as a ratio to the new blobs, in all of 24 months; "good-months" is how many at the start need no more than 1.05. After these,
// old layers are replaced because too much of them is unused.
func BenchmarkImageUpdates(b *testing.B) {
	for range b.N {
		newCluster().run(b)
	}
}

const (
	clusterRepositories = 100
	clusterTags         = 5 // of each
	clusterPlatforms    = 4
	clusterSize         = 60_000_000_000
	largestBlob         = 5_000_000_000
)

// A cluster is images that change.
type cluster struct {
	random  *rand.Rand
	bases   [][]int // size of the base of each repository, by platform
	version []int   // of the base
	tags    [][]clusterTag
	scale   float64
}

// A clusterTag is an image for all platforms.
type clusterTag struct {
	number, base int
	sizes        [][]int // of its own layers, by platform
}

func newCluster() *cluster {
	c := &cluster{random: rand.New(rand.NewPCG(3, 4)), bases: make([][]int, clusterRepositories), version: make([]int, clusterRepositories), tags: make([][]clusterTag, clusterRepositories), scale: 1}
	for r := range c.tags {
		for range clusterPlatforms {
			c.bases[r] = append(c.bases[r], c.size(1))
		}
		for range clusterTags {
			c.tags[r] = append(c.tags[r], c.newTag(r))
		}
	}
	var all float64
	for _, w := range c.wanted() {
		all += float64(w.Size)
	}
	c.scale = (clusterSize - largestBlob) / all
	return c
}

// size is that of a layer, before it is scaled: from 1 to 1000, most of them small.
func (c *cluster) size(weight int) int { return weight * int(1_000_000*(1+c.random.ExpFloat64()*4)) }

func (c *cluster) newTag(r int) clusterTag {
	t := clusterTag{number: c.random.IntN(1 << 30), base: c.version[r]}
	for range clusterPlatforms {
		t.sizes = append(t.sizes, []int{c.size(1), c.size(3), 2000})
	}
	return t
}

// update replaces tags.
func (c *cluster) update() {
	for r := range c.tags {
		if c.random.IntN(4) == 0 {
			c.version[r]++
		}
		for i := range c.tags[r] {
			if c.random.IntN(20) == 0 {
				c.tags[r] = append(slices.Delete(c.tags[r], i, i+1), c.newTag(r))
			}
		}
	}
}

func (c *cluster) wanted() (all []placement.Wanted) {
	has := make(map[string]bool)
	add := func(r int, what string, size float64) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(r, " ", what))))
		if has[sum] {
			return
		}
		has[sum] = true
		all = append(all, placement.Wanted{Group: "items", File: placement.File{Path: "mirror/registry.example.org/blobs/sha256/" + sum, Size: int64(size), SHA256: sum}})
	}
	for r := range c.tags {
		for _, t := range c.tags[r] {
			for p := range clusterPlatforms {
				add(r, fmt.Sprint("base ", p, t.base), float64(c.bases[r][p])*c.scale)
				for l, size := range t.sizes[p] {
					add(r, fmt.Sprint(t.number, p, l), float64(size)*c.scale)
				}
				add(r, fmt.Sprint(t.number, p, "config"), 5000)
				add(r, fmt.Sprint(t.number, p, "manifest"), 1500)
			}
			add(r, fmt.Sprint(t.number, "index"), 1500)
		}
	}
	add(0, "a model", largestBlob)
	slices.SortFunc(all, func(a, b placement.Wanted) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func (c *cluster) run(b *testing.B) {
	var layers []placement.Layer
	var changed, carried, worst, unused float64
	most, good, largest, early := 0, 0, int64(0), true
	known := make(map[string]bool)
	for month := range 25 {
		if month > 0 {
			c.update()
		}
		wanted := c.wanted()
		var size float64
		for _, w := range wanted {
			if !known[w.SHA256] {
				known[w.SHA256] = true
				size += float64(w.Size)
			}
		}
		var err error
		layers, err = placement.Place(layers, wanted, placement.Options{})
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
			if largest = max(largest, of); !l.Kept {
				shipped += float64(of)
			}
		}
		most, unused = max(most, len(layers)), max(unused, dead/all)
		if month == 0 || size == 0 {
			continue
		}
		changed, carried = changed+size, carried+shipped
		worst = max(worst, shipped/size)
		if early = early && shipped/size <= 1.05; early {
			good++
		}
	}
	b.ReportMetric(carried/changed, "carried/new")
	b.ReportMetric(worst, "worst-month")
	b.ReportMetric(float64(good), "good-months")
	b.ReportMetric(100*unused, "%unused-at-most")
	b.ReportMetric(float64(most), "layers-at-most")
	b.ReportMetric(float64(largest)/1e9, "GB-largest-layer")
	b.ReportMetric(changed/24e9, "GB-new-a-month")
	b.ReportMetric(0, "ns/op")
}
