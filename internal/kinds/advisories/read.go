package advisories

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxFile bounds a file of upstream, compressed or not: the tracker's has 80 MB.
const maxFile = 4 << 30

// formats of files, by what they say of themselves.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// readFile reads a file of upstream. An empty format is recognized.
func readFile(ctx context.Context, format string, file artifact.AdvisoryFile, keep func(string) bool, take func(*artifact.Advisory) error) (s artifact.AdvisorySummary, err error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return s, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return s, err
	}
	body, err := uncompressed(contextReader{ctx, file})
	if err != nil {
		return s, err
	}
	if format == "" {
		format = recognize(body)
	}
	ecosystems := make(map[string]bool)
	count := func(a *artifact.Advisory) error {
		s.Advisories++
		ecosystems[a.Ecosystem] = true
		return take(a)
	}
	if format == formatTracker {
		err = readTracker(body, keep, count)
	} else {
		s.Date, err = readOSV(file, size, body, keep, count)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.Ecosystems = slices.Sorted(maps.Keys(ecosystems))
	return s, err
}

// uncompressed reads what is compressed with gzip or zstd, or not.
func uncompressed(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	magic, _ := buffered.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		dec, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return bufio.NewReader(&limitReader{dec, maxFile}), nil
	case bytes.HasPrefix(magic, []byte(zstdMagic)):
		dec, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return bufio.NewReader(&limitReader{dec.IOReadCloser(), maxFile}), nil
	}
	return buffered, nil
}

// recognize tells the two formats apart: an advisory of OSV has an id, and the tracker's data begin with the name of a package.
func recognize(r *bufio.Reader) string {
	begin, _ := r.Peek(4 << 10)
	begin = bytes.TrimLeft(begin, " \t\r\n")
	if bytes.HasPrefix(begin, []byte("PK")) || bytes.HasPrefix(begin, []byte("[")) {
		return formatOSV
	}
	for _, key := range []string{`"id"`, `"schema_version"`, `"modified"`} {
		if at := bytes.Index(begin, []byte(key)); at >= 0 && at < 1<<10 {
			return formatOSV
		}
	}
	return formatTracker
}

// A limitReader is an error after n bytes.
type limitReader struct {
	io.Reader
	n int64
}

// Read implements io.Reader.
func (l *limitReader) Read(p []byte) (int, error) {
	if l.n <= 0 {
		return 0, fmt.Errorf("more than %d GiB", maxFile>>30)
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.n)])
	l.n -= int64(n)
	return n, err
}

type contextReader struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// A seekFile reads at offsets what can be read and sought.
type seekFile struct {
	mu sync.Mutex
	io.ReadSeeker
}

// ReadAt implements io.ReaderAt.
func (f *seekFile) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.ReadSeeker, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// ReadAdvisories implements artifact.Advisor.
func (Kind) ReadAdvisories(ctx context.Context, file artifact.AdvisoryFile, want func(ecosystem, name string) bool, take func(*artifact.Advisory) error) (artifact.AdvisorySummary, error) {
	return readFile(ctx, "", file, func(string) bool { return true }, func(a *artifact.Advisory) error {
		if !want(a.Ecosystem, a.Name) {
			return nil
		}
		return take(a)
	})
}

// Advisories implements artifact.Advisor.
func (Kind) Advisories(ctx context.Context, pins artifact.Pins, want func(ecosystem, name string) bool, take func(source string, a *artifact.Advisory) error) error {
	for i := range pins.Sources {
		s := &pins.Sources[i]
		for j := range s.Releases {
			for k := range s.Releases[j].Proofs {
				if err := readProof(ctx, pins, s, &s.Releases[j].Proofs[k], want, take); err != nil {
					return fmt.Errorf("advisories of %s: %w", s.Name, err)
				}
			}
		}
	}
	return nil
}

func readProof(ctx context.Context, pins artifact.Pins, s *artifact.Source, p *artifact.Proof, want func(ecosystem, name string) bool, take func(source string, a *artifact.Advisory) error) error {
	body, err := pins.Open(s.ProofID(p))
	if err != nil {
		return err
	}
	err = readStore(contextReader{ctx, io.LimitReader(body, maxStore)}, want, func(a *artifact.Advisory) error { return take(s.Name, a) })
	return errors.Join(err, body.Close())
}
