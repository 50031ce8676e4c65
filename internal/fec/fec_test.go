package fec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
)

// bundle is a bundle in memory: parts and parity files by name.
type bundle struct {
	layout *Layout
	parts  []File
	files  map[string][]byte
	bad    map[string]map[int64]bool // blocks that cannot be read
}

func (b *bundle) open(name string) (ReadAtCloser, error) {
	data, ok := b.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return &badFile{bytes.NewReader(data), b.bad[name]}, nil
}

// badFile is a file with bad sectors.
type badFile struct {
	*bytes.Reader
	bad map[int64]bool
}

func (f *badFile) ReadAt(p []byte, at int64) (int, error) {
	for block := at / BlockSize; block*BlockSize < at+int64(len(p)); block++ {
		if f.bad[block] {
			return 0, errors.New("input/output error")
		}
	}
	return f.Reader.ReadAt(p, at)
}

func (f *badFile) Close() error { return nil }

// memory is a file that is written anywhere.
type memory []byte

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(*m) {
		*m = append(*m, make([]byte, need-len(*m))...)
	}
	return copy((*m)[at:], p), nil
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(*m).ReadAt(p, at) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func fill(random *rand.Rand, b []byte) []byte {
	rand.NewChaCha8([32]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}).Read(b)
	return b
}

// newBundle makes parts of these sizes, with parity.
func newBundle(t testing.TB, random *rand.Rand, share string, fileSize int64, sizes ...int64) *bundle {
	t.Helper()
	b := &bundle{files: map[string][]byte{}, bad: map[string]map[int64]bool{}}
	for i, size := range sizes {
		name := fmt.Sprintf("part-%04d", i+1)
		b.files[name] = fill(random, make([]byte, size))
		b.parts = append(b.parts, File{name, size, digest(b.files[name])})
	}
	s, err := ParseShare(share)
	if err != nil {
		t.Fatal(err)
	}
	if b.layout, err = Plan(s, sizes, fileSize); err != nil {
		t.Fatal(err)
	}
	if err := b.layout.Check(sizes); err != nil {
		t.Fatalf("%+v: %v", b.layout, err)
	}
	files := make([]io.WriterAt, len(b.layout.Files))
	memories := make([]memory, len(files))
	for i := range files {
		files[i] = &memories[i]
	}
	if err := b.layout.Encode(context.Background(), b.parts, b.open, files, nil); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		f := &b.layout.Files[i]
		if int64(len(memories[i])) != f.Size {
			t.Fatalf("%s: %d bytes, not %d", f.Name, len(memories[i]), f.Size)
		}
		b.files[f.Name], f.SHA256 = memories[i], digest(memories[i])
	}
	return b
}

// all are the places of all blocks.
func (b *bundle) all() (places []struct {
	name  string
	block int64
}) {
	for _, list := range [][]File{b.parts, b.layout.Files} {
		for _, f := range list {
			for block := range blocksOf(f.Size) {
				places = append(places, struct {
					name  string
					block int64
				}{f.Name, block})
			}
		}
	}
	return places
}

// damage damages a block in one of several ways.
func (b *bundle) damage(random *rand.Rand, name string, block int64) {
	data := b.files[name]
	data = data[min(int64(len(data)), block*BlockSize):min(int64(len(data)), (block+1)*BlockSize)]
	switch random.IntN(3) {
	case 0:
		if b.bad[name] == nil {
			b.bad[name] = map[int64]bool{}
		}
		b.bad[name][block] = true
	case 1:
		if len(data) > 0 {
			data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		}
	case 2:
		fill(random, data)
	}
}

