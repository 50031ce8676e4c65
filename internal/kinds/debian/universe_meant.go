package debian

// meant are the entries that a request may mean, on any node.
func (u *Universe) meant(r Request) (all []entryID) {
	names := []nameID{}
	if r.many() {
		names = u.sortedNames()
	} else if name, known := u.names[r.pattern]; known {
		names = append(names, name)
		if providers := u.providers.of(name); len(u.byName.of(name)) == 0 && len(u.providerNames(name)) == 1 {
			names = []nameID{u.entries[providers[0].by].name}
		}
	}
	for _, name := range names {
		for _, id := range u.byName.of(name) {
			e := &u.entries[id]
			if (r.pattern == "" || !r.many() || wildcard(r.pattern, u.texts[name])) && u.selects(r, id) && r.admits(e.version) &&
				(r.architecture == "" || u.isFor(id, r.architecture)) {
				all = append(all, id)
			}
		}
	}
	return all
}

// isFor reports whether an entry is of an architecture, or of all and carried for its nodes.
func (u *Universe) isFor(id entryID, architecture string) bool {
	e := &u.entries[id]
	for node, arch := range u.nodes {
		if e.arch == archAll && u.architectures[arch] == architecture && e.nodes>>node&1 == 1 {
			return true
		}
	}
	return u.architectures[e.arch] == architecture
}
