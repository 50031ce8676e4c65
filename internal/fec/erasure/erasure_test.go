package erasure

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/reedsolomon"
)

func TestField(t *testing.T) {
	f := fieldTables()
	for i := range 7 {
		if f.basis[i] > 255 {
			t.Errorf("basis[%d] is %#x: not in the small field", i, f.basis[i])
		}
	}
	for i := 1; i < len(f.basis); i++ {
		if got := multiply(f.basis[i], f.basis[i]) ^ f.basis[i]; got != f.basis[i-1] {
			t.Errorf("basis[%d] leads to %#x, not %#x", i, got, f.basis[i-1])
		}
	}
	seen := make([]bool, order)
	for i := range order {
		if p := f.point(i); seen[p] {
			t.Fatalf("point %d is another point", i)
		} else {
			seen[p] = true
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		x, y, z := uint16(random.Uint32()), uint16(random.Uint32()), uint16(random.Uint32())
		if multiply(x, multiply(y, z)) != multiply(multiply(x, y), z) || multiply(x, y^z) != multiply(x, y)^multiply(x, z) {
			t.Fatalf("%#x, %#x, %#x: not a field", x, y, z)
		}
		if x != 0 && y != 0 && f.exp[(int(f.log[x])+int(f.log[y]))%modulus] != multiply(x, y) {
			t.Fatalf("%#x, %#x: the logarithms are wrong", x, y)
		}
	}
}

// TestKernel compares a vector's product with elements' products, and with the small field of the module.
func TestKernel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	v, w := newMatrix(1).row(0), newMatrix(1).row(0)
	for i := range w.low {
		w.low[i], w.high[i] = byte(random.Uint32()), byte(random.Uint32())
	}
	elements := []uint16{0, 1, 2, 0xff, 0x100, 0x101, 0xffff}
	for range 500 {
		elements = append(elements, uint16(random.Uint32()))
	}
	for _, element := range elements {
		v.product(element, w)
		for i := range w.low {
			if got, want := uint16(v.high[i])<<8|uint16(v.low[i]), multiply(element, uint16(w.high[i])<<8|uint16(w.low[i])); got != want {
				t.Fatalf("%#x: got %#x, want %#x", element, got, want)
			}
		}
	}
	out := make([]byte, 1)
	for a := range 256 {
		for b := range 256 {
			reedsolomon.LowLevel{}.GalMulSlice(byte(a), []byte{byte(b)}, out)
			if out[0] != small(byte(a), byte(b)) {
				t.Fatalf("%#x times %#x: %#x, and %#x in the module", a, b, small(byte(a), byte(b)), out[0])
			}
		}
	}
}

// codeword makes shards of random data with their parity.
func codeword(t testing.TB, random *rand.Rand, data, parity, size int) (*Code, [][]byte) {
	t.Helper()
	c, err := New(data, parity)
	if err != nil {
		t.Fatal(err)
	}
	shards := make([][]byte, data+parity)
	for i := range shards {
		shards[i] = make([]byte, size)
		for j := range shards[i] {
			shards[i][j] = byte(random.Uint32())
		}
	}
	if err := c.Encode(shards[:data], shards[data:]); err != nil {
		t.Fatal(err)
	}
	return c, shards
}

// lose restores what is lost at the places that are false, and compares.
func lose(t *testing.T, c *Code, shards [][]byte, present []bool) {
	t.Helper()
	copies := make([][]byte, len(shards))
	for i := range shards {
		copies[i] = slices.Clone(shards[i])
		if !present[i] {
			for j := range copies[i] {
				copies[i][j] ^= 0x5a
			}
		}
	}
	if err := c.Restore(copies, present); err != nil {
		t.Fatal(err)
	}
	for i := range c.data {
		if !bytes.Equal(copies[i], shards[i]) {
			t.Fatalf("%d and %d shards: shard %d is not restored", c.data, c.parity, i)
		}
	}
}

