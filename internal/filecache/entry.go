package filecache

import (
	"errors"
	"os"
	"time"
)

// enter finds or makes the entry of a file, and counts the caller as a reader of it. It returns nil if the file is larger than the cache.
func (c *Cache) enter(f File, source Source) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	e := c.entries[f.SHA256]
	if e != nil && e.users == 0 && (e.Size != f.Size || e.verified && c.open(e) != nil) { // cut by a machine that lost power; removed by somebody
		c.remove(e)
		e = nil
	}
	switch {
	case e != nil:
		c.stats.Hits++
		c.order.MoveToFront(e.place)
	case (&entry{File: f}).charge() > c.o.Size:
		c.stats.Misses++
		return nil, nil
	default:
		c.stats.Misses++
		e = &entry{File: f}
		e.place = c.order.PushFront(e)
		c.entries[f.SHA256] = e
	}
	e.users++
	c.busy(e)
	if !e.verified && e.flight == nil {
		c.start(e, source)
	}
	return e, nil
}

// open opens the file of an entry that is complete.
func (c *Cache) open(e *entry) (err error) {
	if e.file == nil {
		e.file, err = os.Open(c.path(e))
	}
	if now := time.Now(); err == nil && now.Sub(e.touched) > touchEvery {
		e.touched = now
		_ = os.Chtimes(c.path(e), now, now) // the order after a restart is then a little different
	}
	return err
}

// leave counts a reader less. A fetch that nobody waits for ends, unless it is worth while to have the file.
func (c *Cache) leave(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.users--
	switch {
	case e.users == 0:
		c.rest(e)
	case e.users == 1 && !e.verified && e.flight != nil && !e.gone && e.Size > worthMore:
		if arrived, _ := e.flight.progress(); arrived < e.Size/2 {
			c.remove(e) // the next reader starts a new fetch
			e.flight.cancel()
		}
	}
}

// rest keeps the descriptor of an entry that has no reader, for the next one.
func (c *Cache) rest(e *entry) {
	if e.file == nil {
		return
	}
	if e.gone || c.closed {
		e.file.Close()
		e.file = nil
		return
	}
	e.idle = c.idle.PushFront(e)
	if c.idle.Len() > maxOpen {
		c.closeIdle(c.idle.Back().Value.(*entry))
	}
}

func (c *Cache) busy(e *entry) {
	if e.idle != nil {
		c.idle.Remove(e.idle)
		e.idle = nil
	}
}

func (c *Cache) closeIdle(e *entry) {
	c.busy(e)
	e.file.Close()
	e.file = nil
}

// makeRoom removes the files that were used longest ago and have no reader, until so many bytes more fit. false: they cannot.
func (c *Cache) makeRoom(bytes int64) bool {
	if bytes > c.o.Size {
		return false
	}
	for at := c.order.Back(); at != nil && c.used+bytes > c.o.Size; {
		e, before := at.Value.(*entry), at.Prev()
		if e.users == 0 {
			c.remove(e)
			c.stats.Evicted++
		}
		at = before
	}
	return c.used+bytes <= c.o.Size
}

// reserve makes room for an entry. Files are removed for it only when its first byte can be had: a source that is away empties no cache.
func (c *Cache) reserve(e *entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.charged {
		return nil
	}
	if !c.makeRoom(e.charge()) {
		return &diskError{errBusy}
	}
	e.charged = true
	c.used += e.charge()
	return nil
}

// errBusy says that readers hold all files of the cache.
var errBusy = errors.New("cache: no file can be removed to make room: all are being read")

// remove takes an entry out of the cache. Its readers keep their descriptor.
func (c *Cache) remove(e *entry) {
	if e.gone {
		return
	}
	e.gone = true
	c.order.Remove(e.place)
	delete(c.entries, e.SHA256)
	if e.charged {
		c.used -= e.charge()
	}
	os.Remove(c.path(e))
	if e.users == 0 && e.file != nil {
		c.closeIdle(e)
	}
}

// oldest removes one file that has no reader. false: there is none.
func (c *Cache) oldest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.order.Back(); at != nil; at = at.Prev() {
		if e := at.Value.(*entry); e.users == 0 {
			c.remove(e)
			c.stats.Evicted++
			return true
		}
	}
	return false
}
