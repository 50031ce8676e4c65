package fetch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	attempts  = 4 // at one address, while the trouble looks temporary
	firstWait = 250 * time.Millisecond
	longest   = 30 * time.Second // that a server's Retry-After is honoured
)

// temporary is an error that another attempt may mend.
type temporary struct {
	error
	after time.Duration // what the server asked for, or 0
}

func (e *temporary) Unwrap() error { return e.error }

// patience counts attempts, and makes the waits between them longer and longer.
// The waits are random in part, so that many clients do not come back at once.
type patience struct {
	left int
	next time.Duration
	log  *slog.Logger
}

func newPatience(log *slog.Logger) *patience {
	return &patience{left: attempts, next: firstWait, log: log}
}

// wait waits for the next attempt; false: there is none.
func (p *patience) wait(ctx context.Context, after time.Duration, why error) bool {
	if p.left--; p.left <= 0 {
		return false
	}
	pause := max(p.next+rand.N(p.next), after)
	p.next *= 2
	p.log.Debug("trying again", "error", why, "in", pause)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// retryAfter reads RFC 9110, section 10.2.3; absurd values are cut.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(0, seconds), int64(longest/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(0, time.Until(t)), longest)
	}
	return 0
}

// byHealth puts addresses whose hosts could not be reached lately behind the others.
func (c *Client) byHealth(urls []string) []string {
	sorted := slices.Clone(urls)
	slices.SortStableFunc(sorted, func(a, b string) int {
		switch down, other := c.host(a).down.Load(), c.host(b).down.Load(); {
		case down == other:
			return 0
		case down:
			return 1
		}
		return -1
	})
	return sorted
}
