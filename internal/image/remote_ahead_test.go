package image

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// Clients that request neighbours get more of them ahead; those that request files here and there get none, until they request neighbours again.
func TestReadAheadAdapts(t *testing.T) {
	cache, err := filecache.Open(filecache.Options{Dir: t.TempDir(), Size: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	const files, size = 20_000, 50_000
	all := make([]catalog.File, files)
	for i := range all {
		all[i] = catalog.File{Path: fmt.Sprint(i), Layer: 1, Offset: int64(i) * size, Size: size, SHA256: fmt.Sprintf("%064x", i)}
	}
	a := newReadAhead(cache, all, nil)
	ahead := func(i int) (n int) {
		batch := a.extend([]*joined{{file: &all[i]}})
		for at, w := range batch {
			if w.file != &all[i+at] || (at == 0) != (w.ahead == nil) {
				t.Fatalf("file %s at place %d of what is read for file %d", w.file.Path, at, i)
			}
			if w.ahead != nil {
				w.ahead.Fail(errors.New("not read"))
			}
		}
		return len(batch) - 1
	}
	const most = aheadMost/size - 1
	if n := ahead(0); n < most/2 || n > most*2/3 {
		t.Errorf("at first %d files are read ahead", n)
	}
	for i := range 40 {
		ahead(i)
	}
	if n := ahead(40); n != most {
		t.Errorf("%d files are read ahead of neighbours, want %d", n, most)
	}
	random := rand.New(rand.NewPCG(1, 2))
	n := 0
	for range 60 {
		n = ahead(random.IntN(files))
	}
	if n > 0 {
		t.Errorf("%d files are read ahead of files here and there", n)
	}
	for i := range 33 {
		n = ahead(i * 3)
	}
	if n != most {
		t.Errorf("%d files are read ahead of neighbours again", n)
	}
	if n := ahead(files - 5); n != 4 {
		t.Errorf("%d files are read ahead at the end of a layer", n)
	}
}

// What the cache has is not read again, beyond a small gap, and nothing is read twice.
func TestReadAheadOrder(t *testing.T) {
	cache, err := filecache.Open(filecache.Options{Dir: t.TempDir(), Size: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	var all []catalog.File
	offset := int64(512)
	for i, size := range []int64{1000, 1000, joinedGap / 2, 1000, joinedGap + 1, 1000, joinedFile + 1, 1000} {
		all = append(all, catalog.File{Offset: offset, Size: size, SHA256: fmt.Sprintf("%064x", i)})
		if i == 1 {
			all = append(all, all[1]) // another path of the same bytes
		}
		offset += size + 512
	}
	here := func(i int) *filecache.Arrival {
		return cache.Ahead(filecache.File{SHA256: all[i].SHA256, Size: all[i].Size}, nil)
	}
	defer here(3).Fail(errors.New("not read"))
	a := newReadAhead(cache, all, nil)
	read := func(want []int, waiting ...int) {
		t.Helper()
		var batch []*joined
		for _, i := range waiting {
			batch = append(batch, &joined{file: &all[i]})
		}
		var got []int
		for _, w := range a.extend(batch) {
			for i := range all {
				if w.file == &all[i] {
					got = append(got, i)
				}
			}
			if w.ahead != nil {
				w.ahead.Fail(errors.New("not read"))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("for %v are read %v, want %v", waiting, got, want)
		}
	}
	read([]int{0, 1, 4, 5, 6}, 0) // 3 is skipped; behind 6 is a large one
	read([]int{0, 1, 4, 5, 6}, 0, 4)
	read([]int{1, 4, 5, 6}, 1)
	read([]int{6}, 6)
	defer here(5).Fail(errors.New("not read"))
	read([]int{4}, 4) // the gap is too large
}
