package access

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	passwordPatience = 10 * time.Second
	passwordTurns    = 2    // passwords that are checked at once
	mostWaiting      = 16   // from one network; further requests get 503
	mostRemembered   = 4096 // networks for which wrong passwords are counted
	networkBitsIPv6  = 64   // one client may use any address in such a network
)

// A passwordQueue gives turns to requests whose password must be checked, which is slow on purpose. A flood of wrong passwords
// delays its sender, and hardly anyone else: a network has one turn at a time, and networks that have sent fewer wrong
// passwords come first; among equals, the latest comes first, so that a first login does not wait behind a crowd.
type passwordQueue struct {
	patience time.Duration // how long one waits for a turn

	mu       sync.Mutex
	free     int // turns
	count    int // of all requests that ever waited
	networks map[netip.Prefix]*passwordNetwork
}

// A passwordNetwork is an IPv4 address or a network of IPv6.
type passwordNetwork struct {
	key      netip.Prefix
	failures int  // wrong passwords since the last that was right
	busy     bool // it has a turn
	waiting  []*passwordWaiter
}

type passwordWaiter struct {
	number int
	turn   chan bool // false: there is none any more
	client Connection
}

func newPasswordQueue() *passwordQueue {
	return &passwordQueue{patience: passwordPatience, free: passwordTurns, networks: map[netip.Prefix]*passwordNetwork{}}
}

func passwordNetworkOf(client netip.Addr) netip.Prefix {
	bits := client.BitLen()
	if client.Is6() {
		bits = networkBitsIPv6
	}
	network, _ := client.Prefix(bits) // of the zero address the zero network
	return network
}

// enter waits for a turn, which ends with leave; right says what came of it. It fails when too many of the network wait, when
// the client has gone, and when the queue's patience is over.
func (q *passwordQueue) enter(ctx context.Context, address netip.Addr, client Connection) (leave func(right bool), ok bool) {
	key := passwordNetworkOf(address)
	w := &passwordWaiter{turn: make(chan bool, 1), client: client}
	if !q.join(key, w) {
		return nil, false
	}
	patience := time.NewTimer(q.patience)
	defer patience.Stop()
	select {
	case ok = <-w.turn:
	case <-ctx.Done():
		ok = q.quit(key, w)
	case <-patience.C:
		ok = q.quit(key, w)
	}
	return func(right bool) { q.leave(key, right) }, ok
}

func (q *passwordQueue) join(key netip.Prefix, w *passwordWaiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.networks[key]
	if n == nil {
		n = &passwordNetwork{key: key}
		q.networks[key] = n
	}
	n.waiting = slices.DeleteFunc(n.waiting, func(w *passwordWaiter) bool {
		gone := w.client.Gone()
		if gone {
			w.turn <- false
		}
		return gone
	})
	if len(n.waiting) >= mostWaiting {
		return false
	}
	q.count++
	w.number = q.count
	n.waiting = append(n.waiting, w)
	q.next()
	return true
}

// quit stops waiting. It reports whether the turn has come meanwhile.
func (q *passwordQueue) quit(key netip.Prefix, w *passwordWaiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.networks[key]
	if n != nil {
		if at := slices.Index(n.waiting, w); at >= 0 {
			n.waiting = slices.Delete(n.waiting, at, at+1)
			q.forget(n)
			return false
		}
	}
	return <-w.turn
}

func (q *passwordQueue) leave(key netip.Prefix, right bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.networks[key]
	n.busy = false
	n.failures++
	if right {
		n.failures = 0
	}
	q.free++
	q.next()
	q.forget(n)
	if len(q.networks) > mostRemembered {
		for key, n := range q.networks {
			if !n.busy && len(n.waiting) == 0 {
				delete(q.networks, key)
			}
		}
	}
}

// forget drops a network without any state to keep. The caller holds the lock.
func (q *passwordQueue) forget(n *passwordNetwork) {
	if n.failures == 0 && !n.busy && len(n.waiting) == 0 {
		delete(q.networks, n.key)
	}
}

// next gives the turns that are free, first to the networks with the fewest failures, and among these to the latest request. The caller
// holds the lock.
func (q *passwordQueue) next() {
	for q.free > 0 {
		var best *passwordNetwork
		for _, n := range q.networks {
			if n.busy || len(n.waiting) == 0 {
				continue
			}
			if best == nil || n.failures < best.failures || n.failures == best.failures && n.waiting[0].number > best.waiting[0].number {
				best = n
			}
		}
		if best == nil {
			return
		}
		w := best.waiting[0]
		best.waiting = best.waiting[1:]
		if w.client.Gone() {
			w.turn <- false
			q.forget(best)
			continue
		}
		best.busy = true
		q.free--
		w.turn <- true
	}
}
