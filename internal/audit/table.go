package audit

import (
	"math"
	"math/bits"
	"strings"
)

// A table counts requests by a key, within a bound of memory.
type table[K comparable, R counted[K]] struct {
	rows    map[K]R
	order   []R    // of rows, if some are to be dropped
	hand    int    // where drop looks next in order
	rowSize int64  // about what a row takes beside its texts and clients, bytes
	room    int64  // bytes that are left for rows
	sets    *int64 // and for their sets of clients, in all tables
	// When there is no room for a new row, the least of the next rows goes if this is
	// set. Else the new row is left out.
	replace  bool
	unlisted int64 // requests of rows that went or were left out
}

// counted is what a table needs of a row.
type counted[K comparable] interface {
	comparable
	common() *tally
	key() K
}

// A tally is what all rows of tables have.
type tally struct {
	requests    int64
	first, last int64 // microseconds since 1970
	clients     numberSet
	size        int64 // of the row, as the table's room counts it
}

func (t *tally) common() *tally { return t }

// patience is how many rows drop looks at before it takes the least of them.
const patience = 256

// count counts a request. make makes the row of a key that is new, with size
// bytes of text.
func (t *table[K, R]) count(r *Record, client int, key K, size int, make func() R) (row R) {
	row, found := t.rows[key]
	if !found {
		need := t.rowSize + int64(size+size/8) // the allocator rounds up
		for t.replace && t.room < need && len(t.rows) > 0 {
			t.drop()
		}
		if t.room < need {
			t.unlisted++
			return row
		}
		t.room -= need
		row = make()
		row.common().size = need
		t.rows[row.key()] = row
		if t.replace {
			t.order = append(t.order, row)
		}
	}
	c, at := row.common(), r.Time.UnixMicro()
	if c.requests == 0 || at < c.first {
		c.first = at
	}
	if c.requests == 0 || at > c.last {
		c.last = at
	}
	c.requests++
	c.clients.add(client, t.sets)
	return row
}

// drop removes the next row that was asked for once, or else the least of many: the one of the fewest clients, then
// of the fewest requests, then the oldest. So what one client makes up goes before what several want, or one again and again.
func (t *table[K, R]) drop() {
	var least int
	for i := range min(patience, len(t.order)) {
		at := (t.hand + i) % len(t.order)
		row := t.order[at].common()
		if i == 0 || row.less(t.order[least].common()) {
			least = at
		}
		if row.requests == 1 {
			break
		}
	}
	row := t.order[least].common()
	t.room += row.size
	t.unlisted += row.requests
	*t.sets += row.clients.size()
	delete(t.rows, t.order[least].key())
	last := len(t.order) - 1
	t.order[least] = t.order[last] // mostly a new one: its turn comes last
	t.order = t.order[:last]
	t.hand = least + 1
}

func (t *tally) less(other *tally) bool {
	if a, b := t.clients.count(), other.clients.count(); a != b {
		return a < b
	}
	if t.requests != other.requests {
		return t.requests < other.requests
	}
	return t.last < other.last
}

// keep copies texts, which may be parts of larger ones, into one piece.
func keep(texts ...*string) {
	size := 0
	for _, t := range texts {
		size += len(*t)
	}
	var all strings.Builder
	all.Grow(size)
	for _, t := range texts {
		all.WriteString(*t)
	}
	rest := all.String()
	for _, t := range texts {
		*t, rest = rest[:len(*t)], rest[len(*t):]
	}
}

// cut is the beginning of a text that is too long.
func cut(text string, limit int) string { return text[:min(len(text), limit)] }

// A numberSet is a set of numbers, mostly of clients: a list while they are few, then bits.
type numberSet struct {
	list []uint16
	bits []uint64
	ones int32
	more bool // there are others, for which there was no room
}

const (
	unknownClient = -1                 // one without a number
	maxClients    = math.MaxUint16 + 1 // numbers are below
	maxList       = 32
)

func (s *numberSet) count() int32 { return s.ones }

// size is what the set takes, in bytes.
func (s *numberSet) size() int64 { return int64(2*cap(s.list) + 8*len(s.bits)) }

func (s *numberSet) add(client int, room *int64) {
	if client == unknownClient {
		s.more = true
		return
	}
	if s.has(client) {
		return
	}
	before := s.size()
	switch {
	case s.bits == nil && len(s.list) < cap(s.list):
		s.list = append(s.list, uint16(client))
	case s.bits == nil && len(s.list) < maxList:
		larger := max(2, 2*len(s.list))
		if *room < int64(2*larger) {
			s.more = true
			return
		}
		s.list = append(append(make([]uint16, 0, larger), s.list...), uint16(client))
	default:
		if need := client/64 + 1 - len(s.bits); need > 0 {
			if s.bits == nil {
				for _, n := range s.list {
					need = max(need, int(n)/64+1)
				}
			}
			if *room < int64(8*need) {
				s.more = true
				return
			}
			s.bits = append(make([]uint64, 0, len(s.bits)+need), s.bits...)[:len(s.bits)+need]
		}
		for _, n := range s.list {
			s.bits[n/64] |= 1 << (n % 64)
		}
		s.list = nil
		s.bits[client/64] |= 1 << (client % 64)
	}
	s.ones++
	*room -= s.size() - before
}

func (s *numberSet) has(client int) bool {
	if s.bits != nil {
		return client/64 < len(s.bits) && s.bits[client/64]&(1<<(client%64)) != 0
	}
	for _, n := range s.list {
		if int(n) == client {
			return true
		}
	}
	return false
}

// each calls f with the numbers.
func (s *numberSet) each(f func(client int)) {
	for _, n := range s.list {
		f(int(n))
	}
	for i, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			f(64*i + bits.TrailingZeros64(word))
		}
	}
}
