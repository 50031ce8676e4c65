package artifact

import (
	"context"
	"io"
)

// A Comparer compares items of two images.
type Comparer interface {
	// CompareVersions is below zero if version a is lower than b, above zero if it is higher, and zero if they are equal. ok is false
	// if the two have no order.
	CompareVersions(a, b string) (order int, ok bool)
	// Replaces reports whether a client that has item a may get b instead. Both have the same name.
	Replaces(a, b *Item) bool
}

// A Changelogger reads what upstream says about changes, from the files of items.
type Changelogger interface {
	Originator
	// Changelog reads the entries of item b that describe changes since item a. Both were made from what has the same name. It needs Metadata.
	// open opens a file of b, whose content is verified. A nil Changelog says that the files have none.
	Changelog(ctx context.Context, a, b *Item, open func(f *File) (io.ReadCloser, error)) (*Changelog, error)
}

// A Changelog is what upstream says about changes.
type Changelog struct {
	Entries []ChangelogEntry // the newest first
	// Complete means that the entries go back to the first of the two items. Otherwise upstream has cut older ones off.
	Complete bool
}

// A ChangelogEntry is about one version.
type ChangelogEntry struct {
	Version string `json:"version"` // of the origin
	Title   string `json:"title"`   // the line with the version, as upstream writes it
	Text    string `json:"text"`    // what follows, without the last line
	Footer  string `json:"footer"`  // who wrote it, and when
}
