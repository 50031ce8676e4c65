package resolver

// meant are the entries that a request may mean, on any node.
func (u *Universe) meant(r Request) (all []EntryID) {
	names := []NameID{}
	if r.MatchesMany() {
		names = u.sortedNames()
	} else if name, known := u.nameIDs[r.Pattern]; known {
		names = append(names, name)
		if providers := u.providers.Of(name); len(u.ByName.Of(name)) == 0 && len(u.providerNames(name)) == 1 {
			names = []NameID{u.Entries[providers[0].by].Name}
		}
	}
	matches := matcher(r.Pattern)
	for _, name := range names {
		for _, id := range u.ByName.Of(name) {
			e := &u.Entries[id]
			if (r.Pattern == "" || !r.MatchesMany() || matches(u.Names[name])) && u.selects(r, id) && r.admits(e.Version) &&
				(r.architecture == "" || u.isFor(id, r.architecture)) {
				all = append(all, id)
			}
		}
	}
	return all
}

// isFor reports whether an entry is of an architecture, or of all and carried for its nodes.
func (u *Universe) isFor(id EntryID, architecture string) bool {
	e := &u.Entries[id]
	for node, arch := range u.Nodes {
		if e.Arch == ArchAll && u.Architectures[arch] == architecture && e.nodes>>node&1 == 1 {
			return true
		}
	}
	return u.Architectures[e.Arch] == architecture
}
