package hashpair

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/rand/v2"
	"testing"
)

// Two hashes that are written in pieces of any size, together and alone, have the digests that crypto/sha256 gives.
func TestWrite(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 1<<17)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	sizes := []int{0, 1, 63, 64, 65, 1023, 1024, 1025, 4096, 65552, 1 << 16}
	for range 2000 {
		a, b := sha256.New(), sha256.New()
		var inA, inB bytes.Buffer
		for range 1 + random.IntN(5) {
			size := func() []byte {
				n := sizes[random.IntN(len(sizes))]
				at := random.IntN(len(data) - n)
				return data[at : at+n]
			}
			p, q := size(), size()
			Write(a, b, p, q)
			inA.Write(p)
			inB.Write(q)
			if random.IntN(3) == 0 {
				p = size()
				a.Write(p)
				inA.Write(p)
			}
		}
		for h, in := range map[hash.Hash][]byte{a: inA.Bytes(), b: inB.Bytes()} {
			if want := sha256.Sum256(in); !bytes.Equal(h.Sum(nil), want[:]) {
				t.Fatalf("%d and %d bytes: %x, want %x", inA.Len(), inB.Len(), h.Sum(nil), want)
			}
		}
	}
}

// Other hashes are accepted.
func TestOthers(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 5000)
	for _, other := range []func() hash.Hash{sha512.New, sha256.New224, sha512.New512_256} {
		a, b, c, want := other(), sha256.New(), other(), other()
		want.Write(data)
		Write(a, b, data, data)
		Write(sha256.New(), c, data, data)
		sum := sha256.Sum256(data)
		if !bytes.Equal(a.Sum(nil), want.Sum(nil)) || !bytes.Equal(c.Sum(nil), want.Sum(nil)) || !bytes.Equal(b.Sum(nil), sum[:]) {
			t.Errorf("%T: other digests", a)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	b.Run("pair", func(b *testing.B) {
		b.SetBytes(int64(len(p) + len(q)))
		x, y := sha256.New(), sha256.New()
		for b.Loop() {
			Write(x, y, p, q)
		}
	})
	b.Run("alone", func(b *testing.B) {
		b.SetBytes(int64(len(p) + len(q)))
		x, y := sha256.New(), sha256.New()
		for b.Loop() {
			x.Write(p)
			y.Write(q)
		}
	})
}
