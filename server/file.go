package server

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/rules"
)

// serveFile implements artifact.Mirror.ServeFile. name is compared as it is with
// the paths of what was made for the rules, and with the catalog's: nothing else is ever opened.
//
// Fields of the header that the kind has already set stay. has is nil, or selects the items that count: see artifact.Site.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name string, has func(*artifact.Item) bool) {
	e, found := exchangeOf(r)
	v := s.viewOf(e)
	if made := v.file(name); made != nil {
		content, err := made.Open(r.TLS == nil)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		defer content.Close()
		// The date moves forward when rules change, be it back to what was before.
		modified := made.Since
		if modified.IsZero() {
			modified = lastModified(&made.File)
		}
		s.send(w, r, &made.File, modified, content, s.access.Private())
		return
	}
	at := s.image.Index(name)
	if at < 0 {
		s.fail(w, r, fs.ErrNotExist)
		return
	}
	private := s.access.Private()
	if items := s.items.of(at); len(items) > 0 || has != nil {
		if !found {
			s.fail(w, r, errNobody)
			return
		}
		item, verdict, byClient := s.decide(v, items, has, e)
		if item == nil {
			s.fail(w, r, fs.ErrNotExist)
			return
		}
		private = private || byClient
		e.artifact, e.size = item, s.image.Catalog.Files[at].Size
		if !verdict.Allowed {
			s.deny(w, r, e, verdict)
			return
		}
		e.rule = verdict.Rule
		if s.rulesFile != "" {
			w.Header()["Cache-Control"] = askEachTime
		}
	}
	f := &s.image.Catalog.Files[at]
	content, err := s.open(r, f)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer content.Close()
	s.send(w, r, f, lastModified(f), content, private)
}

// askEachTime is for files of items, where rules may deny them later: a cache must ask before it gives them to another client. With a condition, what the cache
// has is not sent again.
var askEachTime = []string{"no-cache"}

// errNobody is the error for a request whose client is unknown because a handler lost the request's context.
var errNobody = errors.New("the request has no client")

// decide finds an item of a file that the client may have; a client that may have one of the items may have the file. If there
// is none, decide returns the first item. Only items that has selects count; if there are none, it returns nil. byClient reports whether another
// client may get another answer.
func (s *Server) decide(v *view, items []int32, has func(*artifact.Item) bool, e *exchange) (item *artifact.Item, verdict rules.Verdict, byClient bool) {
	for _, at := range items {
		one := s.items.item(at)
		if has != nil && !has(one) {
			continue
		}
		if item == nil || !verdict.Allowed {
			if now := v.verdict(int(at), e.client.Address, e.start); item == nil || now.Allowed {
				item, verdict = one, now
			}
		}
		if byClient = byClient || v.byClient(at); verdict.Allowed && (byClient || !v.anyByClient()) {
			break
		}
	}
	return item, verdict, byClient
}

// deny answers 403 with the rule's reason.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, e *exchange, v rules.Verdict) {
	e.verdict, e.rule, e.reason = audit.Denied, v.Rule, v.Reason
	text := e.artifact.String() + " is denied by this mirror's rules"
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	e.say(denialPhrase(v))
	s.sendError(w, r, http.StatusForbidden, text+"\nrule: "+v.Rule)
}

// lastModified is a date that changes if and only if the content does, as far as
// seconds can: the time the file states, less up to an hour that follows from its digest; for an item 2020, less
// up to half a year (2²⁴ seconds).
//
// Some clients revalidate and resume by this date alone, without the ETag.
// Two images may well carry different bytes under one path and one date: the same
// lock, signed by another key. With the date of the lock
// alone, a client of the first image would be told for ever that
// nothing changed. The date is never in the future, which some clients refuse; and it moves forward with the lock, for
// there are caches that tell a client whose date is later that nothing has changed.
func lastModified(f *catalog.File) time.Time {
	latest, most := f.Modified, uint64(time.Hour/time.Second)
	if latest.IsZero() {
		latest, most = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), 1<<24
	}
	seconds, _ := strconv.ParseUint(f.SHA256[:6], 16, 24) // the catalog has been checked
	return latest.UTC().Truncate(time.Second).Add(-time.Duration(seconds%most) * time.Second)
}

// cacheControl lets caches keep everything but makes them ask each time, so that they hold no
// mixture of two images. Only a file that is named by its own digest never changes; but if it is a file of an item, and there are rules, they may deny it later.
//
// Files that only some clients may have, by login or by rules, must not be in shared caches
// (RFC 9111, section 5.2.2.7). Pages and errors are not cached at all: see package answer.
//
// The field may be set in header, by the kind for an address that does not name the digest, or for the rules; cacheControl removes it there.
func cacheControl(header http.Header, f *catalog.File, private bool) string {
	immutable := namedByDigest(f)
	if header["Cache-Control"] != nil {
		delete(header, "Cache-Control")
		immutable = false
	}
	switch {
	case private && immutable:
		return "private, max-age=31536000, immutable"
	case private:
		return "private, no-cache"
	case immutable:
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

func namedByDigest(f *catalog.File) bool { return path.Base(f.Path) == f.SHA256 }

// contentType goes by the name; content is never looked at. A kind sets the types of its own
// formats before it calls serveFile.
func contentType(f *catalog.File) string {
	base := path.Base(f.Path)
	switch ext := path.Ext(base); {
	case namedByDigest(f):
	case ext == ".gz", ext == ".tgz":
		return "application/gzip"
	case ext == ".xz":
		return "application/x-xz"
	case ext == ".bz2":
		return "application/x-bzip2"
	case ext == ".zst":
		return "application/zstd"
	case ext == ".json":
		return "application/json"
	case ext == ".asc", ext == ".gpg":
		return "application/pgp-keys"
	case ext == ".txt", !strings.Contains(base, ".") && !f.Modified.IsZero():
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// serveKey offers the key that signs what the mirror says.
func (s *Server) serveKey(w http.ResponseWriter, r *http.Request) {
	s.serveFile(w, r, layout.KeyPath, nil)
}
