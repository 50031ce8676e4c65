package fec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

// A geometry knows where each block is.
type geometry struct {
	*Layout
	parts  []File
	starts []int64 // the first block of each part, and behind the last
	check  checks
	every  int64 // a block of checksums is in front of so many blocks of parity
}

func newGeometry(l *Layout, parts []File) (*geometry, error) {
	sizes := make([]int64, len(parts))
	starts := make([]int64, len(parts)+1)
	for i, p := range parts {
		sizes[i] = p.Size
		starts[i+1] = starts[i] + blocksOf(p.Size)
	}
	if err := l.Check(sizes); err != nil {
		return nil, err
	}
	g := &geometry{Layout: l, parts: parts, starts: starts, check: l.checks()}
	g.every = int64(l.Parity) * int64(l.Codewords) / g.check.blocks()
	return g, nil
}

// key is what distinguishes this bundle's checksums from those of another that is on the same medium.
func (g *geometry) key() [16]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d %d\n", g.BlockSize, g.Codewords, g.Data, g.Parity)
	for _, p := range g.parts {
		fmt.Fprintf(h, "%s %d\n", p.SHA256, p.Size)
	}
	return [16]byte(h.Sum(nil))
}

// blocks is how many blocks the parts have.
func (g *geometry) blocks() int64 { return g.starts[len(g.parts)] }

// part finds the part of a block of data.
func (g *geometry) part(block int64) int {
	return sort.Search(len(g.parts), func(i int) bool { return g.starts[i+1] > block })
}

// A place is bytes of a file: the index of a part, or len(parts) and more for a parity file.
type place struct {
	file   int
	offset int64
	size   int // less than BlockSize at the end of a part
}

// data is the place of a block of data.
func (g *geometry) data(block int64) place {
	i := g.part(block)
	at := (block - g.starts[i]) * BlockSize
	return place{i, at, int(min(BlockSize, g.parts[i].Size-at))}
}

// parity is the place of a block of parity of a codeword. The first ones of all codewords are in front of the second ones of all, and so on.
func (g *geometry) parity(i, codeword int64) place {
	rank := i*int64(g.Codewords) + codeword
	if checks := g.check.blocks(); rank < checks*g.every {
		return g.inFiles(rank + rank/g.every + 1)
	}
	return g.inFiles(rank + g.check.blocks())
}

// sums is the place of a block of checksums.
func (g *geometry) sums(group, block int64) place {
	return g.inFiles(g.check.at(group, block) * (g.every + 1))
}

// inFiles is the place of the n-th block of the parity files.
func (g *geometry) inFiles(n int64) place {
	perFile := g.Files[0].Size / BlockSize
	return place{len(g.parts) + int(n/perFile), n % perFile * BlockSize, BlockSize}
}

// block is the place of block i of a codeword: data, then parity. false: the block is not stored, and zero.
func (g *geometry) block(i int, codeword int64) (place, bool) {
	if i >= g.Data {
		return g.parity(int64(i-g.Data), codeword), true
	}
	block := int64(i)*int64(g.Codewords) + codeword
	if block >= g.blocks() {
		return place{}, false
	}
	return g.data(block), true
}

// putSum stores a checksum.
func putSum(to []byte, sum uint64) { binary.BigEndian.PutUint64(to, sum) }

// An Opener opens a file of a bundle, to read it anywhere. If there is none, it is fs.ErrNotExist.
type Opener func(name string) (ReadAtCloser, error)

// A ReadAtCloser is an open file.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}
