package fec

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"

	"github.com/cespare/xxhash/v2"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// A Repair restores parts that are missing or damaged. It only reads the bundle: what it restores is in a scratch file. Survey finds the damage,
// Batches says what fits into the scratch file at once, Restore fills it, and Part reads a part with its restored blocks.
//
// What cannot be read counts as missing. Memory: up to 24 MB, and a bit for each block of damaged parts.
type Repair struct {
	g     *geometry
	key   [16]byte
	files []ReadAtCloser // of parts, then of parity; nil: cannot be opened
	// intact says which parts are known to have the right digest: they count as undamaged even where all checksums are lost.
	intact func(part int) bool
	parity []*bool // whether parity files have the right digest, where that was asked

	code    *erasure.Code
	memory  []byte
	sums    group
	sumsErr error

	damage  map[int]*marks
	lost    map[int]int64
	short   int // the most blocks that were missing from a codeword beyond its parity
	scratch Scratch
	base    map[int]int64 // where the restored blocks of each part begin in the scratch file
}

// A Scratch holds restored blocks.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
}

// NewRepair opens all files of a bundle. parts are all of them, in order.
func (l *Layout) NewRepair(parts []File, open Opener, intact func(part int) bool) (*Repair, error) {
	g, err := newGeometry(l, parts)
	if err != nil {
		return nil, err
	}
	code, err := erasure.New(l.Data, l.Parity)
	if err != nil {
		return nil, err
	}
	r := &Repair{g: g, key: g.key(), intact: intact, code: code, parity: make([]*bool, len(l.Files)), damage: map[int]*marks{}, lost: map[int]int64{}}
	r.sums.number = -1
	for _, list := range [][]File{parts, l.Files} {
		for _, f := range list {
			file, err := open(f.Name)
			if err != nil {
				file = nil
			}
			r.files = append(r.files, file)
		}
	}
	return r, nil
}

// Close closes all files.
func (r *Repair) Close() error {
	var errs []error
	for _, f := range r.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// read reads a place into a block, which it fills up with zeros.
func (r *Repair) read(p place, b []byte) bool {
	if r.files[p.file] == nil {
		return false
	}
	n, _ := r.files[p.file].ReadAt(b[:p.size], p.offset)
	clear(b[p.size:])
	return n == p.size
}

// load reads the checksums of a group. If they are lost, sumsErr is set.
func (r *Repair) load(number int64) {
	if r.sums.number == number {
		return
	}
	r.sums = r.g.check.group(number)
	r.sumsErr = r.sums.read(r.key, func(i int, b []byte) bool { return r.read(r.g.sums(number, int64(i)), b) })
}

// good reads a block of a codeword, and compares it with its checksum. The group of the codeword is loaded, as its w-th.
func (r *Repair) good(p place, w int64, i int, b []byte) bool {
	switch {
	case !r.read(p, b):
		return false
	case r.sumsErr == nil:
		return xxhash.Sum64(b) == binary.BigEndian.Uint64(r.sums.sum(r.g.check, w, i))
	case p.file < len(r.g.parts):
		return r.intact != nil && r.intact(p.file)
	}
	return r.parityIntact(p.file - len(r.g.parts))
}

// parityIntact reports whether a parity file has its digest.
func (r *Repair) parityIntact(i int) bool {
	if r.parity[i] == nil {
		h := sha256.New()
		_, err := io.Copy(h, io.NewSectionReader(r.files[len(r.g.parts)+i], 0, r.g.Files[i].Size))
		intact := err == nil && hex.EncodeToString(h.Sum(nil)) == r.g.Files[i].SHA256
		r.parity[i] = &intact
	}
	return *r.parity[i]
}

// Survey finds the damaged blocks of these parts, by their index.
func (r *Repair) Survey(ctx context.Context, parts []int) error {
	b := make([]byte, BlockSize)
	for _, part := range parts {
		r.damage[part] = newMarks(r.g.starts[part+1] - r.g.starts[part])
	}
	for number := range r.g.check.groups() {
		r.load(number)
		first, words := r.g.check.words(number)
		for _, part := range parts {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for w := range words {
				r.surveyWord(part, first+w, w, b)
			}
		}
	}
	return nil
}

// surveyWord finds the damaged blocks of a part that belong to one codeword.
func (r *Repair) surveyWord(part int, codeword, w int64, b []byte) {
	start, end, words := r.g.starts[part], r.g.starts[part+1], int64(r.g.Codewords)
	for i := max(0, (start-codeword+words-1)/words); i*words+codeword < end; i++ {
		if block := i*words + codeword; !r.good(r.g.data(block), w, int(i), b) {
			r.damage[part].set(block - start)
		}
	}
}

// A Damage is that of one part.
type Damage struct {
	Blocks  int64 // of the part
	Damaged int64 // or missing
	Lost    int64 // of these, not restored
}

// Damage is what Survey found, and what Restore could not restore.
func (r *Repair) Damage(part int) Damage {
	d := Damage{Blocks: r.g.starts[part+1] - r.g.starts[part], Lost: r.lost[part]}
	if m := r.damage[part]; m != nil {
		d.Damaged = m.n
	}
	return d
}

// Short is how many more blocks than can be restored were missing, in the codeword that misses most of all that Restore tried.
func (r *Repair) Short() int { return r.short }

// Batches divides the surveyed parts of a list into groups whose damaged blocks fit into a scratch file of so many bytes; a part that does not fit is
// alone.
func (r *Repair) Batches(parts []int, limit int64) (batches [][]int) {
	var used int64
	for _, part := range parts {
		size := r.damage[part].n * BlockSize
		if len(batches) == 0 || used+size > limit {
			batches, used = append(batches, nil), 0
		}
		batches[len(batches)-1] = append(batches[len(batches)-1], part)
		used += size
	}
	return batches
}

// Restore restores the damaged blocks of these parts, as far as possible, into a scratch file, in which nothing else is needed any more. Each damaged codeword is read
// once. Damage has the result for each part.
func (r *Repair) Restore(ctx context.Context, parts []int, scratch Scratch) error {
	r.scratch, r.base = scratch, make(map[int]int64, len(parts))
	var at int64
	for _, part := range parts {
		r.base[part], r.lost[part] = at, 0
		at += r.damage[part].n * BlockSize
	}
	n := r.g.Data + r.g.Parity
	if r.memory == nil {
		r.memory = make([]byte, n*BlockSize)
	}
	for codeword := range int64(r.g.Codewords) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.damaged(parts, codeword) {
			if err := r.restoreWord(parts, codeword); err != nil {
				return err
			}
		}
	}
	return nil
}

