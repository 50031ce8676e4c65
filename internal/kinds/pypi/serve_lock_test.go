package pypi

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/requirements"
)

// A madeSite serves items whose files are not there: it answers with their names.
type madeSite struct {
	mirror artifact.Mirror
	denied string // name of an item
	asked  []string
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func (s *madeSite) Mirror() artifact.Mirror     { return s.mirror }
func (s *madeSite) Base(r *http.Request) string { return "http://" + r.Host }
func (s *madeSite) Open(name string) (io.ReadSeekCloser, error) {
	all, err := Kind{}.Publish(s.mirror.Pins, nil)
	if err != nil {
		return nil, err
	}
	return memoryFile{bytes.NewReader(all[0].Data)}, nil
}

func (s *madeSite) ServeFile(w http.ResponseWriter, _ *http.Request, name string) {
	for i := range s.mirror.Items {
		item := &s.mirror.Items[i]
		for f := range item.Files {
			if item.Source+"/"+item.Files[f].Path == name {
				_, _ = io.WriteString(w, name)
				return
			}
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (s *madeSite) ServeFileAs(w http.ResponseWriter, r *http.Request, name string, _ func(*artifact.Item) bool) {
	s.ServeFile(w, r, name)
}

func (s *madeSite) Decide(_ *http.Request, item *artifact.Item) artifact.Verdict {
	return artifact.Verdict{Allowed: item.Name != s.denied, Rule: "rules.yaml:2", Reason: "policy 9.1"}
}

func (s *madeSite) Ask(_ *http.Request, item *artifact.Item, _ artifact.Verdict) {
	s.asked = append(s.asked, item.Name)
}

// add adds an item of a file for targets.
func (s *madeSite) add(name, version, file string, targets ...string) {
	path := filePath(name, file)
	item := artifact.Item{Kind: "pypi", Source: "pypi", Name: name, Version: version, Attributes: artifact.NewAttributes(map[string][]string{attributeTarget: targets}),
		Files: []artifact.File{{Path: path, Size: 7, SHA256: strings.Repeat("a", 64)}}}
	if isWheel(&item) {
		item.Files = append(item.Files, artifact.File{Path: path + metadataEnd, Size: 3, SHA256: strings.Repeat("b", 64)})
	}
	s.mirror.Items = append(s.mirror.Items, item)
}

func newMadeSite() *madeSite {
	return &madeSite{mirror: artifact.Mirror{Pins: artifact.Pins{Sources: []artifact.Source{{Kind: "pypi", Name: "pypi"}}}}}
}

func (s *madeSite) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	Kind{}.Mount(s)[0].ServeHTTP(w, httptest.NewRequest("GET", "http://mirror.example.org"+path, nil))
	return w.Code, w.Body.String()
}

const (
	intel, arm, musl = "python3.11-manylinux_2_28_x86_64", "python3.12-manylinux_2_28_aarch64", "python3.11-musllinux_1_2_x86_64"
	digest           = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// TestLocks reads the lock files that the mirror serves with the reader for definitions.
func TestLocks(t *testing.T) {
	s := newMadeSite()
	s.add("app", "1.0", "app-1.0-py3-none-any.whl", intel, arm)
	s.add("ext", "1+l.1", "ext-1+l.1-cp311-cp311-manylinux_2_17_x86_64.whl", intel)
	s.add("ext", "2", "ext-2-cp312-cp312-manylinux_2_28_aarch64.whl", arm)
	s.add("old", "3", "old-3.tar.gz", intel)
	s.add("setuptools", "66", "setuptools-66-py3-none-any.whl") // builds old
	for name, want := range map[string]map[string][]string{
		"pylock.toml": {intel: {"app 1.0", "ext 1+l.1", "old 3"}, arm: {"app 1.0", "ext 2"}},
		"pylock.python311-manylinux_2_28_x86_64.toml":  {intel: {"app 1.0", "ext 1+l.1", "old 3"}, arm: nil},
		"pylock.python312-manylinux_2_28_aarch64.toml": {intel: nil, arm: {"app 1.0", "ext 2"}},
	} {
		status, body := s.get(t, "/pypi/"+name)
		if status != 200 {
			t.Errorf("%s: %d %s", name, status, body)
			continue
		}
		for target, packages := range want {
			pins, err := requirements.ReadPylock(name, []byte(body), requirements.Selection{Environment: parseTargetName(target).Environment()})
			if (err == nil) != (packages != nil) {
				t.Errorf("%s, %s: %v\n%s", name, target, err, body)
				continue
			}
			var has []string
			for _, pin := range pins {
				has = append(has, pin.Project+" "+pin.Version.String())
				if len(pin.Files) != 1 || len(pin.Files[0].Hashes) != 1 || pin.Files[0].Hashes[0].Hex != digest || pin.Index != "http://mirror.example.org/pypi/simple/" {
					t.Errorf("%s, %s: %+v", name, target, pin)
				}
			}
			if !slices.Equal(has, packages) {
				t.Errorf("%s, %s: %q, want %q", name, target, has, packages)
			}
		}
	}
	if _, body := s.get(t, "/pypi/pylock.toml"); !strings.Contains(body, `'http://mirror.example.org/pypi/packages/ext/ext-1%2Bl.1-cp311-cp311-manylinux_2_17_x86_64.whl'`) || strings.Contains(body, "setuptools") {
		t.Error(body)
	}
	s.denied = "ext"
	if status, body := s.get(t, "/pypi/pylock.toml"); status != 403 || !strings.Contains(body, "ext 1+l.1") || !strings.Contains(body, "policy 9.1") || !slices.Equal(s.asked, []string{"ext"}) {
		t.Errorf("denied: %d %s, %q", status, body, s.asked)
	}
	for _, path := range []string{"/pypi/pylock.other.toml", "/pypi/pylock.python3.11-manylinux_2_28_x86_64.toml", "/pypi/pylock.toml/"} {
		if status, _ := s.get(t, path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestLockOfTwins has targets that no marker tells apart. A lock file for both is there only if they have the same versions.
func TestLockOfTwins(t *testing.T) {
	s := newMadeSite()
	s.add("ext", "1", "ext-1-cp311-cp311-manylinux_2_28_x86_64.whl", intel)
	s.add("ext", "1", "ext-1-cp311-cp311-musllinux_1_2_x86_64.whl", musl)
	if status, body := s.get(t, "/pypi/pylock.toml"); status != 200 || strings.Count(body, ".whl'") != 4 {
		t.Errorf("%d %s", status, body)
	}
	s.add("ext", "2", "ext-2-cp311-cp311-musllinux_1_2_x86_64.whl", musl)
	s.mirror.Items = slices.Delete(s.mirror.Items, 1, 2)
	if status, _ := s.get(t, "/pypi/pylock.toml"); status != 404 {
		t.Error(status)
	}
	if status, body := s.get(t, "/pypi/pylock.python311-musllinux_1_2_x86_64.toml"); status != 200 || !strings.Contains(body, "ext-2-") {
		t.Errorf("%d %s", status, body)
	}
}

// TestFileHost asks for files where the host of upstream's files has them.
func TestFileHost(t *testing.T) {
	s := newMadeSite()
	s.add("acme-app", "1.0", "acme_app-1.0-py3-none-any.whl", intel)
	s.add("acme-app", "0.9", "acme-app-0.9.tar.gz", intel)
	for path, want := range map[string]string{
		"/pypi/files/ab/cd/ef/acme_app-1.0-py3-none-any.whl":          "pypi/packages/acme-app/acme_app-1.0-py3-none-any.whl",
		"/pypi/files/ab/cd/ef/acme_app-1.0-py3-none-any.whl.metadata": "pypi/packages/acme-app/acme_app-1.0-py3-none-any.whl.metadata",
		"/pypi/simple/acme-app/acme-app-0.9.tar.gz":                   "pypi/packages/acme-app/acme-app-0.9.tar.gz",
		"/pypi/simple/Acme.App/acme-app-0.9.tar.gz":                   "",
		"/pypi/files/acme-app-0.9.tar.gz":                             "pypi/packages/acme-app/acme-app-0.9.tar.gz",
		"/pypi/files/ab/other-1.0-py3-none-any.whl":                   "",
		"/pypi/packages/ab/acme_app-1.0-py3-none-any.whl":             "",
	} {
		if status, body := s.get(t, path); body != want || (status == 200) != (want != "") {
			t.Errorf("%s: %d %s", path, status, body)
		}
		item := Kind{}.Identify(path, "")
		if want != "" && (item == nil || item.Name != "acme-app" || item.Version == "") {
			t.Errorf("%s: %+v", path, item)
		}
	}
}
