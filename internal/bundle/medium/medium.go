// Package medium stores the files of a bundle: a folder (folder.go), one file or a stream (archive.go), a prefix of S3 (package medium/s3). It knows names
// and sizes, not what is in the files.
package medium

import (
	"context"
	"io"
)

// A File is a file that a medium has.
type File struct {
	Name string // slash-separated, without "..": "part-0001.age", or "blobs/sha256/…" in a bundle of separate files
	Size int64  // bytes
}

// A Medium is where a bundle's files are: one stick, disc, folder or prefix. A method may be called while a Writer is open.
type Medium interface {
	// List returns the complete files, sorted by name. Files of other programs may be among them. A medium that does not exist yet has none.
	List(ctx context.Context) ([]File, error)
	// Open reads a file from an offset to its end: fs.ErrNotExist if there is none.
	Open(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
	// Create begins a file that appears, in place of one with this name, when it is committed. size is its size, or -1: not known before.
	Create(ctx context.Context, name string, size int64) (Writer, error)
	// Remove removes a file; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// Free is how many bytes there is room for; -1: nobody knows.
	Free(ctx context.Context) (int64, error)
	// String names the medium for errors, as the user wrote it.
	String() string
	Close() error
}

// A Writer writes a file of a medium. Commit or Abort must be called, Abort may be called after Commit.
type Writer interface {
	io.Writer
	// Commit makes the file appear, when its bytes are on the medium: a stick may be pulled afterwards.
	Commit(ctx context.Context) error
	// Abort removes what was written.
	Abort()
}
