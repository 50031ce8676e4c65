package main

import (
	"os"
	"runtime"
	"sync"
)

// processors says how many processors the program may use at once. Sending files is the kernel's work, which needs processors
// beside the program: with half of them it is faster than with all. What computes has them all.
type processors struct {
	mu        sync.Mutex
	computing int // how much computes now
	all, few  int
}

// newProcessors keeps them all where connections are computed, too, or the environment says how many.
func newProcessors(encrypted bool) *processors {
	p := &processors{all: runtime.GOMAXPROCS(0)}
	p.few = (p.all + 1) / 2
	if encrypted || os.Getenv("GOMAXPROCS") != "" {
		p.few = p.all
	}
	return p
}

// compute is called before something computes, and what it returns afterwards.
func (p *processors) compute() (done func()) {
	p.add(1)
	return func() { p.add(-1) }
}

func (p *processors) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.computing += n
	use := p.all
	if p.computing == 0 {
		use = p.few
	}
	if use != runtime.GOMAXPROCS(0) { // a change stops all for some microseconds
		runtime.GOMAXPROCS(use)
	}
}
