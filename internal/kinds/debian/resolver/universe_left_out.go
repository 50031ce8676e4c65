package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A leftOut is a stanza of an index that cannot be used. That is an error only when
// somebody needs it.
type leftOut struct {
	listing
	name, version, architecture string // where the stanza has them
	err                         error  // has the location
}

func (l *leftOut) String() string { return "left out: " + l.err.Error() }

// usable reports whether nodes can install an entry and apt can read its stanza. It notes
// those that fail.
func (u *Universe) usable(id EntryID) bool {
	if c := u.controls[id]; c != nil {
		return c.err == nil
	}
	if u.readControl(id, deb822.CheckClauses).err == nil { // not remembered: there may be tens of thousands
		return true
	}
	return u.Control(id).err == nil
}

// keepControl remembers what was read, and notes the entry when it cannot be used.
func (u *Universe) keepControl(id EntryID, c *Control) {
	u.controls[id] = c
	if e := &u.Entries[id]; c.err != nil && !e.installed {
		u.leftOut = append(u.leftOut, leftOut{e.listing, u.Names[e.Name], e.Version, u.Architectures[e.Arch], c.err})
	}
}

// LeftOut describes the stanzas that were found unusable, one line each; of very many, only
// the number. It does not mention those that the requests exclude.
func (u *Universe) LeftOut(exclude []Request) (lines []string) {
	const most = 10
	all := slices.Clone(u.leftOut)
	slices.SortStableFunc(all, func(a, b leftOut) int {
		if a.index != b.index {
			return int(a.index - b.index)
		}
		return a.start - b.start
	})
	more := 0
	for i := range all {
		switch {
		case slices.ContainsFunc(exclude, all[i].matchedBy):
		case len(lines) == most:
			more++
		default:
			lines = append(lines, all[i].String())
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("left out: %d more stanzas that cannot be used", more))
	}
	return lines
}

// matchedBy reports whether a request matches the package of the stanza.
func (l leftOut) matchedBy(r Request) bool {
	return r.Pattern != "" && l.name != "" && wildcard(r.Pattern, l.name) &&
		(r.architecture == "" || l.architecture == "all" || r.architecture == l.architecture) &&
		(r.op == deb822.AnyVersion || r.op == deb822.Exactly && r.version == l.version || deb822.ValidVersion(l.version) && r.admits(l.version))
}

// leftOutFor are the left-out stanzas that a request may match.
func (u *Universe) leftOutFor(r Request) []*leftOut {
	return u.leftOutWhere(func(l *leftOut) bool { return l.matchedBy(r) })
}

// leftOutOf are the left-out stanzas that have or provide a name.
func (u *Universe) leftOutOf(name string) []*leftOut {
	return u.leftOutWhere(func(l *leftOut) bool {
		provides := deb822.StanzaField(u.indexes[l.index].Text[l.start:l.end], "Provides")
		words := strings.FieldsFunc(provides, func(r rune) bool { return strings.ContainsRune(" \t\r\n,|(:", r) })
		return l.name == name || slices.Contains(words, name)
	})
}

func (u *Universe) leftOutWhere(match func(*leftOut) bool) (some []*leftOut) {
	const most = 3
	for i := range u.leftOut {
		if len(some) < most && match(&u.leftOut[i]) {
			some = append(some, &u.leftOut[i])
		}
	}
	return some
}

// leftOutTexts describes left-out stanzas, for an error.
func leftOutTexts(some []*leftOut) (texts []string) {
	for _, l := range some {
		texts = append(texts, l.String())
	}
	return texts
}
