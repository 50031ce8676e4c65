package artifact

import "io"

// A FileChecker knows how the files of an item must fit together, beyond what their digests say.
type FileChecker interface {
	// ChecksFiles reports whether CheckFiles has anything to do for the item.
	ChecksFiles(i *Item) bool
	// CheckFiles checks the files of an item, each of which is what the lock says. The result depends only on the item's name, its version and the
	// content of its files. It needs no Metadata. The error is ErrVerify if they do not fit.
	CheckFiles(i *Item, open func(f *File) (ReadSeekerAt, error)) error
}

// A ReadSeekerAt is an open file.
type ReadSeekerAt interface {
	io.ReadSeekCloser
	io.ReaderAt
}
