package chart

import (
	"cmp"
	"slices"
	"strings"
)

// A Share is a part of a whole.
type Share struct {
	Label string
	Size  int64
	Text  string // the size, for people
}

// Treemap draws shares as rectangles whose areas are proportional to their sizes: squarified (Bruls, Huizing, van Wijk 2000), the largest
// first, from the top left. Shares without a size are left out. id is unique in the page.
func Treemap(id, title, description string, shares []Share) string {
	p := newPicture(id, title, description, treemapHeight)
	p.treemap(shares)
	return p.finish()
}

const treemapHeight = 480

func (p *picture) treemap(shares []Share) {
	shares = slices.DeleteFunc(slices.Clone(shares), func(s Share) bool { return s.Size <= 0 })
	slices.SortStableFunc(shares, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Label, b.Label)) })
	sizes := make([]float64, len(shares))
	for i := range shares {
		sizes[i] = float64(shares[i].Size)
	}
	for i, r := range squarify(sizes, box{0, 0, Width, treemapHeight}) {
		s := &shares[i]
		p.shape(r, s.Label+": "+s.Text, false)
		const margin, lineHeight, shortest = 4, 15, 28
		inner := box{r.x + margin, r.y + margin, r.w - 2*margin, r.h - 2*margin}
		switch {
		case inner.w < shortest || inner.h < lineHeight:
		case inner.h < 2*lineHeight:
			p.text(inner, s.Label)
		default:
			p.text(inner, s.Label, s.Text)
		}
	}
}

// squarify divides a rectangle in proportion to sizes, which are greater than zero and descending.
func squarify(sizes []float64, r box) []box {
	rest := make([]float64, len(sizes)+1) // sums of sizes[i:]
	for i := len(sizes) - 1; i >= 0; i-- {
		rest[i] = rest[i+1] + sizes[i]
	}
	boxes := make([]box, 0, len(sizes))
	for first := 0; first < len(sizes); {
		scale := r.w * r.h / rest[first] // area of a unit
		side := min(r.w, r.h)
		// A row along the shorter side takes shares as long as this makes none of them narrower.
		next, sum := first+1, sizes[first]
		for next < len(sizes) && worst(sizes[first:next+1], (sum+sizes[next])*scale, side, scale) <= worst(sizes[first:next], sum*scale, side, scale) {
			sum += sizes[next]
			next++
		}
		boxes, r = row(boxes, sizes[first:next], sum, rest[first], r)
		first = next
	}
	return boxes
}

// worst is the highest ratio of the sides of boxes in a row with an area, along a side.
func worst(sizes []float64, area, side, scale float64) float64 {
	depth := area / side
	ratio := func(size float64) float64 {
		length := size * scale / depth
		return max(length/depth, depth/length)
	}
	return max(ratio(sizes[0]), ratio(sizes[len(sizes)-1]))
}

// row places boxes along the shorter side, and returns what is left of the rectangle. Sum is the sum of their sizes, total that of all
// which the rectangle is for.
func row(boxes []box, sizes []float64, sum, total float64, r box) ([]box, box) {
	share := min(sum/total, 1)
	var at float64
	for i, size := range sizes {
		part := size / sum
		if i == len(sizes)-1 {
			part = max(1-at, 0)
		}
		if r.w >= r.h {
			boxes = append(boxes, box{r.x, r.y + at*r.h, r.w * share, part * r.h})
		} else {
			boxes = append(boxes, box{r.x + at*r.w, r.y, part * r.w, r.h * share})
		}
		at += part
	}
	if r.w >= r.h {
		return boxes, box{r.x + r.w*share, r.y, r.w * (1 - share), r.h}
	}
	return boxes, box{r.x, r.y + r.h*share, r.w, r.h * (1 - share)}
}
