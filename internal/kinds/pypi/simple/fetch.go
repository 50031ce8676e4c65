package simple

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Stated is the metadata of a distribution, and where it was read.
type Stated struct {
	*Metadata
	// Content is that of the file of metadata at File.URL + ".metadata". It is the zero value if the index has none: then the wheel was read.
	Content artifact.Content
	// Size is that of the distribution if it was read, else -1.
	Size int64
	// Build are the requirements of the tools that build a source distribution.
	Build []string
	// Lost tells that the index announces a file of metadata that it does not have.
	Lost bool
}

// MetadataURL is the address of a file's metadata: PEP 658.
func MetadataURL(f *File) string { return f.URL + ".metadata" }

// Metadata reads the metadata of a distribution of a project: of a wheel from the index if that has it, else from the distribution itself, which must then
// have a digest. Both are verified by their digests, and stay in the cache. The name must be the project's; that the version is the file's is for the
// caller to check.
func (x *Index) Metadata(ctx context.Context, project string, f *File) (*Stated, error) {
	s := &Stated{Size: -1}
	if f.Metadata && f.Dist.IsWheel() {
		request := artifact.Request{URLs: []string{MetadataURL(f)}, Limit: MaxMetadata, Want: artifact.Content{Size: -1, SHA256: f.MetadataSHA256}, Keep: f.MetadataSHA256 == ""}
		data, answer, err := artifact.Get(ctx, x.Upstream, request)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.Lost = true
		case err != nil:
			return nil, fmt.Errorf("metadata of %s: %w", f.Name, err)
		default:
			s.Content = artifact.Content{Size: answer.Size, SHA256: answer.SHA256}
			return s, s.read(data, project, f)
		}
	}
	if f.SHA256 == "" {
		return nil, artifact.Hint(artifact.Verifyf("%s: the index does not state its SHA-256, so it cannot be verified", f.Name), "use an index that states digests")
	}
	answer, err := x.Upstream.Ask(ctx, artifact.Request{URLs: []string{f.URL}, Want: artifact.Content{Size: f.Size, SHA256: f.SHA256}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	defer answer.Close()
	s.Size = answer.Size
	if !f.Dist.IsWheel() {
		if s.Metadata, s.Build, err = ParseSource(f.Name, readerAt(answer.Body), answer.Size); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", f.Name, ErrUnreadable, err)
		}
		return s, s.check(project, f)
	}
	data, err := WheelMetadata(readerAt(answer.Body), answer.Size, project)
	if err != nil {
		return nil, artifact.Verifyf("%s: %w", f.Name, err)
	}
	return s, s.read(data, project, f)
}

// read parses the metadata, and wants it to be the project's.
func (s *Stated) read(data []byte, project string, f *File) (err error) {
	if s.Metadata, err = ParseMetadata(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("metadata of %s: %w: %w", f.Name, ErrUnreadable, err)
	}
	return s.check(project, f)
}

func (s *Stated) check(project string, f *File) error {
	if pep508.NormalizeName(s.Name) != project {
		return artifact.Verifyf("metadata of %s: it is of another project: %s", f.Name, s.Name)
	}
	return nil
}

// readerAt reads a file at any place.
func readerAt(r io.ReadSeeker) io.ReaderAt {
	if at, is := r.(io.ReaderAt); is {
		return at
	}
	return &seeker{r: r}
}

type seeker struct {
	mu sync.Mutex
	r  io.ReadSeeker
}

func (s *seeker) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.r.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
