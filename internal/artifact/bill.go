package artifact

import "io"

// A Licenser reads the licences of items from their files.
type Licenser interface {
	// StatesLicences reports whether a file of an item may state the item's licences.
	StatesLicences(i *Item, f *File) bool
	// ReadLicences reads the licences that a file states. The result depends only on the file's content. If the file states
	// none that a program can read, the result is the zero value. An error says why the file cannot be read.
	ReadLicences(content io.Reader) (Licences, error)
}

// Licences are those that a file states for its item.
type Licences struct {
	// Expression joins them: SPDX 2.3, annex D. Empty: none are stated in a way that a program can read.
	Expression string `json:"expression,omitempty"`
	// Refs are the licences in Expression that the SPDX License List does not have, sorted by ID.
	Refs []LicenceRef `json:"refs,omitempty"`
	// SameAs is the name of another item, built from the same source, that states them; then everything else is empty.
	SameAs string `json:"same_as,omitempty"`
}

// A LicenceRef is a licence that the SPDX License List does not have.
type LicenceRef struct {
	ID   string `json:"id"`   // "LicenseRef-…", which Name and Text determine
	Name string `json:"name"` // as the file calls it
	Text string `json:"text"` // empty: the file does not have it
}
