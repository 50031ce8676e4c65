package artifact

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Upstream gives access to files of other machines. It retries, resumes and logs in by itself, also where a server
// demands a token (RFC 6750 and the Docker registry's token protocol). It never holds a file in memory; everything
// goes through the cache. Its methods may be called by many goroutines.
type Upstream interface {
	// Ask brings a file, or what upstream says of one. If no address has the file, the error is
	// fs.ErrNotExist; any other failure is a different error.
	Ask(ctx context.Context, r Request) (*Answer, error)
	// Index returns decoded content: from the cache, else from the first of files that
	// delivers it. Each fetched file is verified before it is decoded, and what comes
	// out is verified again if want identifies it; extra bytes after
	// it are ignored. The file itself is in the cache afterwards.
	Index(ctx context.Context, want Content, files []RemoteFile) (Index, error)
}

// A Request asks upstream for a file.
type Request struct {
	URLs []string // in the order to try
	// Header is sent along: Accept, Authorization and the like. With Authorization, no other login is tried. A redirect to
	// another host gets only what asks for a representation (Accept).
	Header http.Header
	// Head asks for the answer's header alone.
	Head bool

	// Want identifies the file by a digest: then it is taken from the cache if that has it, else it is verified, and it
	// stays in the cache. Without a digest, upstream is asked in any case, and the size counts for nothing.
	Want Content
	// Keep keeps a file without a digest in the cache, too: it is going to be pinned by what the Answer says. Without it, the file
	// is a page, which the cache keeps until upstream has another: if upstream says by the page's ETag that it has not, the page is
	// not transferred again.
	Keep bool
	// Limit is how many bytes the file may have; 0: any number.
	Limit int64
}

// An Answer is a file of upstream.
type Answer struct {
	URL string // the address that answered; empty: the cache had the file
	// Base is URL, or where redirects led from there: relative addresses in the file start from it (RFC 3986, section 5.1.3).
	Base   string
	Header http.Header // of the answer; nil: the cache had the file. Of a page that has not changed: as it was last, with what is new
	// Content is the file's, with its SHA-256. For Request.Head, it is the size that upstream announces; -1: none.
	Content
	// Body reads the file. It is nil for Request.Head.
	Body io.ReadSeekCloser
}

// Close closes the body.
func (a *Answer) Close() error {
	if a.Body == nil {
		return nil
	}
	return a.Body.Close()
}

// Get asks for a file that is small enough to be held in memory: r.Limit says how small.
func Get(ctx context.Context, up Upstream, r Request) (data []byte, answer *Answer, err error) {
	if r.Limit <= 0 || r.Head {
		return nil, nil, fmt.Errorf("%s: a request for bytes in memory needs a limit", r.URLs)
	}
	if answer, err = up.Ask(ctx, r); err != nil {
		return nil, nil, err
	}
	defer answer.Close()
	data = make([]byte, answer.Size)
	if _, err = io.ReadFull(answer.Body, data); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", answer.URL, err)
	}
	return data, answer, nil
}

// Bring brings a file that a digest identifies into the cache, and returns its size and SHA-256.
func Bring(ctx context.Context, up Upstream, urls []string, want Content) (Content, error) {
	if !want.Identified() {
		return Content{}, Verifyf("%s: no digest says what it must be", urls)
	}
	answer, err := up.Ask(ctx, Request{URLs: urls, Want: want})
	if err != nil {
		return Content{}, err
	}
	return answer.Content, answer.Close()
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
