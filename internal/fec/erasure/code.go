// Package erasure is a systematic Reed-Solomon code for up to 4096 shards, of which as many may be lost as there are parity shards, whichever they
// are. It is where internal/fec's two forms, files and streams, get their parity.
//
// The code is over a field of 2^16 elements. klauspost/reedsolomon has one for as many shards, too, but needs tables of 74 MB for it; this one
// needs a quarter of a megabyte, because the field is an extension of that module's field of 2^8 elements, so that the module's
// vector instructions for the latter do the work. Its own code for the latter has at most 256 shards: too few for losses that come at random, since
// a codeword of 256 shards would need twice the parity for what a codeword of 4096 survives.
//
// The value of a polynomial at the points 0, 1, … are the shards' elements: parity from point 0, data from the first power of two that is not less
// than the number of parity shards. The 2i-th byte of an element is in the first half of a shard, the upper one in the second half.
package erasure

import (
	"errors"
	"fmt"
	"math/bits"
)

// MaxPoints limits a code: the parity shards, rounded up to a power of two, and the data shards are at most as many.
const MaxPoints = 4096

// ErrTooMany is the error if more shards are missing than there are parity shards.
var ErrTooMany = errors.New("more shards are missing than there is parity for")

// A Code has a number of data and parity shards. Its memory, at most 4 MiB, is made by the first use. It must not be used by
// several goroutines at once.
type Code struct {
	data, parity int
	first        int // the point of the first data shard: a power of two
	points       int // in all: a power of two
	field        *tables
	work, sum    matrix
}

// Fits reports whether there is a code with that many data and parity shards.
func Fits(data, parity int) bool {
	return data > 0 && parity > 0 && data < MaxPoints && parity < MaxPoints && roundUp(parity)+data <= MaxPoints
}

// New makes a code. It is an error if there is none of that size.
func New(data, parity int) (*Code, error) {
	if !Fits(data, parity) {
		return nil, fmt.Errorf("no code has %d data and %d parity shards: at most %d in all", data, parity, MaxPoints)
	}
	first := roundUp(parity)
	return &Code{data: data, parity: parity, first: first, points: roundUp(first + data), field: fieldTables()}, nil
}

// roundUp is the smallest power of two that is not less than n, which is positive.
func roundUp(n int) int { return 1 << bits.Len(uint(n-1)) }

// Encode fills the parity shards. All shards have the same length, a multiple of 4. A data shard that is nil is all zeros.
func (c *Code) Encode(data, parity [][]byte) error {
	if len(data) != c.data || len(parity) != c.parity {
		return fmt.Errorf("%d and %d shards, not %d and %d", len(data), len(parity), c.data, c.parity)
	}
	size, err := shardSize(data, parity)
	if err != nil {
		return err
	}
	if c.sum.low == nil {
		c.sum = newMatrix(c.first)
	}
	if c.work.low == nil {
		c.work = newMatrix(c.first)
	}
	for from := 0; from < size/2; from += strip {
		to := min(from+strip, size/2)
		sum := c.sum.shaped(c.first, to-from)
		// The shards of a codeword are the values of a polynomial whose last coefficients are zero. They are the sum of the coefficients
		// of all groups of so many shards, of which the parity is one.
		for at := 0; at < c.data; at += c.first {
			work := c.work.shaped(c.first, to-from)
			group := data[at:min(at+c.first, c.data)]
			for i, shard := range group {
				if shard != nil {
					work.row(i).copy(cut(shard, from, to))
				}
			}
			c.field.interpolate(work, c.first, c.first+at, len(group))
			sum.rows(0, c.first).add(work.rows(0, c.first))
		}
		c.field.evaluate(sum, c.first, 0)
		for i, shard := range parity {
			cut(shard, from, to).copy(sum.row(i))
		}
	}
	return nil
}

// shardSize is the length of all shards that are not nil.
func shardSize(groups ...[][]byte) (int, error) {
	size := -1
	for _, shards := range groups {
		for _, shard := range shards {
			switch {
			case shard == nil:
			case size < 0:
				size = len(shard)
			case len(shard) != size:
				return 0, fmt.Errorf("shards of %d and %d bytes", size, len(shard))
			}
		}
	}
	if size <= 0 || size%4 != 0 {
		return 0, fmt.Errorf("shards of %d bytes: not a multiple of 4", max(size, 0))
	}
	return size, nil
}
