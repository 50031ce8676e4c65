package erasure

import "fmt"

// Restore fills the data shards that are missing. shards are data, then parity; each has its full length, and present says which are there. The
// contents of the others do not matter; missing parity is not restored, and may be nil. If too many are missing, it is ErrTooMany.
//
// A data shard that is nil and present is all zeros.
func (c *Code) Restore(shards [][]byte, present []bool) error {
	if len(shards) != c.data+c.parity || len(present) != len(shards) {
		return fmt.Errorf("%d shards and %d marks, not %d", len(shards), len(present), c.data+c.parity)
	}
	size, err := shardSize(shards)
	if err != nil {
		return err
	}
	lost := make([]bool, c.points)
	missing, wanted := 0, 0
	for i, there := range present {
		if there {
			continue
		}
		if shards[i] == nil && i < c.data {
			return fmt.Errorf("shard %d is missing and has no memory", i)
		}
		lost[c.at(i)] = true
		missing++
		if i < c.data {
			wanted++
		}
	}
	if missing > c.parity {
		return ErrTooMany
	}
	if wanted == 0 {
		return nil
	}
	for i := c.parity; i < c.first; i++ {
		lost[i] = true // was never stored
	}
	locator := c.locator(lost)
	if len(c.work.low) < c.points*strip {
		c.work = newMatrix(c.points)
	}

	// The polynomial of the codeword, times the one that is zero at all missing points, is known everywhere. At a missing point,
	// the derivative of the product is the missing value times the derivative of the second factor.
	for from := 0; from < size/2; from += strip {
		to := min(from+strip, size/2)
		work := c.work.shaped(c.points, to-from)
		for i, shard := range shards {
			if shard != nil && present[i] {
				work.row(c.at(i)).addProduct(c.field.exp[locator[c.at(i)]], cut(shard, from, to))
			}
		}
		c.field.interpolate(work, c.points, 0, c.first+c.data)
		derive(work, c.points)
		c.field.evaluate(work, c.points, 0)
		for i := range c.data {
			if !present[i] {
				cut(shards[i], from, to).product(c.field.exp[modulus-int(locator[c.at(i)])], work.row(c.at(i)))
			}
		}
	}
	return nil
}

// at is the point of a shard.
func (c *Code) at(shard int) int {
	if shard < c.data {
		return c.first + shard
	}
	return shard - c.data
}

// locator is, for each point, the logarithm of the product of its differences from all lost points but itself: the value of the polynomial
// that is zero at the lost points, and at these that of its derivative. The difference of the points i and j is the point i^j, so the sum of logarithms
// is a convolution, for which there is the Walsh-Hadamard transform. Its numbers stay below 2^56.
func (c *Code) locator(lost []bool) []uint16 {
	a, b := make([]int64, c.points), make([]int64, c.points)
	for i := range a {
		if lost[i] {
			a[i] = 1
		}
		b[i] = int64(c.field.log[c.field.point(i)])
	}
	walsh(a)
	walsh(b)
	for i := range a {
		a[i] *= b[i]
	}
	walsh(a)
	logarithms := make([]uint16, c.points)
	for i := range logarithms {
		logarithms[i] = uint16(a[i] / int64(c.points) % modulus)
	}
	return logarithms
}

// walsh is the Walsh-Hadamard transform. Done twice, it multiplies by the length.
func walsh(a []int64) {
	for width := 1; width < len(a); width *= 2 {
		for at := 0; at < len(a); at += 2 * width {
			for i := at; i < at+width; i++ {
				a[i], a[i+width] = a[i]+a[i+width], a[i]-a[i+width]
			}
		}
	}
}