// repair restores all damaged parts, with a scratch file of so many bytes, and returns those that have their digests, and the damage of the others.
func (b *bundle) repair(t testing.TB, limit int64) (good int, lost map[int]Damage) {
	t.Helper()
	intact := func(i int) bool {
		return digest(b.files[b.parts[i].Name]) == b.parts[i].SHA256 && b.bad[b.parts[i].Name] == nil
	}
	r, err := b.layout.NewRepair(b.parts, b.open, intact)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var suspects []int
	for i := range b.parts {
		if intact(i) {
			good++
		} else {
			suspects = append(suspects, i)
		}
	}
	ctx := context.Background()
	if err := r.Survey(ctx, suspects); err != nil {
		t.Fatal(err)
	}
	lost = map[int]Damage{}
	for _, batch := range r.Batches(suspects, limit) {
		scratch := &memory{}
		if err := r.Restore(ctx, batch, scratch); err != nil {
			t.Fatal(err)
		}
		if most := max(limit, b.parts[batch[0]].Size+BlockSize); int64(len(*scratch)) > most {
			t.Errorf("a scratch file of %d bytes, more than %d", len(*scratch), most)
		}
		for _, i := range batch {
			data, err := io.ReadAll(r.Part(i))
			switch d := r.Damage(i); {
			case d.Lost > 0:
				lost[i] = d
				if err == nil {
					t.Errorf("part %d is read without an error", i+1)
				}
			case err != nil:
				t.Fatal(err)
			case digest(data) == b.parts[i].SHA256:
				good++
			default:
				t.Errorf("part %d has another digest", i+1)
			}
		}
	}
	if len(lost) > 0 && r.Short() <= 0 {
		t.Errorf("parts are lost, and %d blocks missing", r.Short())
	}
	return good, lost
}

func (b *bundle) mustRepair(t *testing.T) {
	t.Helper()
	if good, lost := b.repair(t, b.parts[0].Size); good != len(b.parts) || len(lost) > 0 {
		t.Fatalf("%s, %d codewords of %d and %d: %d of %d parts are restored: %v", b.layout.Share, b.layout.Codewords, b.layout.Data, b.layout.Parity, good, len(b.parts), lost)
	}
}

var bundles = []struct {
	share    string
	fileSize int64
	sizes    []int64
}{
	{"10%", 1 << 20, []int64{1}},
	{"10%", 1 << 20, []int64{0, 5, 4096, 4097}},
	{"0.1%", 1 << 20, []int64{3000, 1 << 20}},
	{"25%", 100_000, []int64{100_000, 100_000, 99_000, 98_304, 12_345}},
	{"10%", 1 << 20, slices.Repeat([]int64{1 << 20}, 15)},
	{"10%", 2 << 20, slices.Repeat([]int64{2<<20 - 77}, 17)}, // more than one codeword
	{"5%", 1 << 20, slices.Repeat([]int64{1 << 20, 333, 512 << 10}, 30)},
	{"40%", 3 << 20, slices.Repeat([]int64{3 << 20}, 6)},
}

// rounds is how often a bundle is tested with other damage: large ones once.
func rounds(sizes []int64) int {
	total := int64(0)
	for _, size := range sizes {
		total += size
	}
	if total > 8<<20 {
		return 1
	}
	return 3
}

// TestRandomLosses damages as many blocks as were declared, anywhere.
func TestRandomLosses(t *testing.T) {
	for n, test := range bundles {
		for round := range rounds(test.sizes) {
			random := rand.New(rand.NewPCG(uint64(n), uint64(round)))
			b := newBundle(t, random, test.share, test.fileSize, test.sizes...)
			places := b.all()
			share, _ := ParseShare(test.share)
			for _, i := range random.Perm(len(places))[:share.of(int64(len(places)))] {
				b.damage(random, places[i].name, places[i].block)
			}
			b.mustRepair(t)
		}
	}
}

// TestLostFiles loses whole files at random until no other fits into the declared share, and damages blocks and runs of blocks up to it. Of the parity files, more than a
// third is left: without the checksums in it, a damaged part counts as lost.
func TestLostFiles(t *testing.T) {
	for n, test := range bundles {
		for round := range rounds(test.sizes) {
			random := rand.New(rand.NewPCG(uint64(n), uint64(round)))
			b := newBundle(t, random, test.share, test.fileSize, test.sizes...)
			places := b.all()
			share, _ := ParseShare(test.share)
			budget := share.of(int64(len(places)))
			files := slices.Concat(b.parts, b.layout.Files)
			parity := b.layout.sequence() * 6 / 10
			for _, i := range random.Perm(len(files)) {
				n := blocksOf(files[i].Size)
				if n == 0 || n > budget || i >= len(b.parts) && n > parity {
					continue
				}
				delete(b.files, files[i].Name)
				budget -= n
				if i >= len(b.parts) {
					parity -= n
				}
			}
			if budget > 20 { // a run
				at := random.IntN(len(places))
				for i := at; i < min(len(places), at+int(budget)/2); i++ {
					b.damage(random, places[i].name, places[i].block)
				}
				budget -= budget / 2
			}
			for _, i := range random.Perm(len(places))[:budget] {
				b.damage(random, places[i].name, places[i].block)
			}
			b.mustRepair(t)
		}
	}
}

