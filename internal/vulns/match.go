package vulns

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A subject is what advisories speak of, with the items that are it.
type subject struct {
	artifact.AdvisedSubject
	compare func(a, b string) int
	items   []Affects
	system  string // of the items' source; nodes get nothing from another
}

type subjectName struct{ ecosystem, name string }

// A matcher compares advisories with subjects.
type matcher struct {
	subjects map[subjectName][]*subject
	carried  map[subjectName][]*subject // of the image
	found    map[findingKey]*Finding
	order    []findingKey
	spoken   map[string]bool // "ECOSYSTEM RELEASE" of which some statement speaks
}

type findingKey struct {
	subject *subject
	id      string
}

func newMatcher() *matcher {
	return &matcher{subjects: make(map[subjectName][]*subject), carried: make(map[subjectName][]*subject), found: make(map[findingKey]*Finding), spoken: make(map[string]bool)}
}

// add adds an item to the subject that it is, in one of the maps.
func add(to map[subjectName][]*subject, s artifact.AdvisedSubject, system string, compare func(a, b string) int, item Affects) {
	key := subjectName{s.Ecosystem, s.Name}
	for _, other := range to[key] {
		if other.Version == s.Version && other.system == system && slices.Equal(other.Releases, s.Releases) {
			other.merge(item)
			return
		}
	}
	to[key] = append(to[key], &subject{s, compare, []Affects{item}, system})
}

// merge adds an item; one that several nodes have is one item.
func (s *subject) merge(item Affects) {
	for i := range s.items {
		if o := &s.items[i]; o.Name == item.Name && o.Version == item.Version && o.Architecture == item.Architecture && o.ID == item.ID {
			o.Nodes = append(o.Nodes, item.Nodes...)
			return
		}
	}
	s.items = append(s.items, item)
}

// want reports whether something is called so.
func (m *matcher) want(ecosystem, name string) bool {
	return m.subjects[subjectName{ecosystem, name}] != nil
}

// take compares an advisory with the subjects that it is about.
func (m *matcher) take(source string, a *artifact.Advisory) {
	for _, s := range m.subjects[subjectName{a.Ecosystem, a.Name}] {
		var said *artifact.AdvisoryStatement // the worst that is said
		var status, fixed string
		for i := range a.Statements {
			st := &a.Statements[i]
			if st.Release != "" && !slices.Contains(s.Releases, st.Release) {
				continue
			}
			m.spoken[s.Ecosystem+" "+s.release()] = true
			if one, by := s.apply(st); said == nil || slices.Index(statuses, one) < slices.Index(statuses, status) {
				said, status, fixed = st, one, by
			}
		}
		if said != nil {
			m.judge(source, a, s, said, status, fixed)
		}
	}
}

// release is the first name of the subject's release, or empty.
func (s *subject) release() string {
	if len(s.Releases) == 0 {
		return ""
	}
	return s.Releases[0]
}

// judge records what a statement says of a subject. What a source says first counts, but another may know the urgency.
func (m *matcher) judge(source string, a *artifact.Advisory, s *subject, st *artifact.AdvisoryStatement, status, fixed string) {
	later := fixedLater(a, s)
	if status == Affected && later != "" && s.compare(s.Version, later) >= 0 {
		status, fixed = Fixed, later
	}
	key := findingKey{s, a.ID}
	urgency := cmp.Or(st.Urgency, artifact.UrgencyUnknown)
	f := m.found[key]
	if f == nil {
		f = &Finding{ID: a.ID, Aliases: a.Aliases, Status: status, Urgency: urgency, Ecosystem: s.Ecosystem, Release: s.release(), Name: s.Name, Version: s.Version, Items: s.items,
			Fixed: fixed, Summary: a.Summary, Source: source}
		if status == Affected {
			f.Deferred, f.Note = st.Deferred, st.Note
			f.Carried = fixed != "" && m.carries(s, fixed)
		}
		m.found[key] = f
		m.order = append(m.order, key)
		return
	}
	if f.Urgency == artifact.UrgencyUnknown {
		f.Urgency = urgency
	}
	f.Summary = cmp.Or(f.Summary, a.Summary)
}

// apply applies a statement to the subject's version.
func (s *subject) apply(st *artifact.AdvisoryStatement) (status, fixed string) {
	switch st.Status {
	case artifact.AdvisoryOpen:
		return Affected, ""
	case artifact.AdvisoryNotAffected:
		return NotAffected, ""
	case artifact.AdvisoryFixed:
		if s.compare(s.Version, st.Fixed) < 0 {
			return Affected, st.Fixed
		}
		return Fixed, st.Fixed
	case artifact.AdvisoryRanges:
		return s.inRanges(st)
	}
	return Undetermined, ""
}

func (s *subject) inRanges(st *artifact.AdvisoryStatement) (status, fixed string) {
	if slices.Contains(st.Versions, s.Version) && len(st.Ranges) == 0 {
		return Affected, ""
	}
	past := false
	for _, r := range st.Ranges {
		if r.Introduced != "0" && s.compare(s.Version, r.Introduced) < 0 {
			continue
		}
		switch {
		case r.Fixed != "" && s.compare(s.Version, r.Fixed) >= 0, r.Last != "" && s.compare(s.Version, r.Last) > 0:
			past, fixed = true, r.Fixed
		default:
			return Affected, r.Fixed
		}
	}
	switch {
	case slices.Contains(st.Versions, s.Version):
		return Affected, ""
	case past:
		return Fixed, fixed
	}
	return NotAffected, ""
}

// fixedLater is the version that mends it in the release that others are made from: a version from there on is mended, wherever it is.
func fixedLater(a *artifact.Advisory, s *subject) string {
	for i := range a.Statements {
		if st := &a.Statements[i]; st.Later && st.Status == artifact.AdvisoryFixed && !slices.Contains(s.Releases, st.Release) {
			return st.Fixed
		}
	}
	return ""
}

// carries reports whether the image has a version from fixed on, for the same nodes.
func (m *matcher) carries(s *subject, fixed string) bool {
	return slices.ContainsFunc(m.carried[subjectName{s.Ecosystem, s.Name}], func(c *subject) bool {
		return c.compare(c.Version, fixed) >= 0 && (c.system == s.system || c.system == "" || s.system == "")
	})
}

// silent are the releases of subjects of which no statement speaks, sorted.
func (m *matcher) silent() (all []string) {
	for _, list := range m.subjects {
		for _, s := range list {
			if key := s.Ecosystem + " " + s.release(); !m.spoken[key] && !slices.Contains(all, strings.TrimSpace(key)) {
				all = append(all, strings.TrimSpace(key))
			}
		}
	}
	slices.Sort(all)
	return all
}
