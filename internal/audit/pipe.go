package audit

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	maxQueued    = 8192            // lines: 32 MB at the very most, usually 3 MB
	pipePatience = 5 * time.Second // for the reader of a pipe at the end
)

var (
	errSlowReader = errors.New("its reader does not keep up")
	errClosed     = errors.New("it is closed")
)

// A pipe writes to what may stand still: requests must not wait for whoever reads there.
type pipe struct {
	lines  chan []byte
	ended  chan struct{}
	closed bool // under Log.mu
}

func newPipe(l *Log) *pipe {
	p := &pipe{lines: make(chan []byte, maxQueued), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		for line := range p.lines {
			if l.torn {
				line = slices.Concat([]byte{'\n'}, line)
			}
			if err := l.append(line); err != nil {
				l.mu.Lock()
				l.complain(err)
				l.mu.Unlock()
			}
		}
	}()
	return p
}

// queue is for those who hold the Log's lock. It never waits.
func (p *pipe) queue(line []byte) error {
	if p.closed {
		return errClosed
	}
	select {
	case p.lines <- slices.Clone(line):
		return nil
	default:
		return errSlowReader
	}
}

func (p *pipe) close(l *Log) error {
	l.mu.Lock()
	if p.closed {
		l.mu.Unlock()
		return errClosed
	}
	p.closed = true
	close(p.lines)
	l.mu.Unlock()
	select {
	case <-p.ended:
		return l.out.Close()
	case <-time.After(pipePatience):
		return fmt.Errorf("audit: %d lines are lost: %w", len(p.lines)+1, errSlowReader)
	}
}
