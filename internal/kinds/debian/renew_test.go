package debian

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// The script that renews a client's sources, with the real apt-helper: it takes new suites and sources, and nothing else.
func TestRenewal(t *testing.T) {
	const key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n"
	mirror := func(key string, sources ...artifact.Source) artifact.Mirror {
		return artifact.Mirror{Pins: artifact.Pins{Sources: sources}, PublicKey: []byte(key)}
	}
	source := func(name string, suites ...string) artifact.Source {
		s := artifact.Source{Kind: "debian", Name: name}
		for _, suite := range suites {
			s.Releases = append(s.Releases, artifact.Release{Name: suite, Metadata: []string{"Components: main contrib"}})
		}
		return s
	}
	var sent, asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = r.URL.String(); sent == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, sent)
	}))
	defer server.Close()
	old := sourcesFile(mirror(key, source("debian", "bookworm")), server.URL)
	more := sourcesFile(mirror(key, source("debian", "bookworm", "bookworm-updates"), source("flat", "./"), source("c++.x", "a/b/")), server.URL)
	dir := t.TempDir()
	for name, text := range map[string]string{"id": "echo 0", "apt-get": `echo "apt-get $*"`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "sources.list.d", "minimirror.sources")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, installed, sent string
		changes               bool
		says                  string
	}{
		{"the same", old, old, false, ""},
		{"more", old, more, true, "apt-get -qq update"},
		{"fewer", more, old, true, "minimirror: renewed "},
		{"source packages", old, strings.Replace(old, "Types: deb\n", "Types: deb deb-src\n", 1), true, "renewed"},
		{"unreachable", old, "", false, "cannot be fetched"},
		{"not installed", "", old, false, "it is missing; run setup.sh"},
		{"another key", old, strings.ReplaceAll(more, "mQ==", "mQ=="+"a"), false, "the mirror sends another key"},
		{"another key for one source", old, strings.Replace(more, "mQ==", "mQ=="+"a", 1), false, "the mirror sends another key"},
		{"a second key", old, old + "\n" + strings.ReplaceAll(old, "mQ==", "mR=="), false, "the mirror sends another key"},
		{"no key", old, more + "\nTypes: deb\nURIs: " + server.URL + "/x\nSuites: x\n", false, "the mirror sends another key"},
		{"a second Signed-By", old, strings.Replace(old, "Signed-By:\n", "Signed-By: /etc/other.asc\nSigned-By:\n", 1), false, "the mirror sends another key"},
		{"nothing", old, "\n", false, "the mirror sends another key"},
		{"a page", old, "<html>log in</html>\n", false, "the mirror sends another key"},
		{"trusted", old, strings.Replace(more, "Suites:", "Trusted: yes\nSuites:", 1), false, "not its own: Trusted: yes"},
		{"another place", old, strings.Replace(more, server.URL+"/flat", "http://evil.example.org/flat", 1), false, "not its own: URIs: http://evil.example.org/flat"},
		{"a place that begins alike", old, strings.Replace(more, server.URL+"/flat", server.URL+"1/flat", 1), false, "not its own: URIs"},
		{"above", old, strings.Replace(more, server.URL+"/flat", server.URL+"/../x", 1), false, "not its own: URIs"},
		{"two places", old, strings.Replace(more, server.URL+"/flat", server.URL+"/flat http://evil.example.org/", 1), false, "not its own: URIs"},
		{"options of a list", old, strings.Replace(more, "Types: deb\n", "Types: deb\n [trusted=yes]\n", 1), false, "not its own"},
		{"continued", old, strings.Replace(more, "Suites: bookworm", "Suites: bookworm\n evil", 1), false, "not its own"},
		{"several keys here", old + "\n" + strings.ReplaceAll(old, "mQ==", "mR=="), old, false, "it has several keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent = test.sent
			os.Remove(file)
			if test.installed != "" {
				if err := os.WriteFile(file, []byte(test.installed), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := renewal(mirror(key, source("debian", "bookworm")), server.URL)
			command := exec.Command("sh", "-c", strings.ReplaceAll(string(r.Script), "/"+clientFile, file))
			command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TMPDIR="+dir, "no_proxy=*")
			out, err := command.CombinedOutput()
			want := test.installed
			if test.changes {
				want = test.sent
			}
			if ok := test.changes || test.sent == test.installed; (err == nil) != ok || !strings.Contains(string(out), test.says) {
				t.Errorf("%v: %s", err, out)
			}
			if now, _ := os.ReadFile(file); string(now) != want {
				t.Errorf("the file is now\n%s\n%s", now, out)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
			if hidden, _ := filepath.Glob(filepath.Join(dir, "*", ".*")); err != nil || len(left)+len(hidden) > 1 {
				t.Errorf("left behind: %q %q", left, hidden)
			}
		})
	}
	system := source("debian", "bookworm")
	system.System = "bookworm"
	if script := string(renewal(mirror(key, system), server.URL).Script); !strings.Contains(script, "/minimirror.sources?codename=bookworm'") || asked != "/minimirror.sources" {
		t.Errorf("asked for %s:\n%s", asked, script)
	}
}