// TestAllLosses tries every loss of small codes.
func TestAllLosses(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for data := 1; data <= 7; data++ {
		for parity := 1; parity <= 5; parity++ {
			c, shards := codeword(t, random, data, parity, 4)
			for losses := range 1 << (data + parity) {
				present, lost := make([]bool, data+parity), 0
				for i := range present {
					present[i] = losses>>i&1 == 0
					if !present[i] {
						lost++
					}
				}
				if lost <= parity {
					lose(t, c, shards, present)
				} else if err := c.Restore(shards, present); !errors.Is(err, ErrTooMany) {
					t.Fatalf("%d lost of %d and %d: %v", lost, data, parity, err)
				}
			}
		}
	}
}

func TestRandomLosses(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	sizes := [][3]int{{1, 1, 4096}, {85, 170, 4032}, {200, 56, 1024}, {3584, 512, 64}, {3000, 700, 8}, {2048, 2048, 4}, {4095, 1, 4}, {1, 2048, 4}}
	for range 60 {
		parity := 1 + random.IntN(1200)
		sizes = append(sizes, [3]int{1 + random.IntN(MaxPoints-roundUp(parity)), parity, 4 + 4*random.IntN(3)})
	}
	for _, s := range sizes {
		c, shards := codeword(t, random, s[0], s[1], s[2])
		present := make([]bool, len(shards))
		for i := range present {
			present[i] = true
		}
		for _, i := range random.Perm(len(shards))[:c.parity] {
			present[i] = false
		}
		lose(t, c, shards, present)
	}
}

// TestZeros has data shards that are known to be zero and take no memory.
func TestZeros(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	c, err := New(10, 4)
	if err != nil {
		t.Fatal(err)
	}
	shards := make([][]byte, 14)
	for i := range shards {
		if i < 7 || i >= 10 {
			shards[i] = make([]byte, 64)
			for j := range shards[i] {
				shards[i][j] = byte(random.Uint32())
			}
		}
	}
	if err := c.Encode(shards[:10], shards[10:]); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(shards[2])
	clear(shards[2])
	present := slices.Repeat([]bool{true}, 14)
	present[2] = false
	if err := c.Restore(shards, present); err != nil || !bytes.Equal(shards[2], want) {
		t.Fatalf("%v: got %x, want %x", err, shards[2], want)
	}
}

// TestSameForEver holds that parity stays what it is: bundles are read by later versions.
func TestSameForEver(t *testing.T) {
	for _, test := range []struct {
		data, parity int
		want         string
	}{
		{5, 3, "037afc9b"},
		{300, 40, "b8ec5166"},
		{3000, 500, "f5d9e8f8"},
	} {
		random := rand.New(rand.NewPCG(11, 12))
		_, shards := codeword(t, random, test.data, test.parity, 128)
		if got := fmt.Sprintf("%x", sha256.Sum256(bytes.Join(shards[test.data:], nil)))[:8]; got != test.want {
			t.Errorf("%d and %d shards: parity has the SHA-256 %s…, want %s…", test.data, test.parity, got, test.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range [][2]int{{0, 1}, {1, 0}, {-1, 1}, {1, -1}, {4096, 1}, {1, 4096}, {2049, 2048}, {3000, 1025}, {1 << 62, 1 << 62}} {
		if c, err := New(s[0], s[1]); err == nil {
			t.Errorf("%v: a code of %d points", s, c.points)
		}
	}
	c, _ := New(2, 1)
	for _, shards := range [][][]byte{{{1}, {2}, {3}}, {make([]byte, 4), make([]byte, 8), make([]byte, 4)}, {nil, nil, nil}, {make([]byte, 4)}} {
		if err := c.Restore(shards, make([]bool, len(shards))); err == nil {
			t.Errorf("%v: no error", shards)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	c, shards := codeword(b, rand.New(rand.NewPCG(1, 1)), 3400, 500, 4096)
	b.SetBytes(3400 * 4096)
	for b.Loop() {
		c.Encode(shards[:3400], shards[3400:])
	}
}

func BenchmarkRestore(b *testing.B) {
	c, shards := codeword(b, rand.New(rand.NewPCG(1, 1)), 3400, 500, 4096)
	present := slices.Repeat([]bool{true}, len(shards))
	for i := range 500 {
		present[i*7] = false
	}
	b.SetBytes(3400 * 4096)
	for b.Loop() {
		c.Restore(shards, present)
	}
}