// damaged reports whether any of the parts has a damaged block in a codeword.
func (r *Repair) damaged(parts []int, codeword int64) bool {
	found := false
	r.eachDamaged(parts, codeword, func(int, int64, int) bool {
		found = true
		return false
	})
	return found
}

// eachDamaged calls a function for each damaged block of the parts in a codeword: with the part, the block's number in it, and its number in the codeword.
func (r *Repair) eachDamaged(parts []int, codeword int64, call func(part int, block int64, i int) bool) {
	words := int64(r.g.Codewords)
	for _, part := range parts {
		start, end := r.g.starts[part], r.g.starts[part+1]
		for i := max(0, (start-codeword+words-1)/words); i*words+codeword < end; i++ {
			if block := i*words + codeword - start; r.damage[part].has(block) && !call(part, block, int(i)) {
				return
			}
		}
	}
}

func (r *Repair) restoreWord(parts []int, codeword int64) error {
	number := codeword / r.g.check.perGroup
	r.load(number)
	first, _ := r.g.check.words(number)
	n := r.g.Data + r.g.Parity
	shards, present := make([][]byte, n), make([]bool, n)
	missing := 0
	for i := range shards {
		p, stored := r.g.block(i, codeword)
		if !stored {
			present[i] = true
			continue
		}
		shards[i] = r.memory[i*BlockSize : (i+1)*BlockSize]
		present[i] = r.good(p, codeword-first, i, shards[i])
		if !present[i] {
			missing++
		}
	}
	err := r.code.Restore(shards, present)
	if errors.Is(err, erasure.ErrTooMany) {
		r.short = max(r.short, missing-r.g.Parity)
	} else if err != nil {
		return err
	}
	r.eachDamaged(parts, codeword, func(part int, block int64, i int) bool {
		// A block that could not be read before, and can be now, is as good as a restored one.
		if err != nil && !present[i] {
			r.lost[part]++
			return true
		}
		if _, failed := r.scratch.WriteAt(shards[i], r.base[part]+r.damage[part].rank(block)*BlockSize); failed != nil {
			err = failed
			return false
		}
		return true
	})
	if errors.Is(err, erasure.ErrTooMany) {
		return nil
	}
	return err
}

// Part reads a part of the last call of Restore, with its restored blocks. Where these are not restored, it is an error. Its digest must be verified: checksums do not recognise
// what somebody changed on purpose.
func (r *Repair) Part(part int) io.Reader { return &repaired{r: r, part: part} }

// repaired reads a part.
type repaired struct {
	r    *Repair
	part int
	at   int64
}

func (d *repaired) Read(p []byte) (int, error) {
	size, damage := d.r.g.parts[d.part].Size, d.r.damage[d.part]
	base, restored := d.r.base[d.part]
	switch {
	case d.at == size:
		return 0, io.EOF
	case !restored || d.r.lost[d.part] > 0:
		return 0, &fs.PathError{Op: "restore", Path: d.r.g.parts[d.part].Name, Err: erasure.ErrTooMany}
	}
	block := d.at / BlockSize
	from := damage.has(block)
	end := block + 1
	for end*BlockSize < min(size, d.at+int64(len(p))) && damage.has(end) == from {
		end++
	}
	p = p[:min(int64(len(p)), size-d.at, end*BlockSize-d.at)]
	var n int
	var err error
	if from {
		n, err = d.r.scratch.ReadAt(p, base+damage.rank(block)*BlockSize+d.at%BlockSize)
	} else {
		n, err = d.r.files[d.part].ReadAt(p, d.at)
	}
	d.at += int64(n)
	if n == len(p) {
		return n, nil
	}
	return n, noEOF(err)
}
