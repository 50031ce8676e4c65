package debian_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

const archiveWithSources = `
Suite: bookworm
Sources: yes
By-Hash: yes

Package: app
Version: 1:2.0-1
Architecture: amd64
Source: suite (1:2.0-0.9)
Depends: libapp

Package: libapp
Version: 1:2.0-1
Architecture: amd64
Source: suite (1:2.0-0.9)

Package: other
Version: 3.0

Suite: bookworm-security
Sources: yes

Package: unwanted
`

// A lockedArchive is what lock says of an archive, and what the mirror of it serves.
type lockedArchive struct {
	*artifact.Resolution
	server *debiantest.ArchiveServer
	mirror debiantest.TestTree
	pins   artifact.Pins
	said   string
	key    *debiantest.Key // upstream's
}

// lockArchive locks an archive with options of its source, after the lock before, and publishes it with all of its files.
func lockArchive(t *testing.T, archive *debiantest.Archive, options, packages string, before ...*lockedArchive) (*lockedArchive, error) {
	t.Helper()
	l := &lockedArchive{server: debiantest.Start(t, archive), mirror: debiantest.TestTree{}, key: archive.Keys["archive"]}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.asc"), l.key.Armored(), 0o644); err != nil {
		t.Fatal(err)
	}
	var suites []string
	for _, s := range archive.Suites {
		suites = append(suites, s.Name)
	}
	components := ", components: [main]"
	if strings.HasSuffix(suites[0], "/") || strings.Contains(options, "components:") {
		components = ""
	}
	text := "sources: [{name: d, urls: [\"" + l.server.URL + "\"], suites: [" + strings.Join(suites, ", ") + "]" + components + ", architectures: [amd64], signed-by: key.asc" + options + "}]\npackages: " + packages + "\n"
	section, err := strictyaml.Parse("mirror.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := debian.Kind{}.Parse(section, nil, dir)
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	req := artifact.ResolveRequest{Spec: spec, Upstream: debiantest.Web{}, Now: debiantest.Today, Log: slog.New(slog.NewTextHandler(&said, nil))}
	for _, b := range before {
		req.Locked, req.Previous = b.Items, b.pins
	}
	if l.Resolution, err = (debian.Kind{}).Resolve(context.Background(), req); err != nil {
		return nil, err
	}
	l.said = said.String()
	l.pins = artifact.Pins{Date: debiantest.Today, Sources: l.Sources, Items: l.Items, Open: func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(l.mirror[name])), nil
	}}
	for i := range l.Sources {
		s := &l.Sources[i]
		for _, r := range s.Releases {
			for _, p := range r.Proofs {
				if l.mirror[s.ProofID(&p)] = p.Data; p.Data == nil {
					l.mirror[s.ProofID(&p)] = l.server.Tree.Files[p.Path]
				}
			}
		}
	}
	for i := range l.Items {
		for f := range l.Items[i].Files {
			file := &l.Items[i].Files[f]
			l.mirror[l.Items[i].FileID(file)] = l.server.Tree.Files[file.Path]
		}
	}
	l.mirror = l.mirror.With(t, l.publish(t))
	return l, nil
}

func (l *lockedArchive) publish(t *testing.T) []artifact.Generated {
	t.Helper()
	files, err := debian.Kind{}.Publish(l.pins, debiantest.TestSigner{Key: debiantest.NewKey("k")})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// without is the mirror when rules deny items to everybody.
func (l *lockedArchive) without(t *testing.T, absent func(id string) bool) debiantest.TestTree {
	t.Helper()
	files, err := debian.Kind{}.Filter(context.Background(), debiantest.FilterRequest(l.mirror, l.Sources, absent))
	if err != nil {
		t.Fatal(err)
	}
	return l.mirror.With(t, files)
}

func (l *lockedArchive) verify() (artifact.Vouched, error) {
	return debian.Kind{}.VerifyUpstream(context.Background(), l.pins, []artifact.KeyFile{{Name: "key.asc", Data: l.key.Armored()}}, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(l.mirror[name])), nil
	})
}

// apt is a client of a mirror with these files.
func (l *lockedArchive) apt(t *testing.T, files debiantest.TestTree, types string) *debiantest.Apt {
	t.Helper()
	tree := &debiantest.Tree{Files: files, Modified: map[string]time.Time{}}
	url := debiantest.StartTree(t, tree)
	var sources strings.Builder
	for _, r := range l.Sources[0].Releases {
		sources.WriteString(strings.Replace(debiantest.Source(url+"/d", r.Name, []string{"main"}, debiantest.NewKey("k").Armored()), "Types: deb\n", "Types: "+types+"\n", 1))
	}
	return debiantest.NewApt(t, sources.String())
}

