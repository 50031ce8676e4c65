package bundle

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/seal"
)

// ImportStream reads a bundle from a tar of its files, once, from beginning to end: the header comes first, and again at the end.
func (im *Importer) ImportStream(ctx context.Context, r io.Reader) (*Imported, error) {
	s := &stream{Importer: im, numbers: map[string]int{}}
	defer im.closeSinks()
	files := tar.NewReader(r)
	var cut error
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if im.header == nil {
				return nil, artifact.Verifyf("not a tar of a bundle: %w", err)
			}
			cut = err
			break
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := s.file(ctx, path.Clean("/" + header.Name)[1:], header.Size, files); err != nil {
			return im.imported, err
		}
	}
	if im.header == nil {
		return nil, artifact.Hint(artifact.Verifyf("there is no bundle in the stream: no signed %s", HeaderName), "give what minimirror export --to - or --to FILE wrote")
	}
	err := s.end()
	if err == nil {
		err = im.finish(ctx)
	}
	if err != nil && cut != nil {
		err = fmt.Errorf("the stream is cut off (%v): %w", cut, err)
	}
	return im.imported, err
}

// A stream is an import from a stream.
type stream struct {
	*Importer
	headers []*signedHeader
	data    []byte // a header whose signature has not come yet
	numbers map[string]int
}

// file takes one file of the bundle.
func (s *stream) file(ctx context.Context, name string, size int64, body io.Reader) error {
	switch name {
	case HeaderName:
		if size > maxHeader {
			return artifact.Verifyf("%s: %d bytes, more than %d", name, size, maxHeader)
		}
		var err error
		s.data, err = io.ReadAll(body)
		return err
	case MinisignName, OpenPGPName:
		if size > maxSignature {
			return artifact.Verifyf("%s: %d bytes, more than %d", name, size, maxSignature)
		}
		signature, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return s.header(ctx, strings.TrimPrefix(name, HeaderName), signature)
	case SumsName:
		return nil
	}
	if s.Importer.header == nil {
		return artifact.Hint(artifact.Verifyf("%s comes before the signed header", name), "write the stream to a file, and import that")
	}
	number, found := s.numbers[name]
	if !found {
		return nil // nothing of the bundle
	}
	return s.part(ctx, number, body)
}

// header verifies a header with its signature.
func (s *stream) header(ctx context.Context, suffix string, signature []byte) error {
	if s.data == nil {
		return artifact.Verifyf("%s%s: there is no header before it", HeaderName, suffix)
	}
	h, by, err := verifyHeader(s.Keys, s.data, map[string][]byte{suffix: signature})
	s.data = nil
	if err != nil {
		return err
	}
	s.headers = append(s.headers, &signedHeader{header: h, by: by})
	if len(s.headers) > 1 {
		merged, _, err := merge(s.headers)
		if err == nil {
			s.headers = []*signedHeader{{header: merged, by: by}}
			s.Importer.header.Parts = merged.Parts
		}
		return err
	}
	if err := s.begin(ctx, s.headers); err != nil {
		return err
	}
	for _, p := range s.plan.Parts {
		s.numbers[p.Name] = p.Number
	}
	return nil
}

// part reads one part, which no header may list yet.
func (s *stream) part(ctx context.Context, number int, body io.Reader) error {
	at := slices.IndexFunc(s.imported.Parts, func(p ImportedPart) bool { return p.Number == number })
	needed, err := s.needs(ctx, number)
	if err != nil {
		return err
	}
	result := ImportedPart{Number: number, Name: s.plan.Parts[number-1].Name, Medium: "the stream", Status: Known}
	if needed {
		listed := s.Importer.header.Part(number)
		carried := &countReader{r: body}
		result.SHA256, result.Err = s.readPart(ctx, number, listed, carried)
		if result.Err != nil && !isPartError(result.Err) || errors.Is(result.Err, seal.ErrNoIdentity) {
			return result.Err
		}
		result.Size = carried.n
		if result.Status = Verified; result.Err != nil {
			result.Status = Bad
		}
	}
	switch {
	case at < 0:
		s.imported.Parts = append(s.imported.Parts, result)
	case s.imported.Parts[at].Status == Bad:
		s.imported.Parts[at] = result
	}
	return nil
}

// end compares what was read with the last header, and finds what is missing.
func (s *stream) end() error {
	for _, planned := range s.plan.Parts {
		at := slices.IndexFunc(s.imported.Parts, func(p ImportedPart) bool { return p.Number == planned.Number })
		if at < 0 {
			needed, err := s.needs(context.Background(), planned.Number)
			if err != nil {
				return err
			}
			status := Missing
			if !needed {
				status = Known
			}
			s.imported.Parts = append(s.imported.Parts, ImportedPart{Number: planned.Number, Name: planned.Name, Status: status})
			continue
		}
		p, listed := &s.imported.Parts[at], s.Importer.header.Part(planned.Number)
		switch {
		case p.Status != Verified:
		case listed == nil:
			p.Status, p.Err = Bad, artifact.Verifyf("no signed header lists it")
		case listed.Size != p.Size || listed.SHA256 != p.SHA256:
			p.Status, p.Err = Bad, artifact.Verifyf("changed or damaged: sha256 %s, and the header says %s", p.SHA256, listed.SHA256)
		}
	}
	slices.SortFunc(s.imported.Parts, func(a, b ImportedPart) int { return a.Number - b.Number })
	return nil
}

// A countReader counts bytes.
type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
