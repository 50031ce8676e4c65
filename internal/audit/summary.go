package audit

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// A Summary counts what a Report tells, in memory that is bounded whatever clients do. It is safe
// for concurrent use.
type Summary struct {
	reports sync.Mutex

	mu       sync.Mutex
	from, to int64 // microseconds since 1970
	total    total
	verdicts [len(Verdicts)]total
	kinds    map[string]*total
	// Rows of items stay: they are bounded by what the image carries. What clients can make up
	// has to make room.
	artifacts table[string, *artifactRow]
	denied    table[deniedKey, *deniedRow]
	missing   table[missingKey, *missingRow]
	clients   map[netip.Addr]*clientRow
	numbered  []*clientRow
	most      int            // clients
	unlisted  int64          // requests of others
	sets      int64          // bytes that are left for sets of clients, their channels, and names of users and channels
	channels  map[string]int // numbers, by ID
}

type total struct{ requests, bytes int64 }

func (t *total) add(r *Record) {
	t.requests++
	t.bytes += r.Bytes
}

type artifactRow struct {
	tally
	id, kind, name, version, architecture string
	bytes, size, whole                    int64
}

type deniedKey struct{ artifact, rule, reason string }

type deniedRow struct {
	tally
	deniedKey
	kind, name, version, architecture string
}

// A missingKey has a path only when nothing better is known.
type missingKey struct {
	kind, name, version, architecture, path string
	lookedUp                                bool
}

type missingRow struct {
	tally
	missingKey
	path string // one of those that were asked for
}

func (r *artifactRow) key() string    { return r.id }
func (r *deniedRow) key() deniedKey   { return r.deniedKey }
func (r *missingRow) key() missingKey { return r.missingKey }

type clientRow struct {
	total
	address         netip.Addr
	number          int
	allowed         int64 // requests
	denied, missing int64
	channels        *numberSet // that it has read; nil: none
	last            int64      // microseconds since 1970
	users           []string   // the first maxUsers
}

const (
	maxKinds = 64
	maxUsers = 4
)

// NewSummary returns a summary for a server: it takes 10 MB at most, which is enough for about
// 10,000 items, as many clients, and half as many things that are missing.
func NewSummary() *Summary { return newSummary(1, 10_000) }

// NewLargeSummary returns one for a program that reads logs: it takes 640 MB at most.
func NewLargeSummary() *Summary { return newSummary(64, maxClients) }

func newSummary(scale int64, clients int) *Summary {
	s := &Summary{kinds: map[string]*total{}, clients: map[netip.Addr]*clientRow{}, channels: map[string]int{}, most: clients, sets: scale << 20}
	s.artifacts = table[string, *artifactRow]{rows: map[string]*artifactRow{}, rowSize: 220, room: scale * 4 << 20, sets: &s.sets}
	s.missing = table[missingKey, *missingRow]{rows: map[missingKey]*missingRow{}, rowSize: 330, room: scale * 2 << 20, sets: &s.sets, replace: true}
	s.denied = table[deniedKey, *deniedRow]{rows: map[deniedKey]*deniedRow{}, rowSize: 310, room: scale << 19, sets: &s.sets, replace: true}
	return s
}

// Add counts a record, and keeps none of its memory. A record without a verdict is ignored.
func (s *Summary) Add(r *Record) {
	verdict := r.Verdict.number()
	if verdict < 0 {
		return
	}
	at := r.Time.UnixMicro()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total.requests == 0 || at < s.from {
		s.from = at
	}
	if s.total.requests == 0 || at > s.to {
		s.to = at
	}
	s.total.add(r)
	s.verdicts[verdict].add(r)
	s.addKind(r)
	client := s.addClient(r, at)
	switch r.Verdict {
	case Allowed:
		s.addArtifact(r, client)
	case Denied:
		s.addDenied(r, client)
	case Missing:
		s.addMissing(r, client)
	}
}

// addKind counts by kind. Those beyond the bound are left out: they can only be a forged log's.
func (s *Summary) addKind(r *Record) {
	kind, found := s.kinds[r.Kind]
	if !found {
		if len(s.kinds) == maxKinds || len(r.Kind) > maxKind {
			return
		}
		kind = new(total)
		s.kinds[strings.Clone(r.Kind)] = kind
	}
	kind.add(r)
}

// addClient returns the client's number.
func (s *Summary) addClient(r *Record, at int64) int {
	address := plain(r.Client)
	c := s.clients[address]
	if c == nil {
		if len(s.numbered) == s.most {
			s.unlisted++
			return unknownClient
		}
		c = &clientRow{address: address, number: len(s.numbered), last: at}
		s.clients[address] = c
		s.numbered = append(s.numbered, c)
	}
	c.add(r)
	c.last = max(c.last, at)
	switch r.Verdict {
	case Allowed:
		c.allowed++
	case Denied:
		c.denied++
	case Missing:
		c.missing++
	}
	s.addChannel(r, c)
	if user := cut(r.User, maxUser); user != "" && len(c.users) < maxUsers && s.sets >= maxUser && !slices.Contains(c.users, user) {
		c.users = append(c.users, strings.Clone(user))
		s.sets -= maxUser
	}
	return c.number
}

func (s *Summary) addArtifact(r *Record, client int) {
	row := artifactRow{
		id: cut(r.Artifact, maxArtifact), kind: cut(r.Kind, maxKind),
		name: cut(r.Name, maxName), version: cut(r.Version, maxVersion), architecture: cut(r.Architecture, maxArchitecture),
	}
	size := len(row.id) + len(row.kind) + len(row.name) + len(row.version) + len(row.architecture)
	if kept := s.artifacts.count(r, client, row.id, size, func() *artifactRow {
		row := row
		keep(&row.id, &row.kind, &row.name, &row.version, &row.architecture)
		return &row
	}); kept != nil {
		kept.bytes += r.Bytes
		if r.Bytes >= r.Size {
			kept.whole++
		}
		kept.size = max(kept.size, r.Size)
	}
}

func (s *Summary) addDenied(r *Record, client int) {
	row := deniedRow{
		deniedKey: deniedKey{cut(r.Artifact, maxArtifact), cut(r.Rule, maxRule), cut(r.Reason, maxReason)},
		kind:      cut(r.Kind, maxKind), name: cut(r.Name, maxName), version: cut(r.Version, maxVersion), architecture: cut(r.Architecture, maxArchitecture),
	}
	if row.artifact == "" {
		row.artifact = cut(r.Path, maxPath)
	}
	size := len(row.artifact) + len(row.rule) + len(row.reason) + len(row.kind) + len(row.name) + len(row.version) + len(row.architecture)
	s.denied.count(r, client, row.deniedKey, size, func() *deniedRow {
		row := row
		keep(&row.artifact, &row.rule, &row.reason, &row.kind, &row.name, &row.version, &row.architecture)
		return &row
	})
}

func (s *Summary) addMissing(r *Record, client int) {
	row := missingRow{path: cut(r.Path, maxPath), missingKey: missingKey{
		cut(r.Kind, maxKind), cut(r.Name, maxName), cut(r.Version, maxVersion), cut(r.Architecture, maxArchitecture), "", r.Reason == LookedUp,
	}}
	if row.name == "" {
		row.missingKey.path = row.path
	}
	size := len(row.path) + len(row.kind) + len(row.name) + len(row.version) + len(row.architecture)
	s.missing.count(r, client, row.missingKey, size, func() *missingRow {
		row := row
		keep(&row.path, &row.kind, &row.name, &row.version, &row.architecture)
		if row.name == "" {
			row.missingKey.path = row.path
		}
		return &row
	})
}
