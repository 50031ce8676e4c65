package main

import (
	"runtime"
	"testing"
	"time"
)

// What computes has all processors, however much does; afterwards half of them are enough. Many short things in a row
// change nothing in between.
func TestProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(5)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "")
	p := newProcessors(false)
	use := func() int { return runtime.GOMAXPROCS(0) }
	settled := func(want int) {
		t.Helper()
		for range 12000 {
			if use() == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d processors, want %d", use(), want)
	}
	one, two := p.compute(), p.compute()
	one()
	p.settle()
	if use() != 5 {
		t.Errorf("%d processors while something computes", use())
	}
	two()
	settled(3)
	for range 100 {
		done := p.compute()
		if use() != 5 {
			t.Fatalf("%d processors while something computes", use())
		}
		done()
	}
	settled(3)
	p.rest.Stop()

	runtime.GOMAXPROCS(5)
	keeps := func(name string, encrypted bool) {
		p := newProcessors(encrypted)
		if p.rest.Stop(); p.few != 5 {
			t.Errorf("%s: %d of 5 processors", name, p.few)
		}
	}
	keeps("by TLS", true)
	t.Setenv("GOMAXPROCS", "5")
	keeps("as the environment says", false)
}
