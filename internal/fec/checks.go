package fec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// A check block has a header of 64 bytes and 504 checksums of 8 bytes:
//
//	0   8  "mmfec\r\n\x01"
//	8  16  the beginning of the SHA-256 of the parts' digests and of the layout: see key
//	24  4  the group
//	28  4  the number of the block in its group
//	32 24  zero
//	56  8  the checksum of the other 4088 bytes
//
// Numbers are big-endian; the checksum is XXH64.
const (
	checkMagic  = "mmfec\r\n\x01"
	checkHeader = 64
	perCheck    = (BlockSize - checkHeader) / 8
	copies      = 3 // any third of a group's blocks is enough
	maxGroup    = 85
)

// checks are the checksums of all blocks, parity too, in groups: those of a number of consecutive codewords. A group's checksums fill some blocks, and
// twice as many have their parity, so that any third of them restores the others.
type checks struct {
	codewords int64 // in all
	blocksOf  int64 // one codeword's
	perGroup  int64 // codewords
}

func (l *Layout) checks() checks {
	n := int64(l.Data + l.Parity)
	return checks{int64(l.Codewords), n, max(1, maxGroup*perCheck/n)}
}

// groups is how many there are.
func (c checks) groups() int64 { return (c.codewords + c.perGroup - 1) / c.perGroup }

// words are the codewords of a group: the first one, and how many.
func (c checks) words(group int64) (first, n int64) {
	first = group * c.perGroup
	return first, min(c.perGroup, c.codewords-first)
}

// plain is how many blocks a group's checksums fill.
func (c checks) plain(group int64) int64 {
	_, n := c.words(group)
	return (n*c.blocksOf + perCheck - 1) / perCheck
}

// blocks is how many all groups have.
func (c checks) blocks() int64 {
	last := c.groups() - 1
	return copies * (last*c.plain(0) + c.plain(last))
}

// at is the place of a group's block among all: of each group the first, then of each the second, and so on, so that what damages a run of them
// damages all groups alike. Only the last group may have fewer blocks.
func (c checks) at(group, block int64) int64 {
	groups := c.groups()
	short := copies * c.plain(groups-1)
	if block < short {
		return block*groups + group
	}
	return short*groups + (block-short)*(groups-1) + group
}

// A group is the checksums of one group, in memory: at most 1 MB.
type group struct {
	number int64
	plain  int
	blocks [][]byte
}

func (c checks) group(number int64) group {
	plain := int(c.plain(number))
	g := group{number, plain, make([][]byte, copies*plain)}
	memory := make([]byte, len(g.blocks)*BlockSize)
	for i := range g.blocks {
		g.blocks[i] = memory[i*BlockSize : (i+1)*BlockSize]
	}
	return g
}

// sum is where a checksum is: that of block i of the group's codeword w.
func (g group) sum(c checks, w int64, i int) []byte {
	n := w*c.blocksOf + int64(i)
	return g.blocks[n/perCheck][checkHeader+n%perCheck*8:][:8]
}

// payloads are the blocks without their headers, which is what has parity.
func (g group) payloads() [][]byte {
	all := make([][]byte, len(g.blocks))
	for i, b := range g.blocks {
		all[i] = b[checkHeader:]
	}
	return all
}

// seal adds the parity and the headers.
func (g group) seal(key [16]byte) error {
	code, err := erasure.New(g.plain, len(g.blocks)-g.plain)
	if err != nil {
		return err
	}
	all := g.payloads()
	if err := code.Encode(all[:g.plain], all[g.plain:]); err != nil {
		return err
	}
	for i, b := range g.blocks {
		clear(b[:checkHeader])
		copy(b, checkMagic)
		copy(b[8:], key[:])
		binary.BigEndian.PutUint32(b[24:], uint32(g.number)) //nolint:gosec // Layout.Check
		binary.BigEndian.PutUint32(b[28:], uint32(i))        //nolint:gosec // at most copies*maxGroup
		binary.BigEndian.PutUint64(b[56:], checkSum(b))
	}
	return nil
}

// checkSum is the checksum of a check block.
func checkSum(b []byte) uint64 {
	d := xxhash.New()
	d.Write(b[:56])
	d.Write(b[checkHeader:])
	return d.Sum64()
}

// errChecks is the error if too many blocks of a group are damaged.
var errChecks = errors.New("too many blocks of checksums are damaged")

// read reads a group's blocks, and restores those that are damaged. read fills a block, or returns false.
func (g group) read(key [16]byte, read func(i int, b []byte) bool) error {
	present := make([]bool, len(g.blocks))
	good := 0
	for i, b := range g.blocks {
		if good == i && i == g.plain {
			return nil // all checksums are there: their parity does not matter
		}
		present[i] = read(i, b) && g.valid(key, i)
		if present[i] {
			good++
		}
	}
	code, err := erasure.New(g.plain, len(g.blocks)-g.plain)
	if err != nil {
		return err
	}
	if err := code.Restore(g.payloads(), present); err != nil {
		return fmt.Errorf("%w: %d of %d, and %d are needed", errChecks, len(g.blocks)-good, len(g.blocks), g.plain)
	}
	return nil
}

func (g group) valid(key [16]byte, i int) bool {
	b := g.blocks[i]
	return string(b[:8]) == checkMagic && [16]byte(b[8:24]) == key && binary.BigEndian.Uint32(b[24:]) == uint32(g.number) && //nolint:gosec // Layout.Check
		binary.BigEndian.Uint32(b[28:]) == uint32(i) && binary.BigEndian.Uint64(b[56:]) == checkSum(b) //nolint:gosec // the same
}
