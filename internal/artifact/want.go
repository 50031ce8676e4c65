package artifact

// A Wanter proposes lines for a definition, so that the next image carries what clients asked for.
type Wanter interface {
	// Want answers each of asked, which are of the kind, once: with a line of Lines, or in Unknown. spec is the kind's part of the definition; nil:
	// it has none. Want does not use the network: whether upstream has what the lines name shows when they are resolved.
	Want(spec Spec, asked []Asked) Wanted
}

// Asked is an item that clients asked for and a mirror lacks, as far as the requests tell it.
type Asked struct {
	Name         string `json:"name,omitempty"` // as Identifier has it
	Version      string `json:"version,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Path         string `json:"path,omitempty"` // of a request
	// LookedUp means that clients searched for the name: there may be no item that is called so.
	LookedUp bool  `json:"looked_up,omitempty"`
	Requests int64 `json:"requests"`
	Clients  int   `json:"clients"`
}

// String names what was asked for to a person.
func (a *Asked) String() string {
	if a.Name == "" {
		return a.Path
	}
	return Title(a.Name, a.Version, a.Architecture)
}

// Wanted is what a definition needs.
type Wanted struct {
	Lines   []WantedLine
	Unknown []WantedUnknown
}

// A WantedLine is an entry of a list in a definition.
type WantedLine struct {
	// Under leads to the list: keys of mappings, the kind's first, and between them entries of lists, which begin with "- ": "images",
	// "- name: registry.example.org", "take".
	Under []string
	Entry string // YAML on one line, without "- "
	// Note is what to check before the line is used, a sentence; empty: nothing.
	Note  string
	Asked []int // indexes of what the line answers
}

// A WantedUnknown is what was asked for and no line can be proposed for.
type WantedUnknown struct {
	Asked int    // its index
	Why   string // for a person
}