func parseArchive(t *testing.T, text string) *debiantest.Archive {
	t.Helper()
	archive, err := debiantest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func names(items []artifact.Item) string {
	var all []string
	for i := range items {
		all = append(all, items[i].String())
	}
	return strings.Join(all, "; ")
}

func TestSourcePackages(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithSources), ", sources: true", "[app]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(l.Items), "app 1:2.0-1 (amd64); libapp 1:2.0-1 (amd64); suite 1:2.0-0.9 (source)"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if vouched, err := l.verify(); err != nil || len(vouched.Items) != 3 {
		t.Fatalf("verify: %v, %d items", err, len(vouched.Items))
	}
	apt := l.apt(t, l.mirror, "deb deb-src")
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
	// By the name of the binary package: the source package has another.
	out, err := apt.Get("-q", "--print-uris", "source", "app")
	if err != nil || !strings.Contains(out, "suite_2.0-0.9.dsc") || !strings.Contains(out, "suite_2.0-0.9.tar.gz") {
		t.Fatal(out, err)
	}
	sources := string(l.mirror["d/dists/bookworm/main/source/Sources"])
	if strings.Contains(sources, "other") || !strings.Contains(sources, "Binary: app, libapp\n") || strings.Contains(sources, "Files:") {
		t.Fatalf("the index is not filtered:\n%s", sources)
	}
	if !strings.Contains(string(l.mirror["d/dists/bookworm-security/Release"]), "main/source/Sources") {
		t.Error("a suite without source packages has no index of them, which apt misses")
	}
	if strings.Contains(string(l.mirror["d/dists/bookworm/Release"]), "Indexes") {
		t.Error("a note of the lock is in the Release")
	}
}

func TestDeniedSourcePackage(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithSources), ", sources: true", "[app, other]")
	if err != nil {
		t.Fatal(err)
	}
	left := l.without(t, func(id string) bool { return strings.HasSuffix(id, "/suite_2.0-0.9.dsc") })
	apt := l.apt(t, left, "deb deb-src")
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := apt.Get("-q", "--print-uris", "source", "app"); err == nil {
		t.Fatalf("a denied source package is offered: %s", out)
	}
	if out, err := apt.Get("-q", "--print-uris", "source", "other"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := apt.Get("-q", "-s", "install", "app"); err != nil {
		t.Fatalf("its binary package is gone, too: %s %v", out, err)
	}
	if out, err := l.apt(t, l.without(t, func(id string) bool { return strings.HasSuffix(id, ".dsc") }), "deb deb-src").Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatalf("nothing is left: %s %v", out, err)
	}
}

// TestTamperedSourcePackage: every byte of a source package, and what the index says of it, stands on upstream's signature.
func TestTamperedSourcePackage(t *testing.T) {
	for name, tamper := range map[string]func(i *artifact.Item){
		"another tarball":   func(i *artifact.Item) { i.Files[1].SHA256 = strings.Repeat("0", 64) },
		"another .dsc":      func(i *artifact.Item) { i.Files[0].SHA256 = strings.Repeat("0", 64) },
		"one file less":     func(i *artifact.Item) { i.Files = i.Files[:1] },
		"another version":   func(i *artifact.Item) { i.Version = "9" },
		"another name":      func(i *artifact.Item) { i.Name = "evil" },
		"another binary":    func(i *artifact.Item) { i.Metadata[1] = "Binary: evil" },
		"another directory": func(i *artifact.Item) { i.Files[1].Path = "pool/evil.tar.gz" },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := lockArchive(t, parseArchive(t, archiveWithSources), ", sources: true", "[app]")
			if err != nil {
				t.Fatal(err)
			}
			tamper(&l.pins.Items[2])
			if _, err := l.verify(); err == nil || !strings.Contains(err.Error(), "suite_2.0-0.9.dsc") {
				t.Fatalf("%v: want an error that names the .dsc", err)
			}
		})
	}
}

func TestSourcePackagesThatAreMissing(t *testing.T) {
	const without = "Suite: s\n\nPackage: app\n"
	if _, err := lockArchive(t, parseArchive(t, without), ", sources: true", "[app]"); err == nil || !strings.Contains(err.Error(), "none of its suites lists an index of source packages, such as main/source/Sources") {
		t.Errorf("an archive without source packages: %v", err)
	}
	if _, err := lockArchive(t, parseArchive(t, without), ", sources: maybe", "[app]"); err == nil || !strings.Contains(err.Error(), "mirror.yaml:1") {
		t.Errorf("sources: maybe: %v", err)
	}
	archive := parseArchive(t, archiveWithSources)
	archive.Suites[0].EditIndex = func(path string, index []byte) []byte {
		if !strings.HasSuffix(path, "Sources") {
			return index
		}
		return bytes.ReplaceAll(bytes.ReplaceAll(index, []byte("Package: suite\n"), []byte("Package: renamed\n")), []byte("Checksums-Sha256"), []byte("Checksums-Sha1"))
	}
	l, err := lockArchive(t, archive, ", sources: true", "[app, other]")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no suite lists the source package of app 1:2.0-1 (amd64): suite 1:2.0-0.9", "left out: source d: source package other 3.0: it has no Checksums-Sha256"} {
		if !strings.Contains(l.said, want) {
			t.Errorf("lock does not say %q:\n%s", want, l.said)
		}
	}
}
