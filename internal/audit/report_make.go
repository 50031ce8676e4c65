package audit

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ReportOptions say what a Report shall tell. The zero value is everything that is known without an image.
type ReportOptions struct {
	Carried   iter.Seq[*artifact.Item] // what the image carries; nil: not known, and neither are Channels
	Channels  []artifact.Channel       // that it has
	Rows      int                      // of each table; 0: all
	Addresses int                      // in each row; 0: all
}

// Report tells what has been counted up to now. What is missing is left out where Carried has it by now.
func (s *Summary) Report(o ReportOptions) *Report {
	if o.Rows == 0 {
		o.Rows = int(^uint(0) >> 1)
	}
	if o.Addresses == 0 {
		o.Addresses = maxClients
	}
	s.reports.Lock() // one at a time: they take memory
	defer s.reports.Unlock()
	r, all := s.snapshot()
	if o.Carried != nil {
		r.compare(o.Carried, all, o.Rows)
	}
	all.sort()
	s.mu.Lock() // again: rows go on counting, and only these few are read
	defer s.mu.Unlock()
	fill(&r.Fetched, all.fetched, s.artifacts.unlisted, o.Rows, func(a *artifactRow) Fetched {
		return Fetched{a.id, Named{a.kind, a.name, a.version, a.architecture}, a.bytes, a.whole, s.count(&a.tally, o.Addresses)}
	})
	fill(&r.Denied, all.denied, s.denied.unlisted, o.Rows, func(d *deniedRow) Denial {
		return Denial{d.artifact, Named{d.kind, d.name, d.version, d.architecture}, d.rule, d.reason, s.count(&d.tally, o.Addresses)}
	})
	fill(&r.Missing, all.missing, s.missing.unlisted, o.Rows, func(m *missingRow) Missed {
		return Missed{m.path, Named{m.kind, m.name, m.version, m.architecture}, m.lookedUp, s.count(&m.tally, o.Addresses)}
	})
	fill(&r.Clients, all.clients, s.unlisted, o.Rows, func(c *clientRow) Client {
		return Client{c.address, slices.Clone(c.users), c.requests, c.bytes, c.allowed, c.denied, c.missing, moment(c.last)}
	})
	if o.Carried != nil {
		r.Channels = s.readers(o.Channels, o.Rows)
	}
	if r.Never != nil {
		r.Never.Uncertain = r.Fetched.Unlisted > 0
	}
	return r
}

// A ranked is a row and what orders it, which other requests may change meanwhile.
type ranked[R any] struct {
	row               R
	clients, requests int64
	name              string
	enough            bool // as many bytes were sent as the whole has, in one part or in several
}

type snapshot struct {
	fetched []ranked[*artifactRow]
	denied  []ranked[*deniedRow]
	missing []ranked[*missingRow]
	clients []ranked[*clientRow]
}

// snapshot takes the sums, and which rows there are.
func (s *Summary) snapshot() (*Report, *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Report{Requests: s.total.requests, Bytes: s.total.bytes}
	if r.Requests > 0 {
		r.From, r.To = moment(s.from), moment(s.to)
	}
	for i, v := range Verdicts {
		r.Verdicts = append(r.Verdicts, VerdictTotal{v, s.verdicts[i].requests, s.verdicts[i].bytes})
	}
	r.Kinds = make([]KindTotal, 0, len(s.kinds))
	for kind, t := range s.kinds {
		r.Kinds = append(r.Kinds, KindTotal{kind, t.requests, t.bytes})
	}
	slices.SortFunc(r.Kinds, func(a, b KindTotal) int { return strings.Compare(a.Kind, b.Kind) })
	all := &snapshot{
		fetched: make([]ranked[*artifactRow], 0, len(s.artifacts.rows)),
		denied:  make([]ranked[*deniedRow], 0, len(s.denied.rows)),
		missing: make([]ranked[*missingRow], 0, len(s.missing.rows)),
		clients: make([]ranked[*clientRow], 0, len(s.numbered)),
	}
	for _, a := range s.artifacts.rows {
		all.fetched = append(all.fetched, ranked[*artifactRow]{a, 0, a.requests, a.id, a.whole > 0 || a.bytes >= a.size})
	}
	for _, d := range s.denied.rows {
		all.denied = append(all.denied, ranked[*deniedRow]{d, 0, d.requests, d.artifact, false})
	}
	for _, m := range s.missing.rows {
		all.missing = append(all.missing, ranked[*missingRow]{m, int64(m.clients.count()), m.requests, m.path, false})
	}
	for _, c := range s.numbered {
		all.clients = append(all.clients, ranked[*clientRow]{c, 0, c.requests, "", false})
	}
	return r, all
}

