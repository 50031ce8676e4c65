package resolver

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A match is what a wish finds among the packages of a node: names, sorted, and
// for each the entries that the wish allows, the highest version first.
type match []found

type found struct {
	name    NameID
	entries []EntryID
}

// matchAll matches every wish on every node: matches[node][wish]. A wish that finds
// nothing is an error. So is one for a single package that some node has, but in
// no version that the wish allows.
func (u *Universe) matchAll(wishes []wish) (matches [][]match, err error) {
	matches = make([][]match, len(u.Nodes))
	var problems []error
	told := make(map[string]bool) // locations of requests that have a problem: a set's requests come twice
	var names []NameID
	if slices.ContainsFunc(wishes, wish.MatchesMany) {
		names = u.sortedNames()
	}
	for _, w := range wishes {
		fits, misfits := 0, 0
		for index, arch := range u.Nodes {
			var m match
			if w.architecture == "" || w.architecture == u.Architectures[arch] {
				m = u.match(index, w.Request, names)
			}
			all := len(m)
			m = slices.DeleteFunc(m, func(f found) bool { return len(f.entries) == 0 })
			fits, misfits = fits+len(m), misfits+all-len(m)
			matches[index] = append(matches[index], m)
		}
		if place := w.Where + " " + w.text; w.installed == nil && (fits == 0 || misfits > 0 && !w.MatchesMany()) && !(told[place] && w.set == "") {
			problems = append(problems, u.explainMissing(w))
			told[place] = true
		}
	}
	return matches, errors.Join(problems...)
}

// sortedNames returns the names of real packages, sorted.
func (u *Universe) sortedNames() (names []NameID) {
	for name := range u.Names {
		if len(u.ByName.Of(NameID(name))) > 0 {
			names = append(names, NameID(name))
		}
	}
	slices.SortFunc(names, func(a, b NameID) int { return strings.Compare(u.Names[a], u.Names[b]) })
	return names
}

// match returns what a request finds on a node. A package of another version
// than the request allows is there without entries.
func (u *Universe) match(index int, r Request, names []NameID) (m match) {
	if !r.MatchesMany() {
		name, known := u.nameIDs[r.Pattern]
		if !known {
			return nil
		}
		if here := u.VersionsOn(index, name); len(here) > 0 {
			return match{{name, u.allowed(here, r)}}
		}
		if r.installed != nil {
			return nil
		}
		return u.matchVirtual(index, name, r)
	}
	matches := matcher(r.Pattern)
	for _, name := range names {
		if r.Pattern != "" && !matches(u.Names[name]) {
			continue
		}
		here := u.VersionsOn(index, name)
		if len(here) == 0 {
			continue
		}
		if u.selects(r, here[0]) {
			m = append(m, found{name, u.allowed(here, r)})
		}
	}
	return m
}

// selects reports whether an entry is one that the request's selector means.
func (u *Universe) selects(r Request, id EntryID) bool {
	switch r.selector {
	case "essential":
		return u.Entries[id].essential
	case "protected":
		return u.protected(id)
	case "priority":
		return priorities[u.Entries[id].priority] == r.argument
	case "section":
		section := deb822.StanzaField(u.text(id), "Section")
		matches := matcher(r.argument)
		return matches(section) || matches(path.Base(section))
	case "task":
		return slices.ContainsFunc(strings.Split(deb822.StanzaField(u.text(id), "Task"), ","), func(task string) bool {
			return wildcard(r.argument, strings.TrimSpace(task))
		})
	}
	return true
}

func (u *Universe) protected(id EntryID) bool {
	return deb822.StanzaField(u.text(id), "Protected") == "yes" || deb822.StanzaField(u.text(id), "Important") == "yes"
}

// VersionsOn returns the native entries of a name on a node.
func (u *Universe) VersionsOn(index int, name NameID) (here []EntryID) {
	for _, id := range u.ByName.Of(name) {
		if u.Visible(id, index) {
			here = append(here, id)
		}
	}
	return here
}

func (u *Universe) allowed(entries []EntryID, r Request) (allowed []EntryID) {
	for _, id := range entries {
		if r.admits(u.Entries[id].Version) && u.isIn(id, r.suite) && u.usable(id) {
			allowed = append(allowed, id)
		}
	}
	return allowed
}

// isIn reports whether a suite, by one of its names, lists an entry.
func (u *Universe) isIn(id EntryID, suite string) bool {
	if suite == "" {
		return true
	}
	e := &u.Entries[id]
	return slices.ContainsFunc(append([]listing{e.listing}, e.others...), func(l listing) bool {
		o := &u.indexes[l.index].Origin
		return o.Suite == suite || o.Alias == suite
	})
}

// exclude takes out what the requests name, for good. It returns those that
// name nothing.
func (u *Universe) exclude(requests []Request) (idle []Request) {
	u.excluded = make(map[EntryID]Request)
	excluded := make(map[EntryID]Request)
	names := u.sortedNames()
	for _, r := range requests {
		found := false
		for index, arch := range u.Nodes {
			name, known := u.nameIDs[r.Pattern]
			if r.architecture != "" && r.architecture != u.Architectures[arch] || !r.MatchesMany() && (!known || len(u.VersionsOn(index, name)) == 0) {
				continue // also what is only virtual: it names no package
			}
			for _, f := range u.match(index, r, names) {
				for _, id := range f.entries {
					excluded[id], found = r, true
				}
			}
		}
		if !found && len(u.leftOutFor(r)) == 0 {
			idle = append(idle, r)
		}
	}
	u.excluded = excluded
	return idle
}

// matchVirtual takes a virtual package for the only package that provides it, as
// apt does.
func (u *Universe) matchVirtual(index int, virtual NameID, r Request) match {
	var names []NameID
	var entries []EntryID
	for _, p := range u.providers.Of(virtual) {
		if r.op != deb822.AnyVersion || !u.Visible(p.by, index) || p.qualifier != "" || !u.usable(p.by) {
			continue
		}
		if name := u.Entries[p.by].Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
		entries = append(entries, p.by)
	}
	if len(names) != 1 {
		return nil
	}
	slices.SortFunc(entries, u.compareChoices)
	return match{{names[0], slices.Compact(entries)}}
}
