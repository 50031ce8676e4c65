package registry

import (
	"errors"
	"sync"

	"github.com/opencontainers/go-digest"
)

// small is the size of blobs, in bytes, of which several are pushed at a time: each costs the registry three requests, whatever its size.
const small = 1 << 20

// A background pushes blobs while others are read.
type background struct {
	slots   chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	pushes map[digest.Digest]*pending
	failed []error
}

// pending is a push that may not have ended.
type pending struct {
	ended chan struct{}
	err   error
}

func newBackground() *background {
	return &background{slots: make(chan struct{}, atOnce), pushes: map[digest.Digest]*pending{}}
}

// begin calls push in the background. The error is that of an earlier push.
func (b *background) begin(d digest.Digest, push func() error) error {
	b.slots <- struct{}{}
	p := &pending{ended: make(chan struct{})}
	b.mu.Lock()
	err := errors.Join(b.failed...)
	if err == nil {
		b.pushes[d] = p
	}
	b.mu.Unlock()
	if err != nil {
		<-b.slots
		return err
	}
	b.running.Go(func() {
		defer func() { <-b.slots }()
		p.err = push()
		close(p.ended)
		b.mu.Lock()
		defer b.mu.Unlock()
		if p.err != nil {
			b.failed = append(b.failed, p.err)
		} else {
			delete(b.pushes, d)
		}
	})
	return nil
}

// wait waits for the push of a blob, if there is one, and returns its error.
func (b *background) wait(d digest.Digest) error {
	b.mu.Lock()
	p := b.pushes[d]
	b.mu.Unlock()
	if p == nil {
		return nil
	}
	<-p.ended
	return p.err
}

// all waits for all pushes, and returns their errors.
func (b *background) all() error {
	b.running.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(b.failed...)
}
