package advisories

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Resolve implements artifact.Kind. Advisories that are locked stay until they may move: upstream changes its files several times a day.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	sources, _ := req.Spec.([]source)
	result := &artifact.Resolution{}
	for i := range sources {
		s := &sources[i]
		locked := lockedSource(&req, s)
		if locked != nil && !req.MayMove(s.name) {
			result.Sources = append(result.Sources, *locked)
			continue
		}
		made, err := s.lock(ctx, &req)
		if err != nil {
			return nil, s.section.Errorf("advisories: source %s: %w", s.name, err)
		}
		if date := made.Releases[0].Date; date.After(req.Now.Add(time.Hour)) {
			req.Log.Warn("the date of the advisories is in the future: check this machine's clock", "source", s.name, "date", date.Format(time.RFC3339))
		}
		if locked != nil {
			if old := locked.Releases[0].Date; made.Releases[0].Date.Before(old) {
				req.Log.Warn("advisories are older than the locked ones", "source", s.name, "date", made.Releases[0].Date.Format(time.RFC3339), "locked", old.Format(time.RFC3339))
			}
			if locked.Releases[0].SHA256 == made.Releases[0].SHA256 && slices.Equal(locked.Releases[0].Metadata, made.Releases[0].Metadata) {
				made = locked // the same file, whatever its time
			}
		}
		result.Sources = append(result.Sources, *made)
	}
	return result, nil
}

// lockedSource is the same source in the previous lock, if that has it whole; nil: it has not.
func lockedSource(req *artifact.ResolveRequest, s *source) *artifact.Source {
	for i := range req.Previous.Sources {
		old := &req.Previous.Sources[i]
		if old.Name != s.name || len(old.Releases) != 1 || len(old.Releases[0].Proofs) != 1 || old.Releases[0].Proofs[0].Data == nil {
			continue
		}
		if r := &old.Releases[0]; r.Name == s.format && r.URL == s.url() && slices.Contains(r.Metadata, s.kept()) && (s.date.IsZero() || r.Date.Equal(s.date)) {
			return old
		}
	}
	return nil
}

// url is the address as the lock has it.
func (s *source) url() string {
	if s.file != "" {
		return filepath.ToSlash(s.address)
	}
	return artifact.Redacted(s.address)
}

// kept says which releases are kept, in the lock.
func (s *source) kept() string {
	if len(s.releases) == 0 {
		return "Releases: all"
	}
	return "Releases: " + strings.Join(slices.Sorted(slices.Values(s.releases)), " ")
}

// keep reports whether statements about a release are kept. The release that others are made from is needed for all.
func (s *source) keep(release string) bool {
	return len(s.releases) == 0 || slices.Contains(s.releases, release) || release == laterRelease
}

// lock reads the source's file and makes its pins.
func (s *source) lock(ctx context.Context, req *artifact.ResolveRequest) (*artifact.Source, error) {
	file, date, digest, err := s.open(ctx, req)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var data bytes.Buffer
	w, err := newStoreWriter(&data)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(s.releases))
	summary, err := readFile(ctx, s.format, file, func(release string) bool {
		if seen[release] || !s.keep(release) {
			return seen[release]
		}
		seen[release] = true
		return true
	}, w.add)
	if err = errors.Join(err, w.close()); err != nil {
		return nil, fmt.Errorf("%s: %w", s.url(), err)
	}
	for _, release := range s.releases {
		if !seen[release] {
			return nil, artifact.Hint(fmt.Errorf("%s: it has nothing about the release %q", s.url(), release), "name releases as the file does, such as bookworm for tracker or \"12\" for osv")
		}
	}
	if s.format == formatOSV && s.date.IsZero() {
		date = summary.Date
	}
	if data.Len() > maxStore {
		return nil, fmt.Errorf("%s: %d bytes of advisories are more than an image carries: name the releases to keep", s.url(), data.Len())
	}
	content := artifact.Content{}
	h := content.Hasher()
	h.Write(data.Bytes())
	content = h.Sum()
	return &artifact.Source{Kind: Kind{}.Name(), Name: s.name, URLs: []string{s.url()}, Releases: []artifact.Release{{
		Name: s.format, Date: date.UTC().Truncate(time.Second), URL: s.url(), SHA256: digest, SignedBy: []string{},
		Metadata: []string{"Advisories: " + fmt.Sprint(summary.Advisories), "Ecosystems: " + strings.Join(summary.Ecosystems, " "), s.kept()},
		Proofs:   []artifact.Proof{{Path: storeName, Size: content.Size, SHA256: content.SHA256, URLs: []string{}, Data: data.Bytes()}},
	}}}, nil
}

// An opened is a file of upstream, open.
type opened struct {
	artifact.AdvisoryFile
	close func() error
}

func (o opened) Close() error { return o.close() }

// open opens the file, and returns its date and SHA-256.
func (s *source) open(ctx context.Context, req *artifact.ResolveRequest) (*opened, time.Time, string, error) {
	if s.file != "" {
		return s.openLocal()
	}
	answer, err := req.Upstream.Ask(ctx, artifact.Request{URLs: []string{s.address}, Limit: maxFile})
	if err != nil {
		return nil, time.Time{}, "", err
	}
	date := s.date
	if date.IsZero() {
		if date, err = http.ParseTime(answer.Header.Get("Last-Modified")); err != nil {
			date = req.Now // it was there now
		}
	}
	return &opened{&seekFile{ReadSeeker: answer.Body}, answer.Close}, date, answer.SHA256, nil
}

func (s *source) openLocal() (*opened, time.Time, string, error) {
	f, err := artifact.OpenFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		err = artifact.Hint(err, "name a file relative to the definition's folder, or an address")
	}
	if err != nil {
		return nil, time.Time{}, "", err
	}
	date, sum, err := describe(f)
	if !s.date.IsZero() {
		date = s.date
	}
	if err != nil {
		return nil, time.Time{}, "", errors.Join(err, f.Close())
	}
	return &opened{f, f.Close}, date, sum, nil
}

// describe returns a file's time and SHA-256.
func describe(f *os.File) (time.Time, string, error) {
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, "", err
	}
	h := artifact.Content{}.Hasher()
	if _, err := f.WriteTo(h); err != nil {
		return time.Time{}, "", err
	}
	return info.ModTime().UTC(), h.Sum().SHA256, nil
}
