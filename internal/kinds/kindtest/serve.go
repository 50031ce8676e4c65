package kindtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

// everyFile shows that what is carried is served whole, in parts, and not again to who has it.
func (m *mirror) everyFile(t *testing.T) {
	s := m.serve(t)
	for _, item := range m.items() {
		for f := range item.Files {
			file, target := &item.Files[f], s.address(item, f)
			want := m.content(t, file)
			whole := s.get(t, target)
			whole.is(t, target, http.StatusOK, audit.Allowed)
			if !bytes.Equal(whole.body, want) {
				t.Errorf("%s: %d bytes, which are not those of the lock", target, len(whole.body))
			}
			if whole.audit.Bytes != file.Size || whole.audit.Size != file.Size {
				t.Errorf("%s: the audit trail says %d of %d bytes, want %d", target, whole.audit.Bytes, whole.audit.Size, file.Size)
			}
			if s.shared(item, f) == 1 {
				whole.names(t, item)
			}
			head := s.ask(t, someClient, http.MethodHead, target)
			head.is(t, "HEAD "+target, http.StatusOK, audit.Metadata)
			if len(head.body) > 0 || head.Header.Get("Content-Length") != fmt.Sprint(file.Size) {
				t.Errorf("HEAD %s: %d bytes, Content-Length %s", target, len(head.body), head.Header.Get("Content-Length"))
			}
			etag := whole.Header.Get("Etag")
			if etag == "" || head.Header.Get("Etag") != etag {
				t.Errorf("%s: the ETag is %q, of HEAD %q", target, etag, head.Header.Get("Etag"))
			}
			s.ask(t, someClient, http.MethodGet, target, "If-None-Match: "+etag).is(t, target+" again", http.StatusNotModified, audit.Metadata)
			if len(want) > 3 {
				part := s.ask(t, someClient, http.MethodGet, target, "Range: bytes=1-2")
				part.is(t, "a part of "+target, http.StatusPartialContent, audit.Allowed)
				if !bytes.Equal(part.body, want[1:3]) {
					t.Errorf("a part of %s: %q, want %q", target, part.body, want[1:3])
				}
			}
			s.ask(t, someClient, http.MethodPut, target).is(t, "PUT "+target, http.StatusMethodNotAllowed, audit.Refused)
		}
	}
	list := s.get(t, m.List)
	list.is(t, m.List, http.StatusOK, audit.Metadata)
	if list.audit.Kind != m.Kind.Name() || !strings.Contains(string(list.body), m.Listed) {
		t.Errorf("%s, of the kind %q, does not have %q:\n%.2000s", m.List, list.audit.Kind, m.Listed, list.body)
	}
}

// shared is how many items have a file.
func (m *mirror) shared(item *artifact.Item, f int) (count int) {
	id := item.FileID(&item.Files[f])
	for _, other := range m.items() {
		for i := range other.Files {
			if other.FileID(&other.Files[i]) == id {
				count++
			}
		}
	}
	return count
}

// missing shows that what is not carried is 404, and the audit trail says what it was, as far as the kind can tell.
func (m *mirror) missing(t *testing.T) {
	a := m.serve(t).get(t, escape(m.Missing))
	a.is(t, m.Missing, http.StatusNotFound, audit.Missing)
	if _, able := artifact.Able[artifact.Identifier](m.Kind); able != (m.MissingName != "") {
		t.Errorf("MissingName is %q; is the kind an Identifier: %t", m.MissingName, able)
	}
	if a.audit.Name != m.MissingName || a.audit.Kind != m.Kind.Name() || a.audit.Artifact != "" {
		t.Errorf("the audit trail calls %s %q, of the kind %q", m.Missing, a.audit.Name, a.audit.Kind)
	}
}

// hostilePaths shows that no path leads out of a source, breaks the server or writes into the audit trail.
func (m *mirror) hostilePaths(t *testing.T) {
	s := m.serve(t)
	item := m.item(t)
	source, file := "/"+escape(item.Source)+"/", s.address(item, 0)
	for _, target := range []string{
		source + "..%2f..%2fetc%2fpasswd",
		source + "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
		source + "..%5c..%5cetc%5cpasswd",
		source + "%252e%252e%252fetc%252fpasswd",
		source + "../../etc/passwd",
		source + "nothing%00",
		file + "%00",
		file + "%0a{%22verdict%22:%22allowed%22}",
		file + "%ff%fe",
		file + "%e2%80%ae",
		file + "/",
		file + "/x",
		file + "%20",
		source + strings.Repeat("a", 10_000),
		source + strings.Repeat("a/", 5_000) + "a",
		source + strings.Repeat("%2e%2e%2f", 1_000) + "etc/passwd",
		source + "*", source + "%3f", source + "%23", source + ":", source + "~", source + "%25",
	} {
		a := s.get(t, target)
		a.is(t, fmt.Sprintf("%.60s", target), http.StatusNotFound, audit.Missing)
		if bytes.ContainsAny(a.body, "\x00\x1b\u202e") || bytes.Contains(a.body, []byte("root:")) {
			t.Errorf("%.60s: %q", target, a.body)
		}
	}
	// What means the same as a path that is there.
	for _, target := range []string{source + "./" + strings.TrimPrefix(file, source), source + "x/../" + strings.TrimPrefix(file, source), "/" + file} {
		if !strings.HasPrefix(file, source) {
			continue
		}
		s.get(t, target).is(t, target, http.StatusOK, audit.Allowed)
	}
}

// pages shows that the server's own pages and answers have the kind's items. They need none of its abilities.
func (m *mirror) pages(t *testing.T) {
	s := m.serve(t)
	item := m.item(t)
	for _, target := range []string{"/", "/healthz", "/readyz", "/minimirror.asc", "/-/search?q=" + url.QueryEscape(item.Name), "/-/activity", "/-/rules"} {
		s.get(t, target).is(t, target, http.StatusOK, audit.Metadata)
	}
	about := url.PathEscape(item.Kind) + "/" + url.PathEscape(item.Name)
	for _, target := range []string{"/-/artifacts/" + about, "/api/v1/artifacts/" + about, "/api/v1/artifacts?q=" + url.QueryEscape(item.Name)} {
		a := s.get(t, target)
		a.is(t, target, http.StatusOK, audit.Metadata)
		if !bytes.Contains(a.body, []byte(item.Name)) || !bytes.Contains(a.body, []byte(item.Version)) {
			t.Errorf("%s does not have %s:\n%s", target, item, a.body)
		}
	}
	var told struct {
		Carried []struct {
			Files []struct{ Address, SHA256 string }
		}
	}
	must(t, json.Unmarshal(s.get(t, "/api/v1/artifacts/"+about).body, &told))
	for _, c := range told.Carried {
		for _, f := range c.Files {
			a := s.get(t, f.Address)
			a.is(t, f.Address, http.StatusOK, audit.Allowed)
			if got := fmt.Sprintf("%x", sha256.Sum256(a.body)); got != f.SHA256 {
				t.Errorf("%s: sha256 %s, want %s", f.Address, got, f.SHA256)
			}
		}
	}
	if len(told.Carried) == 0 || len(told.Carried[0].Files) == 0 {
		t.Errorf("%s: no files", about)
	}
}
