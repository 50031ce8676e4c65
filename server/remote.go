package server

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// open opens a file for the answer to a request. Of an image in a registry, it fetches nothing if the client has the content already. For HEAD it makes
// sure that the content can be had: GET must not fail where HEAD has just succeeded.
func (s *Server) open(r *http.Request, f *catalog.File) (io.ReadSeekCloser, error) {
	if s.image.Remote() == nil {
		return s.image.Open(f)
	}
	current := isCurrent(r, f)
	if r.Method == http.MethodHead && !current {
		if err := s.image.Available(r.Context(), f); err != nil {
			return nil, err
		}
	}
	if r.Method == http.MethodHead || current {
		return &unopened{size: f.Size, open: func() (*image.Section, error) { return s.image.OpenContext(r.Context(), f) }}, nil
	}
	return s.image.OpenContext(r.Context(), f)
}

// isCurrent reports whether the client likely has the file: the answer is then 304.
func isCurrent(r *http.Request, f *catalog.File) bool {
	if match := r.Header.Get("If-None-Match"); match != "" {
		return strings.Contains(match, f.SHA256) || match == "*"
	}
	return sameDate(r.Header.Get("If-Modified-Since"), lastModified(f))
}

// An unopened file is opened when it is read.
type unopened struct {
	size, pos int64
	open      func() (*image.Section, error)
	section   *image.Section // nil: not open
}

func (u *unopened) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += u.pos
	case io.SeekEnd:
		offset += u.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	u.pos = offset
	return offset, nil
}

func (u *unopened) begin() (err error) {
	if u.section == nil {
		if u.section, err = u.open(); err != nil {
			return err
		}
	}
	_, err = u.section.Seek(u.pos, io.SeekStart)
	return err
}

func (u *unopened) Read(p []byte) (int, error) {
	if err := u.begin(); err != nil {
		return 0, err
	}
	n, err := u.section.Read(p)
	u.pos += int64(n)
	return n, err
}

func (u *unopened) CopyTo(w io.Writer, n int64) (int64, error) {
	if err := u.begin(); err != nil {
		return 0, err
	}
	sent, err := u.section.CopyTo(w, n)
	u.pos += sent
	return sent, err
}

func (u *unopened) Close() error {
	if u.section == nil {
		return nil
	}
	return u.section.Close()
}

// serveUnavailable answers for a file that the registry does not give.
func (s *Server) serveUnavailable(w http.ResponseWriter, r *http.Request, code int, err *image.UnavailableError) {
	e, _ := exchangeOf(r)
	e.verdict, e.reason = audit.Failed, err.Error()
	reason := "the registry does not give this file now"
	switch {
	case err.Wrong():
		s.failed(e, r.URL.Path, err)
		reason = "the registry has sent other bytes than those of the image"
	case err.Gone(): // nobody reads the answer
	default:
		w.Header().Set("Retry-After", strconv.Itoa(int(image.RetryAfter/time.Second)))
	}
	e.say(http.StatusText(code) + ": " + reason)
	s.sendError(w, r, code, "This mirror reads its files from a registry, and "+reason+".")
}

// remoteStatus is some lines about the registry that the image is in, or nothing.
func (s *Server) remoteStatus() string {
	remote := s.image.Remote()
	if remote == nil {
		return ""
	}
	state := remote.State()
	var b strings.Builder
	fmt.Fprintf(&b, "image: %s, read in place\n", state.Reference)
	if state.Away != nil {
		line, _, _ := strings.Cut(state.Away.Error(), "\n")
		fmt.Fprintf(&b, "registry: away since %s, only the cache answers: %s\n", state.Since.UTC().Format(time.RFC3339), line)
	} else {
		b.WriteString("registry: can be read\n")
	}
	c := state.Cache
	fmt.Fprintf(&b, "cache: %d files, %s of at most %s\n", c.Files, bytesize.MB(c.Bytes), bytesize.MB(c.Size))
	return b.String()
}

// remoteMetrics adds what concerns the registry and the cache.
func (s *Server) remoteMetrics(gauge, counter func(name, help string, value func() float64)) {
	remote := s.image.Remote()
	if remote == nil {
		return
	}
	gauge("minimirror_registry_up", "1 when the registry that the image is in can be read, 0 when only the cache answers.", func() float64 {
		if remote.State().Away != nil {
			return 0
		}
		return 1
	})
	counter("minimirror_registry_failures_total", "Reads from the registry that failed.", func() float64 { return float64(remote.State().Failures) })
	of := func(value func(*image.RemoteState) int64) func() float64 {
		return func() float64 {
			state := remote.State()
			return float64(value(&state))
		}
	}
	counter("minimirror_registry_received_bytes_total", "Bytes of files received from the registry.", of(func(s *image.RemoteState) int64 { return s.Cache.Fetched }))
	gauge("minimirror_cache_bytes", "Bytes that the files in the cache take.", of(func(s *image.RemoteState) int64 { return s.Cache.Bytes }))
	gauge("minimirror_cache_size_bytes", "Bytes that files in the cache may take.", of(func(s *image.RemoteState) int64 { return s.Cache.Size }))
	gauge("minimirror_cache_files", "Files in the cache.", of(func(s *image.RemoteState) int64 { return int64(s.Cache.Files) }))
	counter("minimirror_cache_hits_total", "Files that the cache had, or was fetching, when they were asked for.", of(func(s *image.RemoteState) int64 { return s.Cache.Hits }))
	counter("minimirror_cache_misses_total", "Files that had to be fetched when they were asked for.", of(func(s *image.RemoteState) int64 { return s.Cache.Misses }))
	counter("minimirror_cache_evicted_total", "Files removed from the cache to make room.", of(func(s *image.RemoteState) int64 { return s.Cache.Evicted }))
	counter("minimirror_cache_passed_total", "Files passed on without being cached, because the cache could not store them.", of(func(s *image.RemoteState) int64 { return s.Cache.Passed }))
	counter("minimirror_cache_ahead_total", "Files read from the registry before a client requested them, because they are next to a requested one.", of(func(s *image.RemoteState) int64 { return s.Cache.Ahead }))
	counter("minimirror_cache_ahead_used_total", "Of these files, those that a client requested later.", of(func(s *image.RemoteState) int64 { return s.Cache.Useful }))
	counter("minimirror_cache_wrong_total", "Files that did not verify, from the registry or in the cache.", of(func(s *image.RemoteState) int64 { return s.Cache.Wrong }))
}
