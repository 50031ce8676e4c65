package main

import (
	"os"
	"runtime"
	"sync"
	"time"
)

// processors says how many processors the program may use at once. Sending files is the kernel's work, which needs processors
// beside the program: with half of them it is faster than with all. What computes has them all.
type processors struct {
	mu        sync.Mutex
	computing int // how much computes now
	all, few  int
	rest      *time.Timer // until few are enough
}

// computePause is how long all processors stay after something has computed: a change stops the whole program, which costs
// as much as a small page.
const computePause = 100 * time.Millisecond

// newProcessors keeps them all where connections are computed, too, or the environment says how many.
func newProcessors(encrypted bool) *processors {
	p := &processors{all: runtime.GOMAXPROCS(0)}
	p.few = (p.all + 1) / 2
	if encrypted || os.Getenv("GOMAXPROCS") != "" {
		p.few = p.all
	}
	p.rest = time.AfterFunc(computePause, p.settle)
	return p
}

// compute is called before something computes, and what it returns afterwards.
func (p *processors) compute() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.computing++
	p.use(p.all)
	return p.computed
}

func (p *processors) computed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.computing--
	p.rest.Reset(computePause)
}

// settle is for when nothing has computed for a while.
func (p *processors) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.computing == 0 {
		p.use(p.few)
	}
}

func (p *processors) use(n int) {
	if n != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(n)
	}
}
