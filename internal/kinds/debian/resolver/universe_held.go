package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// HeldBackNotes describe the packages that are carried though there is a higher version for security. security tells which origins are
// for such updates; pinned, which packages stay only because the lock has them.
func (u *Universe) HeldBackNotes(packages []*Package, security func([]deb822.Origin) bool, pinned func(*Package) bool) (notes []string) {
	byLock, names, otherwise := u.heldBack(packages, security, pinned)
	if len(byLock) > 0 {
		notes = append(notes, fmt.Sprintf("the lock holds back updates for security: %s; to take them: minimirror lock DEFINITION --update %s", some(byLock), strings.Join(names, " ")))
	}
	if len(otherwise) > 0 {
		notes = append(notes, fmt.Sprintf("updates for security are not taken, because the definition asks for other versions or another package needs them: %s", some(otherwise)))
	}
	return notes
}

// HeldBackOwnNotes describe the packages of which the definition's own files have a higher version, if only the lock keeps them. own tells
// which origins are such files.
func (u *Universe) HeldBackOwnNotes(packages []*Package, own func([]deb822.Origin) bool, pinned func(*Package) bool) (notes []string) {
	if byLock, names, _ := u.heldBack(packages, own, pinned); len(byLock) > 0 {
		notes = append(notes, fmt.Sprintf("the lock keeps the older version of your own packages: %s; to take the newer: minimirror lock DEFINITION --update %s", some(byLock), strings.Join(names, " ")))
	}
	return notes
}

// heldBack finds the packages of which some origins have a higher version, as "OLD → VERSION", sorted: those that stay only because the lock
// has them, with their names, and the others.
func (u *Universe) heldBack(packages []*Package, of func([]deb822.Origin) bool, pinned func(*Package) bool) (byLock, names, otherwise []string) {
	if !slices.ContainsFunc(u.indexes, func(x *deb822.PackagesIndex) bool { return of([]deb822.Origin{x.Origin}) }) {
		return nil, nil, nil
	}
	type key struct {
		name NameID
		arch string
	}
	carried, updates := make(map[key]*Package, len(packages)), make(map[key]EntryID)
	for _, p := range packages { // sorted: the highest version is the last
		carried[key{u.nameIDs[p.Name], p.Architecture}] = p
	}
	for i := range u.Entries {
		id, e := EntryID(i), &u.Entries[i]
		k := key{e.Name, u.Architectures[e.Arch]}
		p := carried[k]
		if p == nil || e.again || e.installed || e.waits || deb822.CompareVersions(p.Version, e.Version) >= 0 || !u.permitted(id) {
			continue
		}
		if best, found := updates[k]; found && deb822.CompareVersions(u.Entries[best].Version, e.Version) >= 0 {
			continue
		}
		if of(u.pkg(id).Origins) && u.usable(id) {
			updates[k] = id
		}
	}
	for k, id := range updates {
		p := carried[k]
		note := fmt.Sprintf("%s → %s", p, u.Entries[id].Version)
		if pinned(p) {
			byLock, names = append(byLock, note), append(names, p.Name)
		} else {
			otherwise = append(otherwise, note)
		}
	}
	slices.Sort(byLock)
	slices.Sort(otherwise)
	slices.Sort(names)
	return byLock, slices.Compact(names), otherwise
}

// some joins the first of many.
func some(notes []string) string {
	const most = 10
	if len(notes) > most {
		notes = append(notes[:most:most], fmt.Sprintf("%d more", len(notes)-most))
	}
	return Enumerate(notes, "and")
}
