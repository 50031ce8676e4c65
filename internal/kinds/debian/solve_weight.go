package debian

// weight estimates what an entry brings along: the bytes of it and of all that
// it needs, when every need is met by the first alternative that exists under
// its own name. It is the same whatever else is chosen.
func (n *node) weight(id entryID) int64 {
	if w, known := n.weights[id]; known {
		return w
	}
	all := []entryID{id}
	seen := map[entryID]bool{id: true}
	var sum int64
	for i := 0; i < len(all); i++ {
		if n.base[all[i]] {
			continue
		}
		sum += n.u.size(all[i])
		for _, c := range n.u.control(all[i]).depends {
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
func (n *node) plain(owner entryID, c clause, seen map[entryID]bool) (first entryID, found bool) {
	for _, r := range c {
		name, known := n.u.names[r.name]
		if !known {
			continue
		}
		for _, id := range n.u.byName.of(name) {
			if !n.reaches(owner, r.qualifier, id) || !r.op.holds(n.u.entries[id].version, r.version) {
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
