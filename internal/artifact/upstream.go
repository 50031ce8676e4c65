package artifact

import (
	"context"
	"io"
)

// Upstream gives access to files of other machines.
type Upstream interface {
	// Get returns the body of the first of urls that answers, and which one did.
	// The answer is not verified and not kept. If no URL has the file, the error
	// is fs.ErrNotExist; any other failure is a different error.
	Get(ctx context.Context, urls []string, limit int64) (body []byte, from string, err error)

	// Index returns decoded content: from the cache, else from the first of files that
	// delivers it. Each fetched file is verified before it is decoded, and what comes
	// out is verified again if want identifies it; extra bytes after
	// it are ignored. The file itself is in the cache afterwards.
	Index(ctx context.Context, want Content, files []RemoteFile) (Index, error)

	// File fetches a file into the cache, unless it is there already, from the first of urls that
	// delivers the bytes that want identifies. It returns the file's size and SHA-256.
	File(ctx context.Context, urls []string, want Content) (Content, error)
}

// An Index is decoded content.
type Index struct {
	Data []byte
	File int // index of the file that it came from
	// Content is that of the file, with its SHA-256.
	Content
}

// A RemoteFile is one encoding of wanted content at upstream.
type RemoteFile struct {
	URLs []string
	Content
	// Decode turns the file's bytes into the wanted content; nil: no decoding is needed.
	Decode func(io.Reader) (io.ReadCloser, error)
}
