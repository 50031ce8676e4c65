package filecache

import (
	"container/list"
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
	if e != nil && e.users == 0 && (e.Size != f.Size || e.verified && c.openFile(e) != nil) { // cut by a machine that lost power; removed by somebody
		c.remove(e)
		e = nil
	}
	switch {
	case e != nil && e.ahead:
		c.stats.Hits++
		c.stats.Useful++
		c.unlist(e)
		e.ahead = false
		c.list(e)
	case e != nil:
		c.stats.Hits++
		c.order.MoveToFront(e.place)
	case (&entry{File: f}).charge() > c.o.Size:
		c.stats.Misses++
		return nil, nil
	default:
		c.stats.Misses++
		e = &entry{File: f}
		c.list(e)
		c.entries[f.SHA256] = e
	}
	e.users++
	if !e.verified && e.flight == nil {
		c.start(e, source)
	}
	return e, nil
}

// list puts an entry at the front of the list that it belongs to, and unlist takes it out.
func (c *Cache) list(e *entry) {
	if !e.ahead {
		e.place = c.order.PushFront(e)
		return
	}
	e.place = c.ahead.PushFront(e)
	if e.charged {
		c.unused += e.charge()
	}
}

func (c *Cache) unlist(e *entry) {
	if !e.ahead {
		c.order.Remove(e.place)
		return
	}
	c.ahead.Remove(e.place)
	if e.charged {
		c.unused -= e.charge()
	}
}

// openFile opens the file of an entry that is complete.
func (c *Cache) openFile(e *entry) (err error) {
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
	switch {
	case e.file == nil:
	case e.gone || c.closed:
		c.closeFile(e)
	case e.open != nil:
		c.opened.MoveToFront(e.open)
	default:
		e.open = c.opened.PushFront(e)
		c.closeUnused(c.descriptor)
	}
}

// closeUnused closes files without a reader until so many files are open.
func (c *Cache) closeUnused(most int) {
	for at := c.opened.Back(); at != nil && c.opened.Len() > most; {
		e, before := at.Value.(*entry), at.Prev()
		if e.users == 0 {
			c.closeFile(e)
		}
		at = before
	}
}

func (c *Cache) closeFile(e *entry) {
	if e.open != nil {
		c.opened.Remove(e.open)
		e.open = nil
	}
	e.file.Close()
	e.file = nil
}

// makeRoom removes the files that were used longest ago and have no reader, until so many bytes more fit. false: they cannot.
func (c *Cache) makeRoom(bytes int64) bool {
	if bytes > c.o.Size {
		return false
	}
	enough := func() bool { return c.used+bytes <= c.o.Size }
	c.evict(c.order, enough)
	c.evict(c.ahead, enough)
	return enough()
}

// evict removes files without a reader, the last of a list first, until there is enough room.
func (c *Cache) evict(list *list.List, enough func() bool) {
	for at := list.Back(); at != nil && !enough(); {
		e, before := at.Value.(*entry), at.Prev()
		if e.users == 0 {
			c.remove(e)
			c.stats.Evicted++
		}
		at = before
	}
}

// reserve makes room for an entry. Files are removed for it only when its first byte can be had: a source that is away empties no cache.
func (c *Cache) reserve(e *entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.charged {
		return nil
	}
	if e.ahead && !c.makeRoomAhead(e.charge()) || !c.makeRoom(e.charge()) {
		return &diskError{errBusy}
	}
	e.charged = true
	c.used += e.charge()
	if e.ahead {
		c.unused += e.charge()
	}
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
	c.unlist(e)
	delete(c.entries, e.SHA256)
	if e.charged {
		c.used -= e.charge()
	}
	if e.users == 0 && e.file != nil {
		c.closeFile(e)
	}
	c.discard(e)
}

// discard removes an entry's file, or keeps it, empty, for the next one: on ext4, creating a file after others were removed takes ten times
// as long as renaming one.
func (c *Cache) discard(e *entry) {
	path, spare := c.path(e), c.part(e)
	if e.verified && e.users == 0 && e.Size <= Whole && len(c.spare) < maxSpare && os.Truncate(path, 0) == nil && os.Rename(path, spare) == nil {
		c.spare = append(c.spare, spare)
		return
	}
	os.Remove(path)
}

// oldest removes one file that has no reader. false: there is none.
func (c *Cache) oldest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.stats.Evicted
	one := func() bool { return c.stats.Evicted > before }
	c.evict(c.ahead, one)
	c.evict(c.order, one)
	return one()
}
