package transfer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	attempts    = 5 // without progress, at each address, while the trouble looks temporary
	firstWait   = 250 * time.Millisecond
	longestWait = 15 * time.Second
	longest     = 2 * time.Minute // that a server's Retry-After is honoured
	// longestAsked is what absurd values are cut to.
	longestAsked = 7 * 24 * time.Hour
)

// patience counts attempts, and makes the waits between them longer and longer.
// The waits are random in part, so that many clients do not come back at once.
type patience struct {
	left int
	next time.Duration
}

func newPatience() patience { return patience{attempts, firstWait} }

// pause is how long to wait for the next attempt; false: there is none.
func (p *patience) pause(after time.Duration) (time.Duration, bool) {
	if p.left--; p.left <= 0 {
		return 0, false
	}
	pause := max(p.next+rand.N(p.next), after)
	p.next = min(2*p.next, longestWait)
	return pause, true
}

// sleep waits, unless ctx ends earlier.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter reads RFC 9110, section 10.2.3; absurd values are cut.
func retryAfter(h http.Header) time.Duration { return min(askedToWait(h), longest) }

// askedToWait is how long a server asks to wait; 0: it does not, or for no time.
func askedToWait(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(0, seconds), int64(longestAsked/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(0, time.Until(t)), longestAsked)
	}
	return 0
}
