package erasure

import "sync"

// The field has 2^16 elements: a·z + b, where a and b are in the field of 2^8 elements of klauspost/reedsolomon and z² = z + delta.
// An element is a number: a in the upper byte, b in the lower one.
const (
	polynomial = 0x11d // of the field of 2^8 elements
	delta      = 0x20  // z² + z + delta has no root there
	order      = 1 << 16
	modulus    = order - 1 // of logarithms
)

// small multiplies in the field of 2^8 elements.
func small(a, b byte) byte {
	var product uint
	for x, y := uint(a), uint(b); y != 0; y >>= 1 {
		if y&1 != 0 {
			product ^= x
		}
		if x <<= 1; x&0x100 != 0 {
			x ^= polynomial
		}
	}
	return byte(product)
}

// multiply multiplies two elements.
func multiply(x, y uint16) uint16 {
	a, b, c, d := byte(x>>8), byte(x), byte(y>>8), byte(y)
	high := small(a, c)
	return uint16(high^small(a, d)^small(b, c))<<8 | uint16(small(b, d)^small(high, delta))
}

// tables are what multiplication by means of logarithms, and the choice of points, need.
type tables struct {
	log [order]uint16 // of zero: 0, which nothing else has but one
	exp [order]uint16 // exp[modulus] is exp[0]

	// basis are 16 elements with basis[0] = 1 and basis[i+1]² + basis[i+1] = basis[i] (D. G. Cantor, On arithmetical algorithms over
	// finite fields, 1989). The first eight are in the field of 2^8 elements.
	basis [16]uint16
}

// fieldTables makes the tables once: 260 KiB.
var fieldTables = sync.OnceValue(func() *tables {
	t := &tables{}
	for generator := uint16(0x100); ; generator++ { // the first element whose powers are all others
		x, n := uint16(1), 0
		for ; n < modulus; n++ {
			if n > 0 && x == 1 {
				break
			}
			t.exp[n], t.log[x] = x, uint16(n)
			x = multiply(x, generator)
		}
		if n == modulus {
			break
		}
	}
	t.exp[modulus] = 1
	t.log[0] = 0

	t.basis[0] = 1
	for i := 1; i < len(t.basis); i++ {
		for x := uint16(2); ; x += 2 { // the other root is x+1
			if multiply(x, x)^x == t.basis[i-1] {
				t.basis[i] = x
				break
			}
		}
	}
	return t
})

// point is the element with that number: the sum of the elements of the basis that the bits of the number select.
func (t *tables) point(number int) uint16 {
	var sum uint16
	for i := 0; number != 0; i, number = i+1, number>>1 {
		if number&1 != 0 {
			sum ^= t.basis[i]
		}
	}
	return sum
}
