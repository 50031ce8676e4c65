package kindtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/server"
)

// Addresses of clients.
const (
	someClient  = "192.0.2.1"
	otherClient = "198.51.100.1"
)

// A site is a server of a mirror, and its audit trail.
type site struct {
	*mirror
	handler http.Handler
	log     *audit.Log
	trail   string // a file
}

// serve starts a server with rules, each "deny: {…}" or "allow: {…}".
func (m *mirror) serve(t *testing.T, rules ...string) *site {
	t.Helper()
	s, err := m.start(t, rules...)
	must(t, err)
	return s
}

func (m *mirror) start(t *testing.T, rules ...string) (*site, error) {
	t.Helper()
	dir := t.TempDir()
	s := &site{mirror: m, trail: filepath.Join(dir, "audit.log")}
	var err error
	s.log, err = audit.Open(s.trail, nil)
	must(t, err)
	t.Cleanup(func() { s.log.Close() })
	o := server.Options{Image: m.image, Kinds: m.Program, Audit: s.log}
	if len(rules) > 0 {
		o.Rules = filepath.Join(dir, "rules.yaml")
		must(t, os.WriteFile(o.Rules, []byte("rules:\n - "+strings.Join(rules, "\n - ")+"\n"), 0o644))
		o.Signer = func(date time.Time) (artifact.Signer, error) { return signing.Keys{m.key}.At(date, nil) }
	}
	server, err := server.New(o)
	if err != nil {
		return nil, err
	}
	s.handler = server.Handler()
	return s, nil
}

// An answer is what a client gets, and what the audit trail says of it.
type answer struct {
	*http.Response
	body  []byte
	audit audit.Record
}

// ask sends a request of a client. A header is given as "Name: value".
func (s *site) ask(t testing.TB, client, method, target string, header ...string) *answer {
	t.Helper()
	before := len(s.records(t))
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = client + ":1234"
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := &answer{Response: w.Result()}
	var err error
	a.body, err = io.ReadAll(a.Body)
	must(t, err)
	records := s.records(t)
	if len(records) != before+1 {
		t.Fatalf("%s %s: %d lines in the audit trail, want one", method, target, len(records)-before)
	}
	a.audit = records[before]
	if a.audit.Status != a.StatusCode || a.audit.Client.String() != client || a.audit.Method != method {
		t.Errorf("%s %s: the audit trail says %+v", method, target, a.audit)
	}
	return a
}

func (s *site) get(t testing.TB, target string) *answer {
	t.Helper()
	return s.ask(t, someClient, http.MethodGet, target)
}

func (s *site) records(t testing.TB) (all []audit.Record) {
	t.Helper()
	data, err := os.ReadFile(s.trail)
	must(t, err)
	skipped, err := audit.Read(bytes.NewReader(data), func(r *audit.Record) error {
		all = append(all, *r)
		return nil
	})
	must(t, err)
	if skipped > 0 {
		t.Errorf("%d lines of the audit trail are no records", skipped)
	}
	return all
}

// is checks an answer's status and the audit trail's verdict.
func (a *answer) is(t testing.TB, what string, status int, verdict audit.Verdict) {
	t.Helper()
	if a.StatusCode != status || a.audit.Verdict != verdict {
		t.Errorf("%s: %d, %s; want %d, %s: %.200q", what, a.StatusCode, a.audit.Verdict, status, verdict, a.body)
	}
}

// names checks that the audit trail says which item it was.
func (a *answer) names(t testing.TB, item *artifact.Item) {
	t.Helper()
	r := &a.audit
	if r.Kind != item.Kind || r.Name != item.Name || r.Version != item.Version || r.Artifact != item.ID() {
		t.Errorf("the audit trail calls %s %s/%s %s (%s)", item.ID(), r.Kind, r.Name, r.Version, r.Artifact)
	}
}

// allowed reports whether a client may have an item: all of its files, or none.
func (s *site) allowed(t testing.TB, client string, item *artifact.Item) bool {
	t.Helper()
	may := 0
	for f := range item.Files {
		a := s.ask(t, client, http.MethodGet, s.address(item, f))
		switch a.audit.Verdict {
		case audit.Allowed:
			may++
		case audit.Denied:
			a.is(t, "a denial", http.StatusForbidden, audit.Denied)
		default:
			t.Errorf("%s: %s", item, a.audit.Verdict)
		}
	}
	return may == len(item.Files)
}

// address is a request's target for a file of an item.
func (s *site) address(item *artifact.Item, f int) string {
	return escape(artifact.Address(s.Kind, item, &item.Files[f]))
}

// escape writes a path as clients do.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c == '/' || c == '-' || c == '.' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// content is a file's bytes, out of the cache.
func (m *mirror) content(t testing.TB, f *artifact.File) []byte {
	t.Helper()
	in, err := m.cache.Open(f.Content())
	must(t, err)
	defer in.Close()
	data, err := io.ReadAll(in)
	must(t, err)
	return data
}
