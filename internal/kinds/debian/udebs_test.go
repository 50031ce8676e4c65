package debian_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

const archiveWithUdebs = `
Suite: bookworm
By-Hash: yes

Package: app
Version: 1.0
Architecture: amd64

Package: app-udeb
Version: 1.0
Architecture: amd64
Package-Type: udeb
Depends: lib-udeb

Package: lib-udeb
Version: 1:1.0
Package-Type: udeb
Section: debian-installer

Package: net-6.1.0-9-di
Version: 6.1.9
Architecture: amd64
Package-Type: udeb

Package: foreign-udeb
Architecture: arm64
Package-Type: udeb

Suite: bookworm-updates

Package: unwanted

Package: lib-udeb
Version: 1:1.1
Package-Type: udeb

Suite: bookworm-security

Package: secret
`

const udebIndex = "main/debian-installer/binary-amd64/Packages"

func TestUdebs(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithUdebs), ", udebs: true", "[app]\nexclude: [net-6.1.0-*-di]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(l.Items), "app 1.0 (amd64); app-udeb 1.0 (amd64); lib-udeb 1:1.0 (all); lib-udeb 1:1.1 (all)"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if strings.Contains(l.said, "there is no such package") || !strings.Contains(l.said, "index="+udebIndex) {
		t.Errorf("lock says that exclude names nothing, or not that a suite has no udebs:\n%s", l.said)
	}
	if vouched, err := l.verify(); err != nil || len(vouched.Items) != 4 {
		t.Fatalf("verify: %v", err)
	}
	for suite, want := range map[string][]string{"bookworm": {"app-udeb 1.0", "lib-udeb 1:1.0"}, "bookworm-updates": {"lib-udeb 1:1.1"}, "bookworm-security": nil} {
		index, listed := string(l.mirror["d/dists/"+suite+"/"+udebIndex]), []string(nil)
		for stanza := range strings.SplitSeq(strings.TrimSpace(index), "\n\n") {
			if stanza == "" {
				continue
			}
			lines := strings.Split(stanza, "\n")
			listed = append(listed, strings.TrimPrefix(lines[0], "Package: ")+" "+strings.TrimPrefix(lines[1], "Version: "))
		}
		if !slices.Equal(listed, want) {
			t.Errorf("%s: got %q, want %q", suite, listed, want)
		}
		release := string(l.mirror["d/dists/"+suite+"/Release"])
		if !strings.Contains(release, debiantest.SHA256([]byte(index))+" ") || strings.Contains(release, "Udebs") {
			t.Errorf("the Release of %s does not list the index, or has a note of the lock:\n%s", suite, release)
		}
	}
	if packages := string(l.mirror["d/dists/bookworm/main/binary-amd64/Packages"]); strings.Contains(packages, "udeb") {
		t.Errorf("nodes are offered packages of the installer:\n%s", packages)
	}
	apt := l.apt(t, l.mirror, "deb")
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := apt.Get("-q", "-s", "install", "app-udeb"); err == nil {
		t.Fatalf("apt installs a package of the installer: %s", out)
	}
}

// What rules deny is in no index; an index of which nothing is left has no stanza, which the installer would take for a package.
func TestDeniedUdebs(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithUdebs), ", udebs: true, translations: []", "[app]")
	if err != nil {
		t.Fatal(err)
	}
	left := l.without(t, func(id string) bool { return strings.HasSuffix(id, "/app-udeb_1.0_amd64.udeb") })
	if index := string(left["d/dists/bookworm/"+udebIndex]); strings.Contains(index, "app-udeb") || !strings.Contains(index, "net-6.1.0-9-di") {
		t.Errorf("got %s", index)
	}
	left = l.without(t, func(id string) bool { return strings.HasSuffix(id, ".udeb") })
	index := left["d/dists/bookworm/"+udebIndex]
	if len(index) != 0 || !strings.Contains(string(left["d/dists/bookworm/Release"]), debiantest.SHA256(nil)+" 0 "+udebIndex+"\n") {
		t.Errorf("got %q, and a Release\n%s", index, left["d/dists/bookworm/Release"])
	}
}