func (all *snapshot) sort() {
	sortRanked(all.fetched)
	sortRanked(all.denied)
	sortRanked(all.missing)
	slices.SortFunc(all.clients, func(a, b ranked[*clientRow]) int {
		return cmp.Or(cmp.Compare(b.requests, a.requests), a.row.address.Compare(b.row.address))
	})
}

func sortRanked[R any](rows []ranked[R]) {
	slices.SortFunc(rows, func(a, b ranked[R]) int {
		return cmp.Or(cmp.Compare(b.clients, a.clients), cmp.Compare(b.requests, a.requests), strings.Compare(a.name, b.name))
	})
}

// compare finds what nobody has fetched, and drops from what is missing what is carried.
func (r *Report) compare(carried iter.Seq[*artifact.Item], all *snapshot, limit int) {
	fetched := make(map[string]bool, len(all.fetched))
	for _, f := range all.fetched {
		fetched[f.name] = f.enough
	}
	missing := make(map[string]bool, len(all.missing)) // by path without its slash, as an ID has it
	named := make(map[carriedName]bool)                // what is missing by its name, and whether it still is
	lookedUp := make(map[string][]string)              // kinds that carry a name, which is in lower case: searches ignore case
	for _, m := range all.missing {
		if m.row.lookedUp {
			lookedUp[strings.ToLower(m.row.name)] = nil
		} else {
			missing[strings.TrimPrefix(m.name, "/")] = true
			if m.row.name != "" {
				named[nameOf(m.row)] = true
			}
		}
	}
	r.Never = &Never{Rows: []Unasked{}}
	keepFirst := func() {
		slices.SortFunc(r.Never.Rows, func(a, b Unasked) int {
			return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Artifact, b.Artifact))
		})
		r.Never.Rows = r.Never.Rows[:min(limit, len(r.Never.Rows))]
	}
	for a := range carried {
		id := a.ID()
		if missing[id] {
			missing[id] = false
		}
		if len(named) > 0 {
			for _, name := range []string{a.Name, a.Source + "/" + a.Name} { // see artifact.Identifier
				n := carriedName{cut(a.Kind, maxKind), cut(name, maxName), cut(a.Version, maxVersion), cut(a.Architecture(), maxArchitecture)}
				for _, architecture := range []string{n.architecture, ""} {
					if n.architecture = architecture; named[n] {
						named[n] = false
					}
				}
			}
		}
		if kinds, wanted := lookedUp[strings.ToLower(cut(a.Name, maxName))]; wanted && !slices.Contains(kinds, a.Kind) {
			lookedUp[strings.ToLower(cut(a.Name, maxName))] = append(kinds, a.Kind)
		}
		if !fetched[cut(id, maxArtifact)] {
			r.Never.Total++
			r.Never.Bytes += a.Size()
			r.Never.Rows = append(r.Never.Rows, Unasked{id, Named{a.Kind, a.Name, a.Version, a.Architecture()}, a.Size()})
			if len(r.Never.Rows)/8 > limit { // an image may carry very much
				keepFirst()
			}
		}
	}
	keepFirst()
	all.missing = slices.DeleteFunc(all.missing, func(m ranked[*missingRow]) bool {
		if m.row.lookedUp {
			kinds := lookedUp[strings.ToLower(m.row.name)]
			return len(kinds) > 0 && (m.row.kind == "" || slices.Contains(kinds, m.row.kind))
		}
		return !missing[strings.TrimPrefix(m.name, "/")] || m.row.name != "" && m.row.version != "" && !named[nameOf(m.row)]
	})
}

// A carriedName is what the trail knows of a missing item, and a catalog of one that it has. The architecture may be unknown.
type carriedName struct{ kind, name, version, architecture string }

func nameOf(m *missingRow) carriedName { return carriedName{m.kind, m.name, m.version, m.architecture} }

func fill[R, T any](t *Table[T], rows []ranked[R], unlisted int64, limit int, row func(R) T) {
	t.Total, t.Unlisted = len(rows), unlisted
	limit = min(limit, len(rows))
	t.Rows = make([]T, 0, limit)
	for _, r := range rows[:limit] {
		t.Rows = append(t.Rows, row(r.row))
	}
}

// count is the row's, with limit addresses.
func (s *Summary) count(t *tally, limit int) Count {
	c := Count{Requests: t.requests, First: moment(t.first), Last: moment(t.last), Clients: int(t.clients.count()), AtLeast: t.clients.more}
	c.Addresses = make([]netip.Addr, 0, c.Clients)
	t.clients.each(func(number int) { c.Addresses = append(c.Addresses, s.numbered[number].address) })
	slices.SortFunc(c.Addresses, netip.Addr.Compare)
	c.Addresses = slices.Clip(c.Addresses[:min(limit, len(c.Addresses))])
	return c
}

func moment(micro int64) time.Time { return time.UnixMicro(micro).UTC() }
