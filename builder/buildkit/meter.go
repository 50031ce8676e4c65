package buildkit

import (
	"sync"

	"github.com/minimirror/minimirror/internal/image"
)

// A meter counts the bytes processed for the image. Each layer
// is read once to be hashed unless its digest is known, once to be uploaded to a
// daemon, and once to be written or pushed.
type meter struct {
	report func(done, total int64)

	mu          sync.Mutex
	done, total int64
}

func newMeter(o Options) *meter {
	m := &meter{report: o.Progress}
	passes := int64(2)
	if o.Addr != "" && o.Output.Transport != image.Docker {
		passes++
	}
	for _, l := range o.layers() {
		m.total += passes * l.Size()
	}
	return m
}

// add counts n bytes as done.
func (m *meter) add(n int) { m.change(int64(n), 0) }

// skip subtracts n bytes from the total.
func (m *meter) skip(n int64) { m.change(0, -n) }

// finish counts everything as done: a daemon may have had some layers already.
func (m *meter) finish() {
	m.mu.Lock()
	rest := m.total - m.done
	m.mu.Unlock()
	m.change(rest, 0)
}

func (m *meter) change(done, total int64) {
	if m.report == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total += total
	m.done = min(m.done+done, m.total) // a push that is tried again reads again
	m.report(m.done, m.total)
}