// TestTamperedUdeb: what an installer runs as root stands on upstream's signature, and no udeb passes for a package of nodes.
func TestTamperedUdeb(t *testing.T) {
	for name, tamper := range map[string]func(i *artifact.Item){
		"other bytes":     func(i *artifact.Item) { i.Files[0].SHA256 = strings.Repeat("0", 64) },
		"another name":    func(i *artifact.Item) { i.Name = "evil" },
		"another version": func(i *artifact.Item) { i.Version = "9" },
		"other relations": func(i *artifact.Item) { i.Metadata = append(i.Metadata, "Provides: evil") },
		"for nodes":       func(i *artifact.Item) { i.Attributes = i.Attributes[:2] },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := lockArchive(t, parseArchive(t, archiveWithUdebs), ", udebs: true", "[app]")
			if err != nil {
				t.Fatal(err)
			}
			tamper(&l.pins.Items[1])
			if _, err := l.verify(); err == nil || !strings.Contains(err.Error(), "app-udeb_1.0_amd64.udeb") {
				t.Fatalf("%v: want an error that names the file", err)
			}
		})
	}
}

func TestUdebsThatUpstreamDescribesWrongly(t *testing.T) {
	archive := parseArchive(t, archiveWithUdebs)
	archive.Suites[0].EditIndex = func(path string, index []byte) []byte {
		if path != udebIndex {
			return index
		}
		text := strings.Replace(string(index), "\nSHA256:", "\nSHA1:", 1)
		return []byte(strings.Replace(text, "Version: 6.1.9", "Version: 6 1", 1))
	}
	l, err := lockArchive(t, archive, ", udebs: true", "[app]")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(l.Items); strings.Contains(got, "app-udeb") || strings.Contains(got, "net-6") || !strings.Contains(got, "lib-udeb") {
		t.Errorf("got %s", got)
	}
	for _, want := range []string{"package app-udeb 1.0: the index names neither a SHA256 nor a SHA512 digest", "invalid Version", "left out: source d: dists/bookworm/" + udebIndex + ":"} {
		if !strings.Contains(l.said, want) {
			t.Errorf("lock does not say %q:\n%s", want, l.said)
		}
	}
}

func TestUdebsRefused(t *testing.T) {
	for options, want := range map[string]string{
		", udebs: maybe": "mirror.yaml:1",
		", udebs: true, components: [main, main/debian-installer]": "mirror.yaml:1: source d: udebs: true takes main/debian-installer with its component: remove it from components",
	} {
		if _, err := lockArchive(t, parseArchive(t, archiveWithUdebs), options, "[app]"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", options, err, want)
		}
	}
	if _, err := lockArchive(t, parseArchive(t, "Suite: s\n\nPackage: app\n"), ", udebs: true", "[app]"); err == nil || !strings.Contains(err.Error(), "udebs: true: none of its suites lists packages of the installer, such as "+udebIndex) {
		t.Errorf("no installer: %v", err)
	}
	for _, option := range []string{", udebs: true", ", installer: [netboot]"} {
		if _, err := lockArchive(t, parseArchive(t, "Suite: flat/\n\nPackage: app\n"), option, "[app]"); err == nil || !strings.Contains(err.Error(), `mirror.yaml:1: source d: udebs and installer: the suite "flat/" is flat`) {
			t.Errorf("%s of a flat repository: %v", option, err)
		}
	}
}

func TestUdebsBesideImages(t *testing.T) {
	text := strings.Replace(archiveWithUdebs, "By-Hash: yes", "Installer: yes", 1)
	for options, warns := range map[string]bool{", installer: [netboot]": true, ", installer: [cdrom]": false, ", installer: [netboot], udebs: true": false} {
		l, err := lockArchive(t, parseArchive(t, text), options, "[app]")
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(l.said, `write \"udebs: true\"`); said != warns {
			t.Errorf("%s: warns: %t\n%s", options, said, l.said)
		}
	}
}

// TestOwnUdeb: a file of one's own that only an installer can use is refused by name.
func TestOwnUdeb(t *testing.T) {
	dir := t.TempDir()
	data, err := (&debiantest.Package{Name: "tool-udeb", Fields: []string{"Package-Type: udeb"}}).Deb()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "tool.udeb"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	section, err := strictyaml.Parse("mirror.yaml", []byte("sources: [{name: own, debs: [tool.udeb]}]\npackages: [tool-udeb]\n"))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := debian.Kind{}.Parse(section, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = debian.Kind{}.Resolve(context.Background(), artifact.ResolveRequest{Spec: spec, Upstream: debiantest.Web{}, Now: debiantest.Today, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "mirror.yaml:1: tool.udeb: it is a package of the installer") {
		t.Errorf("got %v", err)
	}
}
