package server

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
)

const (
	complainEvery = time.Minute
	mostNamed     = 100 // files
)

// faults counts failed reads of the image: a bad disk, a truncated file. The log names each of the first
// 100 files once, and otherwise gets at most one line a minute; the audit trail has every request.
type faults struct {
	mu    sync.Mutex
	count uint64
	named map[string]bool
	last  time.Time
}

// note counts a failure of a path. It reports whether to log it.
func (f *faults) note(path string, now time.Time) (count uint64, say bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if say = !f.named[path] && len(f.named) < mostNamed; say {
		if f.named == nil {
			f.named = map[string]bool{}
		}
		f.named[path] = true
	} else if say = now.Sub(f.last) >= complainEvery; say {
		f.last = now
	}
	return f.count, say
}

func (f *faults) total() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return float64(f.count)
}

// failed notes that a requested file could not be read.
func (s *Server) failed(e *exchange, path string, err error) {
	e.verdict, e.reason = audit.Failed, err.Error()
	if count, say := s.faults.note(path, time.Now()); say {
		s.log.Error("cannot read a requested file", "path", path, "error", err, "failures", count)
	}
}

// pageFailed notes that a page or an answer of the API could not be made.
func (s *Server) pageFailed(r *http.Request, err error) {
	if r.Context().Err() == nil { // otherwise the server is shutting down
		e, _ := exchangeOf(r)
		s.failed(e, r.URL.Path, err)
	}
}

// unreadable reports whether reading the content failed, not sending it to the client: see image.FileSender.
func unreadable(err error) bool {
	if err == nil {
		return false // without another read
	}
	var away *image.UnavailableError
	if errors.As(err, &away) {
		return !away.Gone()
	}
	var file *fs.PathError
	return errors.As(err, &file) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrClosed)
}

// probe reads the last byte: the length of a file that cannot be read to its end must not be announced.
// Of a file that a registry has, nothing is fetched for its length.
func probe(content io.ReadSeeker) error {
	if _, ok := content.(*unopened); ok {
		return nil
	}
	end, err := content.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return err
	}
	if _, err = content.Seek(-1, io.SeekEnd); err != nil {
		return err
	}
	if _, err = io.ReadFull(content, make([]byte, 1)); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
