package artifact

import (
	"context"
	"io"
	"time"
)

// A Ruler defines the properties of a kind that rules can match.
type Ruler interface {
	// Properties are the keys on which a rule may match items of this kind, beside
	// those that all kinds have: package (the name), version and architecture.
	Properties() []string
	// PropertiesOf are the values of an item, in the order of Properties; it may have several of
	// one. It needs Metadata.
	PropertiesOf(i *Item) [][]string
}

// A Versioner knows the order of versions.
type Versioner interface {
	// ParseVersions reads a condition on versions, in the kind's own syntax, and returns
	// what tells of a version whether it holds.
	ParseVersions(condition string) (func(version string) bool, error)
}

// A Filterer makes the metadata of a mirror without items that are denied.
type Filterer interface {
	// Filter returns only files that replace those of the same path, or are new.
	Filter(ctx context.Context, req FilterRequest) ([]Generated, error)
}

// A BreakageFinder finds what cannot be installed without certain items.
type BreakageFinder interface {
	// Broken tells what of an image cannot be installed any more when items are absent,
	// though it could be before. It needs Metadata.
	Broken(ctx context.Context, pins Pins, sets []Set, absent func(id string) bool) ([]Breakage, error)
}

// A FilterRequest is what Filter goes by.
type FilterRequest struct {
	Sources []Source
	Date    time.Time // what is made carries it
	Signer  Signer
	// Open opens a file of the image by its path.
	Open func(path string) (io.ReadCloser, error)
	// Absent tells whether the item of an ID must not be named. It may be called by many goroutines.
	Absent func(id string) bool
	// Before is what Filter returned for the same image, with others absent; nil: nothing. It saves work and memory: Chunks of
	// what is the same are shared. The answer is the same without it.
	Before []Generated
}

// A Breakage is something that cannot be installed.
type Breakage struct {
	Set          string `json:"set,omitempty"` // empty: an item by itself
	Artifact     string `json:"artifact"`      // the ID of what was requested, by the set or else by the definition
	Architecture string `json:"architecture"`  // of the node
	Reason       string `json:"reason"`        // for a person
}

// A Describer describes items to people.
type Describer interface {
	// Describe needs Metadata.
	Describe(i *Item) Description
}

// An Identifier knows the addresses of items that are not carried.
type Identifier interface {
	// Identify guesses from the path of a request, "/SOURCE/…", and its query, as it was sent, which item it is for: its
	// Name, and where they can be told Version and Architecture. Nil: none. If the same name may mean different items in different sources,
	// Name is "SOURCE/NAME".
	Identify(path, query string) *Item
}

// A Description is what people want to know of an item.
type Description struct {
	Summary string             `json:"summary"` // a line
	Text    string             `json:"text"`    // plain text; an empty line between paragraphs
	Fields  []DescriptionField `json:"fields"`  // in the order to show
}

// A DescriptionField is one line of it: "Depends: libc6 (>= 2.36), libcrypt1".
type DescriptionField struct {
	Name  string            `json:"name"`
	Value []DescriptionPart `json:"value"` // one behind the other, without anything between
}

// A DescriptionPart is a piece of text, which may name other items.
type DescriptionPart struct {
	Text string `json:"text"`
	// Name is the name of items or an alias of the same kind that Text stands for. Empty: none.
	Name string `json:"name,omitempty"`
}
