package artifact

// An Originator knows where items come from: who made them, and what they were made from.
type Originator interface {
	// Origin needs Metadata. Items that were made from the same have one history: see Changelogger.
	Origin(i *Item) Origin
}

// An Origin says where an item comes from. Each field may be empty: not known.
type Origin struct {
	Supplier string // who made it: "NAME <ADDRESS>", or a name
	Homepage string // address of the project
	// MadeFrom is what upstream made the item from, such as a source package, with the Kind, Source, Name, Version and Attributes that it would
	// have as an item. Nil also for an item that others are made from.
	MadeFrom *Item
	Releases []string // names of those of Source.Releases that list the item
}

// Of is the name and version of what item i, whose origin it is, was made from; an item made from nothing that is known is its own origin.
func (o *Origin) Of(i *Item) (name, version string) {
	if o.MadeFrom == nil {
		return i.Name, i.Version
	}
	return o.MadeFrom.Name, o.MadeFrom.Version
}
