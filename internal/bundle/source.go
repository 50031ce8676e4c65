package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
)

// A Source is a bundle as a content.Source, to export it anew. Blobs are best read in the order of the bundle: each part is then read once, and
// its digest as carried is compared when its end is reached. What the tar has besides blobs is not compared: nobody uses it.
type Source struct {
	im      *Importer
	headers []*signedHeader

	part    int // whose clear bytes are being read; 0: none
	at      int64
	body    io.Closer // of the medium
	clear   io.Reader
	carried *carriedReader
	listed  *Part
}

// OpenSource verifies the headers of a bundle, as Importer.Import does.
func OpenSource(ctx context.Context, media []medium.Medium, keys []signed.Key, openers []seal.Opener) (*Source, error) {
	s := &Source{im: &Importer{Keys: keys, Openers: openers}}
	for _, m := range media {
		h, err := s.im.readHeader(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		s.headers = append(s.headers, h)
	}
	var err error
	if s.im.header, s.im.by, err = merge(s.headers); err != nil {
		return nil, err
	}
	if err := s.im.checkOpeners(); err != nil {
		return nil, err
	}
	s.im.buffer = make([]byte, chunkSize)
	s.im.plan, err = s.im.header.Plan()
	return s, err
}

// Header is the bundle's.
func (s *Source) Header() *Header { return s.im.header }

// Graph is what the bundle has, in its order, and behind it what it leaves out.
func (s *Source) Graph() *content.Graph {
	g := &content.Graph{Images: s.im.header.Images, Blobs: s.im.header.Blobs}
	if s.im.header.Base != nil {
		g.Blobs = append(append([]content.Blob{}, g.Blobs...), s.im.header.Base.Blobs...)
	}
	return g
}

func (s *Source) String() string { return where(s.headers[0]) }

// Close closes the part that is open; the media stay open.
func (s *Source) Close() error {
	s.part = 0
	if s.body == nil {
		return nil
	}
	err := s.body.Close()
	s.body = nil
	return err
}

// Images implements content.Source.
func (s *Source) Images(context.Context) ([]content.Image, error) { return s.im.header.Images, nil }

// Open implements content.Source. Only one reader may be in use.
func (s *Source) Open(ctx context.Context, _ content.Image, b content.Blob, offset int64) (io.ReadCloser, error) {
	for i := range s.im.plan.Entries {
		if e := &s.im.plan.Entries[i]; e.Blob >= 0 && s.im.header.Blobs[e.Blob].Digest == b.Digest {
			return &sourceReader{ctx: ctx, s: s, at: e.start + e.head + offset, end: e.start + e.head + e.Size}, nil
		}
	}
	return nil, fmt.Errorf("%s: the bundle does not have %s", s, b.Digest)
}

// A sourceReader reads a range of the tar.
type sourceReader struct {
	ctx     context.Context // of the one who opened it
	s       *Source
	at, end int64
}

func (*sourceReader) Close() error { return nil }

func (r *sourceReader) Read(p []byte) (int, error) {
	if r.at >= r.end {
		return 0, io.EOF
	}
	if err := r.s.seek(r.ctx, r.at); err != nil {
		return 0, err
	}
	planned := r.s.im.plan.Parts[r.s.part-1]
	n, err := r.s.clear.Read(p[:min(int64(len(p)), r.end-r.at, planned.start+planned.Size-r.at)])
	r.at += int64(n)
	r.s.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = artifact.Verifyf("cut off")
		}
	}
	return n, r.s.named(err)
}

// seek makes the byte at this offset of the tar the next one.
func (s *Source) seek(ctx context.Context, at int64) error {
	parts := s.im.plan.Parts
	number := sort.Search(len(parts), func(i int) bool { return parts[i].start+parts[i].Size > at }) + 1
	if s.part != 0 && s.part != number {
		if err := s.end(); err != nil {
			return err
		}
	}
	if s.part == 0 || s.at > at {
		if err := s.openPart(ctx, number); err != nil {
			return err
		}
	}
	if skip := at - s.at; skip > 0 {
		n, err := io.CopyN(io.Discard, s.clear, skip)
		s.at += n
		return s.named(err)
	}
	return nil
}

// end reads the rest of the part, and compares its digest.
func (s *Source) end() error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, s.clear, s.im.buffer)
	if err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, s.carried, s.im.buffer)
	}
	if sum := s.carried.sum(); err == nil && sum != s.listed.SHA256 {
		err = artifact.Verifyf("changed or damaged: sha256 %s, and the header says %s", sum, s.listed.SHA256)
	}
	return errors.Join(s.named(err), s.Close())
}

func (s *Source) openPart(ctx context.Context, number int) error {
	if err := s.Close(); err != nil {
		return err
	}
	for _, h := range s.headers {
		p := h.header.Part(number)
		if p == nil {
			continue
		}
		body, err := h.medium.Open(ctx, p.Name, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		s.body, s.part, s.at, s.listed = body, number, s.im.plan.Parts[number-1].start, p
		s.carried = newCarriedReader(ctx, io.LimitReader(body, p.Size+1), func(int64) {})
		s.clear, err = s.im.decrypt(s.carried)
		return s.named(err)
	}
	return fmt.Errorf("%s is missing", s.im.plan.Parts[number-1].Name)
}

// named says in which part an error is.
func (s *Source) named(err error) error {
	if err != nil && s.part != 0 {
		err = fmt.Errorf("%s: %w", s.im.plan.Parts[s.part-1].Name, err)
	}
	return err
}
