package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

func TestIdleFiles(t *testing.T) {
	const limit = 4
	idle := newIdleFiles(limit)
	open := func() *os.File {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	isOpen := func(f *os.File) bool { return f.Fd() != ^uintptr(0) }

	hot, other := open(), open()
	idle.give("hot", hot)
	idle.give("other", other)
	for range 3 * limit { // what is used stays
		f, err := idle.take("hot")
		if f != hot || err != nil {
			t.Fatalf("%v, %v", f, err)
		}
		if again, _ := idle.take("hot"); again != nil {
			t.Fatal("one descriptor for two readers")
		}
		idle.give("hot", f)
	}
	if isOpen(other) {
		t.Error("what nobody uses stays")
	}
	second := open()
	idle.give("hot", second)
	if isOpen(second) {
		t.Error("two descriptors of one file are kept")
	}
	var all []*os.File
	for i := range 10 * limit {
		f := open()
		all = append(all, f)
		idle.give(fmt.Sprint(i), f)
	}
	kept := 0
	for _, f := range append(all, hot) {
		if isOpen(f) {
			kept++
		}
	}
	if kept != limit {
		t.Errorf("%d are kept, want %d", kept, limit)
	}
	idle.close()
	late := open()
	idle.give("late", late)
	for _, f := range append(all, late) {
		if isOpen(f) {
			t.Error("open after close")
		}
	}
	if _, err := idle.take("hot"); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}
