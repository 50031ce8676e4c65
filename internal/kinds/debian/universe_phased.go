package debian

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Archives that phase updates in give a new version to a part of all machines first:
// Phased-Update-Percentage, apt_preferences(5). An image is the same for every machine and
// stands still, so a version comes into it when upstream has finished; until then, what
// there is besides is preferred. As with apt, nothing is held back that has no other version,
// that a request or another package needs in this one, or that has been taken before.

// phasedUse says what becomes of such versions.
type phasedUse string

const (
	phasedWait phasedUse = "wait"
	phasedTake phasedUse = "take" // at once
)

// parsePhased reads "wait" or "take", or nothing.
func parsePhased(section artifact.Section) (use phasedUse, err error) {
	if section == nil {
		return "", nil
	}
	if err = section.Decode(&use); err == nil && use != phasedWait && use != phasedTake {
		err = section.Errorf("phased: %q: write wait or take", use)
	}
	return use, err
}

// phasedPriority is the most that versions in their phase can have: apt's own number, with
// APT::Get::Phase-Policy.
const phasedPriority = 1

// phasedPercentage reads the field. apt takes for 100 what is no number up to that.
func phasedPercentage(field string) uint8 {
	if percent, err := strconv.ParseUint(field, 10, 8); err == nil && percent < 100 {
		return uint8(percent)
	}
	return 100
}

// KeepLocked names the files that the lock before has, by the digest that upstream signs: they
// stay, though upstream may be phasing them in.
func (u *Universe) KeepLocked(digests map[string]bool) { u.locked, u.settled = digests, false }

// waits reports whether an entry is not to be preferred for what one of its listings says.
func (u *Universe) waits(e *entry, l listing) bool {
	return l.phased < 100 && !u.indexes[l.index].origin.TakePhased && !u.locked[e.digest]
}

// waitsOn reports whether an entry waits, and a node has another version meanwhile.
func (u *Universe) waitsOn(node int, id entryID) bool {
	return u.entries[id].waits && slices.ContainsFunc(u.byName.of(u.entries[id].name), func(other entryID) bool {
		return !u.entries[other].waits && u.visible(other, node)
	})
}

// PhasedNotes tell of versions that wait, and of those that are among packages nevertheless.
func (u *Universe) PhasedNotes(packages []*Package) (notes []string) {
	carried := make(map[*Package]bool, len(packages))
	versions := make(map[nameID]string) // the highest that are carried
	for _, p := range packages {
		carried[p] = true
		versions[u.names[p.Name]] = p.Version // they are sorted
	}
	var waiting, taken []string
	for id := range u.entries {
		e := &u.entries[id]
		if e.again || !e.waits || !u.permitted(entryID(id)) {
			continue
		}
		p := u.pkg(entryID(id))
		version, present := versions[e.name]
		switch {
		case carried[p]:
			taken = append(taken, fmt.Sprintf("%s (%d %%)", p, e.phased))
		case present && compareVersions(version, e.version) < 0:
			waiting = append(waiting, fmt.Sprintf("%s (%d %%; %s stays)", p, e.phased, version))
		}
	}
	slices.Sort(waiting)
	slices.Sort(taken)
	if len(waiting) > 0 {
		notes = append(notes, fmt.Sprintf("upstream is still phasing in, not taken yet: %s; with \"phased: take\" the source gives such updates at once", list(waiting, "and")))
	}
	if len(taken) > 0 {
		notes = append(notes, fmt.Sprintf("taken although upstream is still phasing it in, for want of another version that would do: %s", list(taken, "and")))
	}
	return notes
}
