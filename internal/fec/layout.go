package fec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// BlockSize is how many bytes a block has. It is the size of a page of memory and of a sector of today's disks and sticks: with a sector that cannot be
// read, Linux returns an error for the whole page.
const BlockSize = 4096

// A File is a file as it is carried.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// A Layout says how the parity of a bundle's parts is arranged: see the package's comment. It is a part of the bundle's header.
type Layout struct {
	Share     string `json:"share"` // as declared
	BlockSize int    `json:"blockSize"`
	Codewords int    `json:"codewords"`
	Data      int    `json:"data"`   // blocks of parts in a codeword
	Parity    int    `json:"parity"` // blocks of parity in a codeword
	Files     []File `json:"files"`  // the parity files, in their order
}

// FileName is the name of a parity file, from 1.
func FileName(number int) string { return fmt.Sprintf("fec-%04d", number) }

const (
	// maxBlocks limits what one bundle may have: 16 TB.
	maxBlocks = 1 << 32
	maxFiles  = 1 << 16
)

// Plan arranges parity for parts of these sizes, in files of at most fileSize bytes, but at least one block. The files' digests are not known yet.
func Plan(share Share, sizes []int64, fileSize int64) (*Layout, error) {
	if share < MinShare || share > MaxShare {
		return nil, fmt.Errorf("%s: not between %s and %s", share, MinShare, MaxShare)
	}
	blocks, err := countBlocks(sizes)
	if err != nil {
		return nil, err
	}
	if blocks == 0 {
		return nil, errors.New("no parts")
	}
	l := &Layout{Share: share.String(), BlockSize: BlockSize}
	perFile := max(1, fileSize/BlockSize)
	// The more codewords, the shorter each is, and the less even are losses at random: so as few as possible. With several, their number is prime, so that no
	// period of damage, such as the pages of one chip of a stick, falls on few of them.
	words := blocks/erasure.MaxPoints + 1
	for l.arrange(share, blocks, nextPrime(words), sizes, perFile); !erasure.Fits(l.Data, l.Parity); l.arrange(share, blocks, words, sizes, perFile) {
		if words > blocks {
			return nil, errors.New("no arrangement of parity fits")
		}
		words = nextPrime(int64(l.Codewords) + 1 + int64(l.Codewords)/100)
	}
	total := l.sequence()
	files := (total + perFile - 1) / perFile
	if files > maxFiles {
		return nil, fmt.Errorf("%d parity files of %d bytes: more than %d", files, perFile*BlockSize, maxFiles)
	}
	perFile = (total + files - 1) / files
	for number := int64(1); total > 0; number++ {
		n := min(perFile, total)
		l.Files = append(l.Files, File{Name: FileName(int(number)), Size: n * BlockSize})
		total -= n
	}
	return l, nil
}

// arrange sets the number of codewords, and what follows from it.
func (l *Layout) arrange(share Share, blocks, words int64, sizes []int64, perFile int64) {
	l.Codewords, l.Data = int(words), int((blocks+words-1)/words)
	l.Parity = l.needed(share, blocks, sizes, perFile)
}

// needed is how many blocks of parity each codeword needs, with the layout's number of codewords and blocks of data.
func (l *Layout) needed(share Share, blocks int64, sizes []int64, perFile int64) int {
	c := *l
	c.Parity = 1
	for c.Data+c.Parity <= erasure.MaxPoints {
		coded := blocks + int64(c.Parity)*int64(c.Codewords)
		lost := min(coded, share.of(blocks+c.sequence()))
		parity := int(lost)
		if c.Codewords > 1 {
			parity = c.spread(lost, coded, sizes, perFile)
		}
		if parity <= c.Parity {
			return c.Parity
		}
		c.Parity = parity
	}
	return erasure.MaxPoints
}

// spread is how many blocks one of several codewords may lose, if lost blocks of the bundle are: whole files, each of which may take one block more
// from one codeword than from another, and the rest at random.
func (l *Layout) spread(lost, coded int64, sizes []int64, perFile int64) int {
	words := int64(l.Codewords)
	var files []int64
	for _, size := range sizes {
		if n := blocksOf(size); n >= words {
			files = append(files, n)
		}
	}
	for rest := l.sequence(); rest >= words; rest -= perFile {
		files = append(files, min(rest, perFile))
	}
	slices.Sort(files)
	n := l.Data + l.Parity
	most := 0
	var taken int64
	for whole := 0; ; whole++ {
		random := enough(n, float64(lost-taken)/float64(coded), float64(words))
		most = max(most, whole+int((taken+words-1)/words)+random)
		if whole == len(files) || taken+files[whole] > lost {
			return most
		}
		taken += files[whole]
	}
}

// countBlocks is how many blocks the parts have. Each begins with a block of its own.
func countBlocks(sizes []int64) (blocks int64, err error) {
	for _, size := range sizes {
		if size < 0 || size > maxBlocks*BlockSize {
			return 0, fmt.Errorf("a part of %d bytes", size)
		}
		if blocks += blocksOf(size); blocks > maxBlocks {
			return 0, fmt.Errorf("more than %d blocks", int64(maxBlocks))
		}
	}
	return blocks, nil
}

func blocksOf(size int64) int64 { return (size + BlockSize - 1) / BlockSize }

// sequence is how many blocks the parity files have: parity and checksums.
func (l *Layout) sequence() int64 { return int64(l.Parity)*int64(l.Codewords) + l.checks().blocks() }

// Check refuses a layout that cannot be one for parts of these sizes, before anything of its size is allocated.
func (l *Layout) Check(sizes []int64) error {
	blocks, err := countBlocks(sizes)
	if err != nil {
		return err
	}
	if _, err := ParseShare(l.Share); err != nil {
		return fmt.Errorf("share %q: %w", l.Share, err)
	}
	data, words := int64(l.Data), int64(l.Codewords)
	switch {
	case l.BlockSize != BlockSize:
		return fmt.Errorf("blocks of %d bytes, not %d", l.BlockSize, BlockSize)
	case !erasure.Fits(l.Data, l.Parity):
		return fmt.Errorf("%d blocks with %d of parity: no code has that size", l.Data, l.Parity)
	case words < 1 || words > maxBlocks || data*words < blocks || (data-1)*words >= blocks:
		return fmt.Errorf("%d codewords of %d blocks are not for %d blocks", l.Codewords, l.Data, blocks)
	case len(l.Files) == 0 || len(l.Files) > maxFiles:
		return fmt.Errorf("%d parity files", len(l.Files))
	}
	rest := l.sequence()
	for i, f := range l.Files {
		if f.Name != FileName(i+1) {
			return fmt.Errorf("parity file %d is called %q", i+1, f.Name)
		}
		if want := min(rest, l.Files[0].Size/BlockSize); f.Size <= 0 || f.Size != want*BlockSize {
			return fmt.Errorf("%s: %d bytes, not %d", f.Name, f.Size, want*BlockSize)
		}
		rest -= f.Size / BlockSize
	}
	if rest != 0 {
		return fmt.Errorf("the parity files have %d blocks too few", rest)
	}
	return nil
}

// Size is how many bytes the parity files have.
func (l *Layout) Size() (n int64) {
	for _, f := range l.Files {
		n += f.Size
	}
	return n
}

// nextPrime is the smallest prime number that is not less than n; 1 counts as one here, because a single codeword needs no spreading.
func nextPrime(n int64) int64 {
	for ; n > 3; n++ {
		prime := n%2 != 0
		for d := int64(3); prime && d*d <= n; d += 2 {
			prime = n%d != 0
		}
		if prime {
			break
		}
	}
	return n
}
