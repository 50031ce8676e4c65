package artifact

// A Splitter knows for which machines its items are, so that the image for a platform can leave out items that only other machines need. The
// items of a kind without this ability are for all machines.
type Splitter interface {
	// GoArchitecture is what Go calls an architecture of the kind's items and sets: GOARCH. It is empty if the architecture stands
	// for all machines.
	GoArchitecture(name string) string
	// InstallsForeign reports whether machines of one architecture install items for another, if a set for them has such items.
	InstallsForeign() bool
	// SplitSource is the source without what only machines of other architectures than this one, in Go's words, need. ok is false if the
	// source is for other machines only; part is then the source as it is.
	SplitSource(s Source, architecture string) (part Source, ok bool)
}
