package debian_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

const archiveOfSuites = `
Suite: bookworm

Package: app
Version: 1.0
Architecture: amd64
Priority: required
Depends: lib1

Package: lib1
Version: 1.0
Architecture: amd64

Package: apt
Version: 1.0
Architecture: amd64
Priority: important

Package: usr-is-merged
Version: 1.0

Package: other
Version: 1.0

Suite: bookworm-security

Package: app
Version: 1.1
Architecture: amd64
Priority: required
Depends: lib2

Package: lib2
Version: 1.1
Architecture: amd64

Suite: bookworm-backports
NotAutomatic: yes
ButAutomaticUpgrades: yes

Package: app
Version: 2.0~bpo1
Architecture: amd64
Depends: lib1 (>= 1.0)

Suite: bookworm-updates

Package: unwanted
`

func versionsOf(items []artifact.Item) string {
	var all []string
	for _, i := range items {
		all = append(all, i.Name+" "+i.Version)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestEachSuite(t *testing.T) {
	highest, err := lockArchive(t, parseArchive(t, archiveOfSuites), "", "[app, apt]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := versionsOf(highest.Items), "app 1.1, apt 1.0, lib2 1.1"; got != want {
		t.Fatalf("the highest versions: got %s, want %s", got, want)
	}
	l, err := lockArchive(t, parseArchive(t, archiveOfSuites), ", versions: each-suite", "[app, apt]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := versionsOf(l.Items), "app 1.0, app 1.1, app 2.0~bpo1, apt 1.0, lib1 1.0, lib2 1.1"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if strings.Contains(l.said, "level=WARN") {
		t.Errorf("lock warns:\n%s", l.said)
	}
	if _, err := l.verify(); err != nil {
		t.Fatal(err)
	}
	apt := l.apt(t, l.mirror, "deb")
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
	for suite, want := range map[string]string{"": "Inst app (1.1 ", "bookworm": "Inst app (1.0 ", "bookworm-security": "Inst app (1.1 ", "bookworm-backports": "Inst app (2.0~bpo1 ", "bookworm-updates": "Inst app (1.1 "} {
		args := []string{"-q", "-s", "install", "app"}
		if suite != "" {
			args = append(args, "-t", suite)
		}
		if out, err := apt.Get(args...); err != nil || !strings.Contains(out, want) {
			t.Errorf("-t %s: want %s: %v\n%s", suite, want, err, out)
		}
	}
}

// A version that cannot be installed keeps nothing else of its suite away; apt takes the version that can be.
func TestEachSuiteBroken(t *testing.T) {
	text := strings.NewReplacer(
		"Package: other\nVersion: 1.0\n", "Package: other\nVersion: 1.0\n\nPackage: broken\nVersion: 1.0\nArchitecture: amd64\n",
		"Suite: bookworm-updates\n", "Package: broken\nVersion: 2.0\nArchitecture: amd64\nDepends: nowhere\n\nSuite: bookworm-updates\n",
	).Replace(archiveOfSuites)
	l, err := lockArchive(t, parseArchive(t, text), ", versions: each-suite", "[app, apt, broken]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := versionsOf(l.Items), "app 1.0, app 1.1, app 2.0~bpo1, apt 1.0, broken 1.0, lib1 1.0, lib2 1.1"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	apt := l.apt(t, l.mirror, "deb")
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
	out, err := apt.Get("-q", "-s", "install", "-t", "bookworm-backports", "app", "broken")
	if err != nil || !strings.Contains(out, "Inst app (2.0~bpo1 ") || !strings.Contains(out, "Inst broken (1.0 ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestEachSuiteStaysLocked: of each suite, what the lock before has stays while upstream has it.
func TestEachSuiteStaysLocked(t *testing.T) {
	const option = ", versions: each-suite"
	before, err := lockArchive(t, parseArchive(t, archiveOfSuites), option, "[app, apt]")
	if err != nil {
		t.Fatal(err)
	}
	const update = "\nPackage: app\nVersion: 1.2\nArchitecture: amd64\nDepends: lib2\n\nSuite: bookworm-backports\n"
	for _, test := range []struct{ text, want string }{
		{archiveOfSuites, versionsOf(before.Items)},
		{strings.Replace(archiveOfSuites, "\nSuite: bookworm-backports\n", update, 1), versionsOf(before.Items)},
		{strings.Replace(archiveOfSuites, "Version: 1.0\nArchitecture: amd64\nPriority: required\nDepends", "Version: 1.0.1\nArchitecture: amd64\nPriority: required\nDepends", 1), strings.Replace(versionsOf(before.Items), "app 1.0,", "app 1.0.1,", 1)},
	} {
		l, err := lockArchive(t, parseArchive(t, test.text), option, "[app, apt]", before)
		if err != nil {
			t.Fatal(err)
		}
		if got := versionsOf(l.Items); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// TestDebootstrapFromOneSuite: it reads bookworm alone, where it misses what has its highest version elsewhere.
func TestDebootstrapFromOneSuite(t *testing.T) {
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin") // an ordinary user's has no sbin
	if _, err := exec.LookPath("debootstrap"); err != nil {
		t.Fatal("debootstrap is missing; type: sudo apt-get install debootstrap")
	}
	key := filepath.Join(t.TempDir(), "key.gpg")
	if err := os.WriteFile(key, debiantest.NewKey("k").Binary(), 0o644); err != nil {
		t.Fatal(err)
	}
	for options, works := range map[string]bool{"": false, ", versions: each-suite": true} {
		l, err := lockArchive(t, parseArchive(t, archiveOfSuites), options, "[app, apt, usr-is-merged]")
		if err != nil {
			t.Fatal(err)
		}
		url := debiantest.StartTree(t, &debiantest.Tree{Files: l.mirror, Modified: map[string]time.Time{}})
		cmd := exec.Command("debootstrap", "--download-only", "--variant=minbase", "--arch=amd64", "--keyring="+key, "bookworm", filepath.Join(t.TempDir(), "root"), url+"/d")
		cmd.Env = append(os.Environ(), "http_proxy=", "no_proxy=*", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if has := strings.Contains(string(out), "Retrieving app 1.0") && strings.Contains(string(out), "Retrieving lib1 1.0"); (err == nil && has) != works {
			t.Errorf("%q: %v\n%s", options, err, out)
		}
	}
}

// What contradicts the option is refused.
func TestEachSuiteRefused(t *testing.T) {
	for options, want := range map[string]string{
		", versions: all": `mirror.yaml:1: source d: versions: "all": write each-suite, or highest`,
	} {
		if _, err := lockArchive(t, parseArchive(t, archiveOfSuites), options, "[app]"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", options, err, want)
		}
	}
	if _, err := lockArchive(t, parseArchive(t, archiveOfSuites), ", versions: each-suite", "all"); err == nil || !strings.Contains(err.Error(), `mirror.yaml:2: packages: all carries every version`) {
		t.Errorf("packages: all: %v", err)
	}
}
