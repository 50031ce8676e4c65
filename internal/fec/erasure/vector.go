package erasure

import "github.com/klauspost/reedsolomon"

// A vector is elements in a row: their lower bytes, and their upper ones. Both have the same length.
type vector struct{ low, high []byte }

// strip is how many elements of each shard are coded at a time, so that those of all shards fit into the processor's cache.
const strip = 512

// A matrix has a row for each shard. Rows follow each other without gaps, so that several of them are one vector, too.
type matrix struct {
	low, high []byte
	width     int // elements in a row
}

// newMatrix makes a matrix of so many rows, a strip wide.
func newMatrix(rows int) matrix {
	return matrix{make([]byte, rows*strip), make([]byte, rows*strip), strip}
}

// shaped is a matrix of zeros in the same memory.
func (m matrix) shaped(rows, width int) matrix {
	m = matrix{m.low[:rows*width], m.high[:rows*width], width}
	m.rows(0, rows).clear()
	return m
}

// rows are the rows from one number to another.
func (m matrix) rows(from, to int) vector {
	return vector{m.low[from*m.width : to*m.width], m.high[from*m.width : to*m.width]}
}

func (m matrix) row(i int) vector { return m.rows(i, i+1) }

// cut is a strip of a shard: its elements from one number to another. The upper bytes are in the second half of the shard.
func cut(shard []byte, from, to int) vector {
	half := len(shard) / 2
	return vector{shard[from:to], shard[half+from : half+to]}
}

func (v vector) clear() {
	clear(v.low)
	clear(v.high)
}

func (v vector) copy(from vector) {
	copy(v.low, from.low)
	copy(v.high, from.high)
}

// add adds another vector.
func (v vector) add(w vector) {
	var kernel reedsolomon.LowLevel
	kernel.GalMulSliceXor(1, w.low, v.low)
	kernel.GalMulSliceXor(1, w.high, v.high)
}

// addProduct adds the product of an element and another vector. With z² = z + delta,
// (a·z + b)(c·z + d) = (a·c + a·d + b·c)·z + (b·d + delta·a·c).
func (v vector) addProduct(element uint16, w vector) {
	a, b := byte(element>>8), byte(element)
	switch {
	case element == 0:
		return
	case element == 1:
		v.add(w)
		return
	}
	var kernel reedsolomon.LowLevel
	if b != 0 {
		kernel.GalMulSliceXor(b, w.low, v.low)
	}
	if a != 0 {
		kernel.GalMulSliceXor(small(a, delta), w.high, v.low)
		kernel.GalMulSliceXor(a, w.low, v.high)
	}
	if a != b {
		kernel.GalMulSliceXor(a^b, w.high, v.high)
	}
}

// product makes the vector the product of an element and another vector, which must not be the same memory.
func (v vector) product(element uint16, w vector) {
	v.clear()
	v.addProduct(element, w)
}