// TestPeriods damages one block of 16, and of 128, as a broken chip of a stick does.
func TestPeriods(t *testing.T) {
	for _, period := range []int{16, 128, 1024} {
		random := rand.New(rand.NewPCG(1, uint64(period)))
		b := newBundle(t, random, "10%", 4<<20, slices.Repeat([]int64{4 << 20}, 16)...)
		for i, p := range b.all() {
			if i%period == 3 {
				b.damage(random, p.name, p.block)
			}
		}
		b.mustRepair(t)
	}
}

// TestBeyond damages one block more than there is parity for: the part of each is named, with the number of its blocks.
func TestBeyond(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	b := newBundle(t, random, "10%", 1<<20, 1<<20, 1<<20, 1<<20, 1<<20)
	if b.layout.Codewords != 1 {
		t.Fatalf("%+v", b.layout)
	}
	for i := range int64(b.layout.Parity) {
		b.damage(random, "part-0002", i)
	}
	b.mustRepair(t)
	b.damage(random, "part-0004", 17)
	good, lost := b.repair(t, 1<<20)
	if want := map[int]Damage{1: {256, int64(b.layout.Parity), int64(b.layout.Parity)}, 3: {256, 1, 1}}; good != 2 || !equal(lost, want) {
		t.Errorf("%d parts are restored, lost are %v, want %v", good, lost, want)
	}

	// With several codewords, only some are beyond repair.
	b = newBundle(t, random, "10%", 4<<20, slices.Repeat([]int64{4 << 20}, 9)...)
	words := int64(b.layout.Codewords)
	if words < 3 {
		t.Fatalf("%+v", b.layout)
	}
	for i := range int64(b.layout.Parity) + 1 { // all of the second codeword
		block := i*words + 1
		b.damage(random, b.parts[block/1024].Name, block%1024)
	}
	b.damage(random, "part-0009", 1000) // another one, or so many codewords are damaged that none is left
	good, lost = b.repair(t, 4<<20)
	var n int64
	for i, d := range lost {
		if d.Lost != d.Damaged && i != 8 {
			t.Errorf("part %d: %+v", i+1, d)
		}
		n += d.Lost
	}
	if want := int64(b.layout.Parity) + 1; good+len(lost) != 9 || n != want && n != want+1 {
		t.Errorf("%d parts are restored, %d blocks are lost, not %d: %v", good, n, want, lost)
	}
}

func equal(a, b map[int]Damage) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// TestChecksums damages blocks of checksums: any third of a group is enough. Without any, parts that are known to be intact still restore one that is lost.
func TestChecksums(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	b := newBundle(t, random, "10%", 2<<20, slices.Repeat([]int64{1<<20 + 5}, 24)...)
	g, err := newGeometry(b.layout, b.parts)
	if err != nil {
		t.Fatal(err)
	}
	lose := func(keep func(group int64) int64) {
		for number := range g.check.groups() {
			n := copies * g.check.plain(number)
			for _, i := range random.Perm(int(n))[:n-keep(number)] {
				p := g.sums(number, int64(i))
				fill(random, b.files[b.layout.Files[p.file-len(b.parts)].Name][p.offset:][:100])
			}
		}
	}
	delete(b.files, "part-0007")
	b.damage(random, "part-0008", 100)
	lose(g.check.plain)
	b.mustRepair(t)
	lose(func(int64) int64 { return 0 })
	// The parity files are damaged now, and of part 8 nobody knows which block is: so nothing can be restored.
	if good, lost := b.repair(t, 1<<20); good != 22 || lost[6].Lost != 257 || lost[7].Lost != 257 {
		t.Errorf("%d parts are good: %v", good, lost)
	}
	// Were the parity files intact, all could be.
	for i := range b.layout.Files {
		b.layout.Files[i].SHA256 = digest(b.files[b.layout.Files[i].Name])
	}
	b.mustRepair(t)
}

// TestForeignChecksums has parity files of another bundle with the same sizes: they are not used.
func TestForeignChecksums(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	b := newBundle(t, random, "10%", 1<<20, slices.Repeat([]int64{1 << 20}, 12)...)
	other := newBundle(t, random, "10%", 1<<20, slices.Repeat([]int64{1 << 20}, 12)...)
	for _, f := range other.layout.Files {
		b.files[f.Name] = other.files[f.Name]
	}
	b.damage(random, "part-0003", 5)
	if good, lost := b.repair(t, 1<<20); good != 11 || lost[2].Lost != 256 {
		t.Errorf("%d parts are good: %v", good, lost)
	}
}

