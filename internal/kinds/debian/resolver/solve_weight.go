package resolver

import "github.com/minimirror/minimirror/internal/kinds/debian/deb822"

// weight estimates what an entry brings along: the bytes of it and of all that
// it needs, when every need is met by the first alternative that exists under
// its own name. It is the same whatever else is chosen.
func (n *Node) weight(id EntryID) int64 {
	if w, known := n.weights[id]; known {
		return w
	}
	all := []EntryID{id}
	seen := map[EntryID]bool{id: true}
	var sum int64
	for i := 0; i < len(all); i++ {
		if n.base[all[i]] {
			continue
		}
		sum += n.U.size(all[i])
		for _, c := range n.U.Control(all[i]).Depends {
			if next, ok := n.plain(all[i], c, seen); ok && !seen[next] {
				seen[next] = true
				all = append(all, next)
			}
		}
	}
	n.weights[id] = sum
	return sum
}

// plain returns the alternative that weight takes: one that it has anyway, else
// the first.
func (n *Node) plain(owner EntryID, c deb822.Clause, seen map[EntryID]bool) (first EntryID, found bool) {
	for _, r := range c {
		name, known := n.U.nameIDs[r.Name]
		if !known {
			continue
		}
		for _, id := range n.U.ByName.Of(name) {
			if !n.reaches(owner, r.Qualifier, id) || !r.Op.Holds(n.U.Entries[id].Version, r.Version) {
				continue
			}
			if seen[id] {
				return id, true
			}
			if !found {
				first, found = id, true
			}
			break
		}
	}
	return first, found
}
