package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ErrNoRange is that no address gives parts of the file.
var ErrNoRange = errors.New("the server does not give parts of the file")

// ErrNotModified is the answer to an address with an If-None-Match: the file is still the one that was named (RFC 9110, section 13.1.2).
var ErrNotModified = errors.New("the file has not changed")

// A Download is a file, or a part of one, to read from the first of its addresses that delivers it.
type Download struct {
	Addresses []Address // in the order to try
	Size      int64     // of the whole file in bytes; negative: unknown
	From, To  int64     // the part that is wanted, up to the byte before To; To 0: the whole file
	Fresh     bool      // caches on the way must ask upstream
	Head      bool      // only Begin and Header are of use

	// Had is how much of the file the reader has from an earlier run; the stream begins behind it. With Verify and Restart only.
	Had int64
	// Verify says at the end of a whole file whether it is right; artifact.ErrVerify if not. With it, a transfer that breaks off is
	// continued in any case. Nil: only if the server says that the file is still the same.
	Verify func() error
	// Restart tells the reader to forget what it has read: the file comes again from its beginning. Nil: the reader
	// gets no byte twice, and what a server sends again is skipped.
	Restart func() error
}

// A Stream reads a Download. Where a transfer breaks off it goes on, from the same byte if the server
// can do that; an address that fails for good is left for the next; one with a passing trouble is asked again when the others have failed, too.
type Stream struct {
	ctx      context.Context // of the one who asked
	client   *Client
	d        Download
	position int64 // in the file
	end      int64 // negative: unknown
	failed   error // for good, or io.EOF

	ways     []*way  // addresses that may still deliver, in the order to ask
	at       int     // in ways
	failures []error // of each address, the last
	patience patience

	resp      *http.Response // nil: must ask
	entered   *host          // whose slot this stream has
	led       *host          // whose leader this stream is, after 429
	broken    error          // why the answer must be left
	skip      int64          // bytes of the answer that the reader has
	header    http.Header    // of the last answer
	base      string         // address of the last answer, after redirects
	odd       string         // what is remarkable about it
	answers   int            // that what was read so far came from
	validator string         // of the last answer, which came from
	valid     *way           // this address
	announced int64          // bytes to read, as the server says
	mark      int64          // how far the stream had come at an earlier failure
}

// A way is an address, and what was seen of it.
type way struct {
	Address
	host  *host
	place int  // among the download's addresses
	whole bool // its ranges are of no use
	bad   int  // wrong ranges
}

const (
	badRanges = 2        // wrong answers to a range, until ranges are given up
	progress  = 64 << 10 // bytes after which earlier failures are forgiven
	much      = 1 << 20  // bytes after which a transfer is resumed at once
)

// Open prepares to read d. Nothing is asked before the first Read. The stream must be closed.
func (c *Client) Open(ctx context.Context, d Download) *Stream {
	s := &Stream{ctx: ctx, client: c, d: d, position: d.From, mark: d.From, end: d.Size,
		patience: newPatience(), failures: make([]error, len(d.Addresses))}
	if d.To > 0 {
		s.end = d.To
	}
	if d.Had > 0 {
		s.position, s.mark, s.answers = d.Had, d.Had, 1
	}
	unreachable := 0
	for i, a := range d.Addresses {
		w := &way{Address: a, host: c.host(a.URL), place: i}
		s.ways = append(s.ways, w)
		if w.host.unreachable.Load() {
			unreachable++
		}
	}
	if unreachable == len(s.ways) {
		s.patience.left = 1
	}
	// Addresses whose hosts could not be reached lately come after the others.
	slices.SortStableFunc(s.ways, func(a, b *way) int {
		switch down, other := a.host.down.Load(), b.host.down.Load(); {
		case down == other:
			return 0
		case down:
			return 1
		}
		return -1
	})
	if len(s.ways) == 0 {
		s.failed = errors.New("no address is known for it")
	}
	return s
}

// Begin makes the first request, so that its failure is known before the first Read.
func (s *Stream) Begin() error {
	for s.failed == nil && s.resp == nil && s.position != s.end {
		if err := s.ask(); err != nil {
			s.failed = s.again(err)
		}
	}
	if s.failed == io.EOF {
		return nil
	}
	return s.failed
}

// Header is that of the last answer; nil: there was none.
func (s *Stream) Header() http.Header { return s.header }

// Base is the address that the last answer came from, after redirects: relative addresses in it start there (RFC 3986, section 5.1.3).
func (s *Stream) Base() string { return s.base }

// URL is the address that the last answer came from.
func (s *Stream) URL() string {
	if s.at >= len(s.ways) {
		return ""
	}
	return s.ways[s.at].URL
}

func (s *Stream) partial() bool { return s.d.To > 0 && !(s.d.From == 0 && s.d.To == s.d.Size) }

// Read implements io.Reader. At io.EOF everything has been read, and verified if the download can do that.
func (s *Stream) Read(p []byte) (int, error) {
	for s.failed == nil {
		if s.position == s.end {
			s.failed = s.finish()
			continue
		}
		n, err := s.step(p)
		if n > 0 {
			s.broken = err
			return n, nil
		}
		if err != nil {
			s.failed = s.again(err)
		}
	}
	return 0, s.failed
}

// step reads once. An error is that the answer is of no more use.
func (s *Stream) step(p []byte) (int, error) {
	if err := s.broken; err != nil {
		s.broken = nil
		return 0, err
	}
	if s.resp == nil {
		if err := s.ask(); err != nil {
			return 0, err
		}
	}
	if s.skip > 0 {
		n, err := s.resp.Body.Read(make([]byte, min(s.skip, 32<<10)))
		s.skip -= int64(n)
		return 0, s.ended(err)
	}
	if s.end >= 0 {
		p = p[:min(int64(len(p)), s.end-s.position)]
	}
	n, err := s.resp.Body.Read(p)
	s.position += int64(n)
	if err == io.EOF && s.end < 0 {
		s.end = s.position
	}
	if err == nil || s.position == s.end {
		return n, nil
	}
	if err == io.EOF && s.odd != "" && s.resp.ContentLength < 0 {
		return n, artifact.Verifyf("%s: size mismatch: got %d bytes, want %d (%s)", artifact.Redacted(s.URL()), s.position, s.end, s.odd)
	}
	return n, s.ended(err)
}

// ended is the error of an answer that broke off.
func (s *Stream) ended(err error) error {
	if err == nil {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	var after *Temporary
	if errors.As(err, &after) {
		err = after.Err
	}
	return &Temporary{fmt.Errorf("%s: connection closed after %d bytes: %w", artifact.Redacted(s.URL()), s.position, err), 0}
}
