package debian

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// resolve runs the whole verb over an archive; text is the definition's "debian" part
// with URL for the archive's address.
func resolve(t *testing.T, archive *debiantest.Archive, key *debiantest.Key, text string) (*artifact.Resolution, error) {
	t.Helper()
	return resolveSaying(t, archive, key, text, artifact.ResolveRequest{}, io.Discard)
}

// resolveSaying is resolve, with what is known of the lock before. What it logs goes to said.
func resolveSaying(t *testing.T, archive *debiantest.Archive, key *debiantest.Key, text string, req artifact.ResolveRequest, said io.Writer) (*artifact.Resolution, error) {
	t.Helper()
	server := debiantest.Start(t, archive)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.asc"), key.Armored(), 0o644); err != nil {
		t.Fatal(err)
	}
	section, err := strictyaml.Parse("mirror.yaml", []byte(strings.ReplaceAll(text, "URL", server.URL)))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Kind{}.Parse(section, nil, dir)
	if err != nil {
		return nil, err
	}
	req.Spec, req.Upstream, req.Now, req.Log = spec, debiantest.Web{}, debiantest.Today, slog.New(slog.NewTextHandler(said, nil))
	return Kind{}.Resolve(context.Background(), req)
}

func describePins(r *artifact.Resolution) string {
	var all []string
	for _, a := range r.Items {
		all = append(all, fmt.Sprintf("%s %s %v", a.Name, a.Version, a.Attributes.Values("channel")))
	}
	return strings.Join(all, "; ")
}

// TestBackportsWait: as apt has it, a suite that is NotAutomatic gives only what
// nothing else has.
func TestBackportsWait(t *testing.T) {
	key := debiantest.NewKey("k")
	suite := func(name string, fields []string, packages ...*debiantest.Package) *debiantest.Suite {
		return &debiantest.Suite{Name: name, Fields: fields, SignedBy: []*debiantest.Key{key}, Packages: packages, Architectures: []string{"amd64"}}
	}
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{
		suite("stable", nil, &debiantest.Package{Name: "tool", Version: "1", Fields: []string{"Depends: helper"}}),
		suite("stable-backports", []string{"NotAutomatic: yes", "ButAutomaticUpgrades: yes"},
			&debiantest.Package{Name: "tool", Version: "2~bpo1"}, &debiantest.Package{Name: "helper", Version: "3"}),
	}}
	const sources = "sources: [{name: d, urls: [URL], suites: [stable, stable-backports], components: [main], architectures: [amd64], signed-by: key.asc}]\n"
	for requests, want := range map[string]string{
		"[tool]":             "helper 3 [stable-backports/main]; tool 1 [stable/main]",
		"[\"tool (>= 2~)\"]": "tool 2~bpo1 [stable-backports/main]",
	} {
		r, err := resolve(t, archive, key, sources+"packages: "+requests)
		if err != nil {
			t.Fatal(err)
		}
		if got := describePins(r); got != want {
			t.Errorf("%s: got %s, want %s", requests, got, want)
		}
	}
}

func TestSourcesRefused(t *testing.T) {
	key := debiantest.NewKey("k")
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{{Name: "s", SignedBy: []*debiantest.Key{key}, Packages: []*debiantest.Package{{Name: "a"}}}}}
	entry := func(change string) string {
		fields := map[string]string{"name": "d", "urls": "[URL]", "suites": "[s]", "components": "[main]", "architectures": "[amd64]", "signed-by": "key.asc"}
		name, value, _ := strings.Cut(change, ": ")
		fields[name] = value
		text := "sources: [{"
		for _, name := range []string{"name", "urls", "suites", "components", "architectures", "signed-by"} {
			if fields[name] != "" {
				text += name + ": " + fields[name] + ", "
			}
		}
		return text + "}]\npackages: [a]"
	}
	for change, want := range map[string]string{
		"name: d":                              "",
		"name: ../d":                           `mirror.yaml:1: source "../d"`,
		"urls: [ftp://h/x]":                    "an address begins with",
		"urls: [\"http://u:secret@h/x\"]":      "http://u:xxxxx@h/x",
		"urls: [\"http://h/x?y\"]":             "has no ? and no #",
		"suites: [s, s]":                       `suite "s" is listed twice`,
		"suites: [\"\"]":                       `invalid suite ""`,
		"suites: [a b]":                        `invalid suite "a b"`,
		"suites: [../s]":                       "invalid suite",
		"suites: [s/]":                         "has no components",
		"components: ":                         "needs components",
		"components: [main, main]":             `component "main" is listed twice`,
		"architectures: [amd64, amd64]":        `architecture "amd64" is listed twice`,
		"architectures: [all]":                 `"all" is not an architecture`,
		"architectures: [arm64]":               "there is no main/binary-arm64/Packages",
		"signed-by: ":                          "signed-by is missing",
		"signed-by: nowhere.asc":               "mirror.yaml:1: signed-by: open",
		"signed-by: \"-----BEGIN PGP PUBLIC\"": "it holds no OpenPGP key",
	} {
		_, err := resolve(t, archive, key, entry(change))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", change, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %s", change, err, want)
		}
	}
}

// TestOneFileTwice: two stanzas for one file are one package, or an error that a person can mend.
func TestOneFileTwice(t *testing.T) {
	key := debiantest.NewKey("k")
	for edit, want := range map[string]string{
		"Filename: .//pool/": "",
		"Package: b\n":       "a 1.0 (all) and b 1.0 (all) have the same file, pool/main/a/a/a_1.0_all.deb\nhint: exclude one of them: exclude: [b=1.0]",
	} {
		archive := &debiantest.Archive{Suites: []*debiantest.Suite{{Name: "s", SignedBy: []*debiantest.Key{key}, Packages: []*debiantest.Package{{Name: "a"}},
			EditIndex: func(_ string, index []byte) []byte {
				second := strings.Replace(string(index), "Filename: pool/", edit, 1)
				if strings.HasPrefix(edit, "Package") {
					second = strings.Replace(string(index), "Package: a\n", edit, 1)
				}
				return append(append(index, '\n'), second...)
			}}}}
		r, err := resolve(t, archive, key, "sources: [{name: d, urls: [URL], suites: [s], components: [main], architectures: [amd64], signed-by: key.asc}]\npackages: [a, '*']")
		switch {
		case want == "" && (err != nil || len(r.Items) != 1):
			t.Errorf("%q: %v, %v", edit, r, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", edit, err)
		}
	}
}