// TestTruncated has parts and parity files that end early.
func TestTruncated(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	b := newBundle(t, random, "20%", 1<<20, slices.Repeat([]int64{1 << 20}, 12)...)
	b.files["part-0001"] = b.files["part-0001"][:1<<19+1]
	b.files["part-0012"] = nil
	b.files["fec-0001"] = b.files["fec-0001"][:len(b.files["fec-0001"])-1]
	b.mustRepair(t)
}

func TestShares(t *testing.T) {
	for text, want := range map[string]Share{"10%": 1000, "0.1%": 10, "2.5%": 250, "33.33%": 3333, "40%": 4000} {
		if s, err := ParseShare(text); err != nil || s != want || s.String() != text {
			t.Errorf("%s: %d, %s, %v", text, s, s, err)
		}
	}
	for _, text := range []string{"", "%", "10", "0%", "0.05%", "41%", "10.%", ".5%", "1.234%", "-1%", "+5%", "1e1%", "10 %", "1000%", "99999999999999999999%"} {
		if s, err := ParseShare(text); err == nil {
			t.Errorf("%s: %s", text, s)
		}
	}
}

// TestPlan checks plans of many sizes: parity never falls below what was declared.
func TestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	for range 60 {
		sizes := make([]int64, 1+random.IntN(30))
		most := int64(1) << (1 + random.IntN(36))
		for i := range sizes {
			sizes[i] = 1 + random.Int64N(most)
		}
		share := MinShare + Share(random.IntN(int(MaxShare-MinShare)+1))
		l, err := Plan(share, sizes, 1+random.Int64N(most))
		if err != nil {
			t.Log(sizes, share, err) // too many parity files
			continue
		}
		if err := l.Check(sizes); err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		blocks, _ := countBlocks(sizes)
		all := blocks + l.Size()/BlockSize
		if int64(l.Parity)*int64(l.Codewords) < share.of(all) {
			t.Errorf("%v: %d times %d blocks of parity are less than %s of %d", sizes, l.Codewords, l.Parity, share, all)
		}
		if l.Size() > 20*int64(share)*blocks*BlockSize/10000+100*BlockSize {
			t.Errorf("%v: parity of %d bytes for %d blocks and %s", sizes, l.Size(), blocks, share)
		}
	}
	for _, share := range []Share{10, 100, 500, 1000, 2000, 4000} {
		for _, size := range []int64{10 << 20, 2 << 30, 64 << 30, 1 << 40} {
			l, err := Plan(share, slices.Repeat([]int64{size / 20}, 20), size/20)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s of %d MB: %d codewords of %d and %d, %.1f %% more", share, size>>20, l.Codewords, l.Data, l.Parity, 100*float64(l.Size())/float64(size))
		}
	}
}

// FuzzLayout reads layouts that somebody made up: Check refuses them, or a repair works with little memory.
func FuzzLayout(f *testing.F) {
	b := newBundle(f, rand.New(rand.NewPCG(7, 7)), "10%", 1<<20, 100_000, 5000)
	good, _ := json.Marshal(b.layout)
	f.Add(good, int64(100_000), int64(5000))
	f.Add([]byte(`{"share":"10%","blockSize":4096,"codewords":1,"data":2,"parity":1,"files":[{"name":"fec-0001","size":16384}]}`), int64(4096), int64(4096))
	f.Add([]byte(`{"share":"10%","blockSize":4096,"codewords":4294967296,"data":1,"parity":1,"files":[{"name":"fec-0001","size":9223372036854775807}]}`), int64(1)<<44, int64(0))
	f.Fuzz(func(t *testing.T, data []byte, first, second int64) {
		var l Layout
		if json.Unmarshal(data, &l) != nil || l.Check([]int64{first, second}) != nil {
			return
		}
		if l.Codewords > 5000 {
			return // that would take long, not much memory
		}
		b := &bundle{layout: &l, files: map[string][]byte{}, parts: []File{{Name: "part-0001", Size: first}, {Name: "part-0002", Size: second}}}
		r, err := l.NewRepair(b.parts, b.open, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Survey(context.Background(), []int{0, 1}); err != nil {
			t.Fatal(err)
		}
		if err := r.Restore(context.Background(), []int{0, 1}, &memory{}); err != nil {
			t.Fatal(err)
		}
	})
}
