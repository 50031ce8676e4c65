package filecache

import (
	"context"
	"errors"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
)

// aheadShare limits the files that nobody has requested yet to this fraction of the cache, one part in so many, so they displace little.
const aheadShare = 16

// An Arrival is a file that is read ahead: nobody has requested it yet. Take or Fail must end it.
type Arrival struct {
	cache  *Cache
	entry  *entry
	source Source
	ctx    context.Context
}

// Ahead announces a file that is read ahead; a reader who requests it meanwhile waits for it. It returns nil if the
// cache has the file, or the file is too large. source is asked if the file does not arrive as it should and a reader waits for it.
//
// Until it is requested, such a file is the first to go for others of its kind.
func (c *Cache) Ahead(f File, source Source) *Arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &entry{File: f, ahead: true}
	if c.closed || f.Size > Whole || e.charge() > c.o.Size/aheadShare || c.entries[f.SHA256] != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(c.ctx)
	e.flight = &flight{cancel: cancel, changed: make(chan struct{})}
	e.users++
	c.list(e)
	c.entries[f.SHA256] = e
	c.running.Add(1)
	c.stats.Ahead++
	return &Arrival{c, e, source, ctx}
}

// Take reads the file.
func (a *Arrival) Take(body io.Reader) {
	err := a.cache.store(a.ctx, a.entry, body)
	if errors.Is(err, artifact.ErrVerify) {
		a.cache.wrong()
	}
	a.finish(err)
}

// Fail reports why the file does not arrive.
func (a *Arrival) Fail(err error) { a.finish(err) }

// finish ends the flight. If the file has not come and a reader waits for it, it is fetched first.
func (a *Arrival) finish(err error) {
	c, e := a.cache, a.entry
	var disk *diskError
	c.mu.Lock()
	if err != nil && e.users > 1 && a.ctx.Err() == nil && !errors.As(err, &disk) {
		c.mu.Unlock()
		go func() {
			err := c.fill(a.ctx, e, a.source, false)
			c.mu.Lock()
			a.end(err)
		}()
		return
	}
	a.end(err)
}

// end ends the flight. It unlocks the cache.
func (a *Arrival) end(err error) {
	a.cache.settle(a.entry, err)
	a.cache.mu.Unlock()
	a.entry.flight.end(err)
	a.entry.flight.cancel()
	a.cache.running.Done()
}

// makeRoomAhead removes files that nobody has requested until that many more bytes fit into their share. The cache is locked.
func (c *Cache) makeRoomAhead(bytes int64) bool {
	enough := func() bool { return c.unused+bytes <= c.o.Size/aheadShare }
	c.evict(c.ahead, enough)
	return enough()
}
