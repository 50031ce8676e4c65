package debiantest_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

const made = `
Suite: bookworm
Codename: bookworm
Architectures: amd64 arm64
By-Hash: yes
Compressions: none gz xz zst

Package: app
Version: 1:2.0~rc1+b1-1
Architecture: amd64
Multi-Arch: foreign
Depends: libapp1 (>= 2), mailer, tool | other
Filler: 5000
Compression: xz

Package: libapp1
Version: 2.0
Architecture: amd64
Multi-Arch: same
Compression: zst

Package: libapp1
Version: 2.0
Architecture: arm64
Multi-Arch: same

Package: mta
Provides: mailer (= 3)
Compression: none

Package: tool
Component: contrib

Suite: flat/
Signing: detached

Package: flat+one
Version: 3:1.0+x~y
`

func parse(t *testing.T, text string) *debiantest.Archive {
	t.Helper()
	a, err := debiantest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs a Debian tool and returns what it printed.
func run(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is missing: type: sudo apt-get install apt dpkg gpgv", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), append(env, "LC_ALL=C")...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	one, err := parse(t, made).Build()
	if err != nil {
		t.Fatal(err)
	}
	two, err := parse(t, made).Build()
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(one.Files, two.Files, slices.Equal) {
		t.Error("two builds of one archive differ")
	}
	for _, name := range []string{
		"dists/bookworm/InRelease", "dists/bookworm/main/binary-amd64/Packages.zst",
		"pool/main/a/app/app_2.0~rc1+b1-1_amd64.deb", "pool/main/liba/libapp1/libapp1_2.0_arm64.deb",
		"pool/contrib/t/tool/tool_1.0_all.deb", "flat/flat+one_1.0+x~y_all.deb", "flat/Release.gpg",
	} {
		if one.Files[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if one.Files["flat/InRelease"] != nil {
		t.Error("flat/InRelease exists in a suite with detached signatures")
	}
}

func TestCollidingFileNames(t *testing.T) {
	a := parse(t, "Package: a\nVersion: 1:1.0\n\nPackage: a\nVersion: 2:1.0\n")
	if _, err := a.Build(); err == nil || !strings.Contains(err.Error(), "pool/main/a/a/a_1.0_all.deb") {
		t.Errorf("Build of two packages with one file name: %v", err)
	}
	a.Collide = true
	if _, err := a.Build(); err != nil {
		t.Error(err)
	}
}

func TestDpkgReadsTheDebs(t *testing.T) {
	tree, err := parse(t, made).Build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := tree.Write(dir); err != nil {
		t.Fatal(err)
	}
	for name := range tree.Files {
		if !strings.HasSuffix(name, ".deb") {
			continue
		}
		file := filepath.Join(dir, name)
		if out, err := run(t, nil, "dpkg-deb", "--info", file); err != nil || strings.Contains(out, "warning") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if out, err := run(t, nil, "dpkg-deb", "--contents", file); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	out, err := run(t, nil, "dpkg-deb", "--contents", filepath.Join(dir, "pool/main/a/app/app_2.0~rc1+b1-1_amd64.deb"))
	if err != nil || !strings.Contains(out, "root/root      5000 2024-05-06 07:08 ./usr/share/app/filler") {
		t.Errorf("contents of app: %v\n%s", err, out)
	}
}

// TestDpkgInstallsADeb unpacks and configures a package into a root of its own,
// as an ordinary user.
func TestDpkgInstallsADeb(t *testing.T) {
	a := &debiantest.Archive{Suites: []*debiantest.Suite{{Name: "s", Packages: []*debiantest.Package{{
		Name: "hello", Version: "1:1.0",
		Files:   map[string]string{"usr/bin/hello": "#!/bin/sh\necho hello\n", "etc/hello.conf": "greeting\n"},
		Control: map[string]string{"conffiles": "/etc/hello.conf\n"},
	}}}}}
	tree, err := a.Build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := tree.Write(dir); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	for _, sub := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	path := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	out, err := run(t, path, "dpkg", "--root="+root, "--force-not-root", "--force-script-chrootless", "--install",
		filepath.Join(dir, "pool/main/h/hello/hello_1.0_all.deb"))
	if err != nil || strings.Contains(out, "warning") {
		t.Fatalf("dpkg --install: %v\n%s", err, out)
	}
	out, err = run(t, nil, filepath.Join(root, "usr/bin/hello"))
	if err != nil || out != "hello\n" {
		t.Errorf("hello: %v, %q", err, out)
	}
	out, err = run(t, nil, "dpkg-query", "--root="+root, "-W", "-f", "${Status} ${Version}", "hello")
	if err != nil || out != "install ok installed 1:1.0" {
		t.Errorf("dpkg-query: %v, %q", err, out)
	}
}
