package transfer

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// A turn is what the streams of a host share after it has answered 429. One of them, the leader, waits and asks again. The others wait until it has
// another answer, which costs them no attempts: if each asked for itself, most would get 429 again, and would in the end give up.
type turn struct {
	mu     sync.Mutex
	leader *Stream       // nil: all may ask
	over   chan struct{} // closed when there is no leader any more
}

// lead makes a stream the leader, and reports whether it is: there may be another.
func (t *turn) lead(s *Stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leader == nil {
		t.leader, t.over = s, make(chan struct{})
	}
	return t.leader == s
}

// yield ends the turn that a stream leads, if it does.
func (t *turn) yield(s *Stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leader == s {
		t.leader = nil
		close(t.over)
	}
}

// await waits until a stream may ask.
func (t *turn) await(ctx context.Context, s *Stream) error {
	for {
		over, free := t.state(s)
		if free {
			return nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lead makes the stream the leader for its only address, and reports whether it is.
func (s *Stream) lead(h *host) bool {
	if !h.turn.lead(s) {
		return false
	}
	s.led = h
	return true
}

// yield ends the turn that the stream leads.
func (s *Stream) yield() {
	if s.led != nil {
		s.led.turn.yield(s)
		s.led = nil
	}
}

// state reports whether a stream may ask now; if not, over is closed when that may have changed.
func (t *turn) state(s *Stream) (over <-chan struct{}, free bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over, t.leader == nil || t.leader == s
}

// tooMany reports whether an error is that there were too many requests.
func tooMany(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Status == http.StatusTooManyRequests
}

// enter waits until the stream may ask, and has a slot of the host. A stream with several addresses does not wait for one of them.
func (s *Stream) enter(h *host) error {
	for {
		if len(s.ways) == 1 {
			if err := h.turn.await(s.ctx, s); err != nil {
				return err
			}
		}
		if err := h.enter(s.ctx); err != nil {
			return err
		}
		if _, free := h.turn.state(s); free || len(s.ways) > 1 {
			s.entered = h
			return nil
		}
		h.leave() // somebody has become the leader meanwhile
	}
}
