package resolver

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Archives with phased updates offer a new version to some machines first:
// Phased-Update-Percentage, apt_preferences(5). An image is the same for every machine and
// does not change, so it gets such a version when upstream has finished; until then, other
// versions are preferred. As in apt, a version does not wait if there is no other,
// if a request or another package needs it, or if it was taken before.

// phasedPriority is the highest priority of a version that is still being phased in: apt's own number, with
// APT::Get::Phase-Policy.
const phasedPriority = 1

// phasedPercentage reads the field. Like apt, it returns 100 for anything but a number up to 100.
func phasedPercentage(field string) uint8 {
	if percent, err := strconv.ParseUint(field, 10, 8); err == nil && percent < 100 {
		return uint8(percent)
	}
	return 100
}

// KeepLocked names the files of the previous lock, by the digest that upstream signs: they
// stay, even if upstream is still phasing them in.
func (u *Universe) KeepLocked(digests map[string]bool) { u.locked, u.indexed = digests, false }

// waits reports whether one of its listings says that an entry should not be preferred yet.
func (u *Universe) waits(e *Entry, l listing) bool {
	return l.phased < 100 && !u.indexes[l.index].Origin.TakePhased && !u.locked[e.Digest]
}

// waitsOn reports whether an entry waits while a node has another version.
func (u *Universe) waitsOn(node int, id EntryID) bool {
	return u.Entries[id].waits && slices.ContainsFunc(u.ByName.Of(u.Entries[id].Name), func(other EntryID) bool {
		return !u.Entries[other].waits && u.Visible(other, node)
	})
}

// PhasedNotes describe the versions that wait, and those that packages has nevertheless.
func (u *Universe) PhasedNotes(packages []*Package) (notes []string) {
	var waits []EntryID
	for id := range u.Entries {
		if e := &u.Entries[id]; !e.again && e.waits && u.permitted(EntryID(id)) {
			waits = append(waits, EntryID(id))
		}
	}
	if waits == nil {
		return nil
	}
	carried := make(map[*Package]bool, len(packages))
	versions := make(map[NameID]string) // the highest that are carried
	for _, p := range packages {
		carried[p] = true
		versions[u.nameIDs[p.Name]] = p.Version // they are sorted
	}
	var waiting, taken []string
	for _, id := range waits {
		e, p := &u.Entries[id], u.pkg(id)
		version, present := versions[e.Name]
		switch {
		case carried[p]:
			taken = append(taken, fmt.Sprintf("%s (%d %%)", p, e.phased))
		case present && deb822.CompareVersions(version, e.Version) < 0:
			waiting = append(waiting, fmt.Sprintf("%s (%d %%; %s stays)", p, e.phased, version))
		}
	}
	slices.Sort(waiting)
	slices.Sort(taken)
	if len(waiting) > 0 {
		notes = append(notes, fmt.Sprintf("upstream is still phasing in these updates, so they are not taken yet: %s; \"phased: take\" takes them at once", Enumerate(waiting, "and")))
	}
	if len(taken) > 0 {
		notes = append(notes, fmt.Sprintf("taken although upstream is still phasing them in, because no other version would do: %s", Enumerate(taken, "and")))
	}
	return notes
}
