package advisories_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/kinds/advisories"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/transfer"
)

const data = `{"curl": {"CVE-1": {"description": "x", "releases": {"bookworm": {"status": "open"}, "trixie": {"status": "open"}, "sid": {"status": "open"}}}}}`

var now = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// A site is a definition's folder, and an upstream that counts what it sends.
type site struct {
	t       *testing.T
	dir     string
	address string
	text    string
	date    time.Time
	sent    int
	log     strings.Builder
}

func newSite(t *testing.T) *site {
	s := &site{t: t, dir: t.TempDir(), text: data, date: now.AddDate(0, 0, -3)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(s.text)))
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if !s.date.IsZero() {
			w.Header().Set("Last-Modified", s.date.Format(http.TimeFormat))
		}
		s.sent++
		fmt.Fprint(w, s.text)
	}))
	t.Cleanup(server.Close)
	s.address = server.URL
	return s
}

// lock locks the advisories that the text defines.
func (s *site) lock(section string, opt builder.LockOptions) (*lockfile.Lock, error) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "mirror.yaml"), []byte("name: test\nadvisories:\n"+section+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	d, err := builder.ReadDefinition(s.dir, kinds.All())
	if err != nil {
		return nil, err
	}
	store, err := cache.Open(filepath.Join(s.dir, "cache"))
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := fetch.New(store, slog.New(slog.DiscardHandler), "test", transfer.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.log.Reset()
	l := &builder.Locker{Kinds: kinds.All(), Upstream: client, Now: now, Log: slog.New(slog.NewTextHandler(&s.log, nil))}
	made, err := l.Lock(s.t.Context(), d, opt)
	if err != nil {
		return nil, err
	}
	return made.Lock, nil
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// names are what a lock's advisories say.
func names(t *testing.T, lock *lockfile.Lock) (all []string) {
	t.Helper()
	pins := artifact.Pins{Sources: lock.Sources, Open: nil}
	for _, s := range lock.Sources {
		pins.Open = open(s.Releases[0].Proofs[0].Data)
	}
	err := advisories.Kind{}.Advisories(context.Background(), pins, func(string, string) bool { return true }, func(source string, a *artifact.Advisory) error {
		for _, st := range a.Statements {
			all = append(all, source+" "+a.Name+" "+a.ID+" "+st.Release)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAddress(t *testing.T) {
	s := newSite(t)
	section := "  - { name: tracker, tracker: " + s.address + "/data.json, releases: [bookworm] }"
	lock := must[*lockfile.Lock](t)(s.lock(section, builder.LockOptions{}))
	r := lock.Sources[0].Releases[0]
	if !r.Date.Equal(now.AddDate(0, 0, -3)) || r.URL != s.address+"/data.json" || r.SHA256 != strings.TrimPrefix(lockfile.Digest([]byte(data)), "sha256:") {
		t.Errorf("%+v", r)
	}
	if got := strings.Join(names(t, lock), ", "); got != "tracker curl CVE-1 bookworm, tracker curl CVE-1 sid" {
		t.Errorf("kept: %s", got)
	}
	// Locked data stay, also if upstream has others; an update moves them, and transfers nothing that has not changed.
	s.text = strings.ReplaceAll(data, "CVE-1", "CVE-22")
	if lock = must[*lockfile.Lock](t)(s.lock(section, builder.LockOptions{})); s.sent != 1 || !strings.Contains(names(t, lock)[0], "CVE-1") {
		t.Errorf("%d sent: %v", s.sent, names(t, lock))
	}
	s.date = now.AddDate(0, 0, -9)
	for range 2 {
		if lock = must[*lockfile.Lock](t)(s.lock(section, builder.LockOptions{Update: true})); s.sent != 2 || !strings.Contains(names(t, lock)[0], "CVE-22") {
			t.Errorf("%d sent: %v", s.sent, names(t, lock))
		}
		if s.sent == 2 && strings.Contains(s.log.String(), "older than the locked ones") {
			break
		}
	}
	if !strings.Contains(s.log.String(), "older than the locked ones") {
		t.Errorf("older data are not reported: %s", s.log.String())
	}
	// Other releases are another definition: the lock's data do not have them.
	if lock = must[*lockfile.Lock](t)(s.lock(strings.Replace(section, "bookworm", "trixie", 1), builder.LockOptions{})); !strings.Contains(strings.Join(names(t, lock), " "), "trixie") {
		t.Errorf("%v", names(t, lock))
	}
	s.text, s.date = data+"\n\n", now.AddDate(0, 0, 2)
	must[*lockfile.Lock](t)(s.lock(section, builder.LockOptions{Update: true}))
	if !strings.Contains(s.log.String(), "in the future") {
		t.Errorf("a date in the future is not reported: %s", s.log.String())
	}
}

func TestFiles(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(s.dir, "data.json")
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, now, now.AddDate(0, -1, 0)); err != nil {
		t.Fatal(err)
	}
	lock := must[*lockfile.Lock](t)(s.lock("  - { name: tracker, tracker: data.json }", builder.LockOptions{}))
	if date := lock.Sources[0].Releases[0].Date; !date.Equal(now.AddDate(0, -1, 0)) {
		t.Errorf("the file's time: %s", date)
	}
	lock = must[*lockfile.Lock](t)(s.lock(`  - { name: tracker, tracker: data.json, date: "2024-02-03" }`, builder.LockOptions{}))
	if date := lock.Sources[0].Releases[0].Date; date.Format(time.RFC3339) != "2024-02-03T00:00:00Z" {
		t.Errorf("the definition's date: %s", date)
	}
	osv := `{"id": "PYSEC-1", "modified": "2024-02-03T04:05:06Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "versions": ["1"]}]}`
	if err := os.WriteFile(filepath.Join(s.dir, "osv.json"), []byte(osv), 0o644); err != nil {
		t.Fatal(err)
	}
	lock = must[*lockfile.Lock](t)(s.lock("  - { name: pypi, osv: osv.json }", builder.LockOptions{}))
	if r := lock.Sources[0].Releases[0]; r.Date.Format(time.RFC3339) != "2024-02-03T04:05:06Z" || r.Metadata[1] != "Ecosystems: PyPI" {
		t.Errorf("%+v", r)
	}
}

func TestDefinition(t *testing.T) {
	s := newSite(t)
	for section, want := range map[string]string{
		"  - x":                               "cannot be a string",
		"  {}":                                "list",
		"  []":                                "the list is empty",
		"  - { tracker: x }":                  "needs a name",
		"  - { name: a/b, tracker: x }":       "a name has letters",
		"  - { name: a }":                     "where do its advisories come from?",
		"  - { name: a, tracker: x, osv: y }": "both tracker and osv",
		"  - { name: a, tracker: \"ftp://x/y\" }":                "tracker",
		"  - { name: a, tracker: x, date: yesterday }":           "neither a date",
		"  - { name: a, tracker: x, releases: [] }":              "the list is empty",
		"  - { name: a, tracker: x, relases: [b] }":              "relases",
		"  - { name: a, tracker: x }\n  - { name: a, osv: x }":   "duplicate source",
		"  - { name: a, tracker: none.json }":                    "no such file",
		"  - { name: a, tracker: ADDRESS, releases: [bookwrm] }": `nothing about the release "bookwrm"`,
	} {
		_, err := s.lock(strings.ReplaceAll(section, "ADDRESS", s.address), builder.LockOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mirror.yaml:") {
			t.Errorf("%s: %v, want %q", section, err, want)
		}
	}
}
