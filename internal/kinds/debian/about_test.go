package debian_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

const archiveWithAbouts = `
Suite: bookworm
Languages: en de
Contents: yes
By-Hash: yes

Package: app
Version: 2.0
Architecture: amd64
File: usr/bin/app
File: usr/share/with space/app file
File: usr/share/shared

Package: lib
Version: 1.0
File: usr/lib/lib.so
File: usr/share/shared

Package: other
Version: 3.0
File: usr/bin/other
File: usr/share/shared

Suite: bookworm-security

Package: unwanted
`

// speaks makes apt fetch descriptions and file lists, as apt-file configures it.
func speaks(t *testing.T, apt *debiantest.Apt) {
	t.Helper()
	name := filepath.Join(apt.Dir, "apt.conf")
	conf, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	conf = append(bytes.ReplaceAll(conf, []byte("Acquire::Languages \"none\";"), nil), `Acquire::Languages { "de"; "en"; };
Acquire::IndexTargets::deb::Contents-deb { MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)"; ShortDescription "Contents"; Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents"; };
`...)
	if err := os.WriteFile(name, conf, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := apt.Get("-q", "--error-on=any", "update"); err != nil {
		t.Fatal(out, err)
	}
}

func TestAbouts(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithAbouts), ", translations: [en, de], contents: true", "[app, lib]")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.said, "main/Contents-amd64") || !strings.Contains(l.said, "bookworm-security") {
		t.Errorf("lock does not warn of the suite without indexes:\n%s", l.said)
	}
	if vouched, err := l.verify(); err != nil || !strings.Contains(strings.Join(vouched.Report, "\n"), "3 indexes about packages") {
		t.Fatalf("verify: %v, %s", err, vouched.Report)
	}
	const contents = "d/dists/bookworm/main/Contents-amd64"
	if got, want := string(l.mirror[contents]), "usr/bin/app\tutils/app\nusr/lib/lib.so\tutils/lib\nusr/share/shared\tutils/app\nusr/share/shared\tutils/lib\nusr/share/with space/app file\tutils/app\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	apt := l.apt(t, l.mirror, "deb")
	speaks(t, apt)
	if out, err := apt.Cache("show", "app"); err != nil || !strings.Contains(out, "Description-de: app in de\n The whole text\n .\n of 2.0.") {
		t.Fatal(out, err)
	}
	for _, language := range []string{"de", "en"} {
		index := string(l.mirror["d/dists/bookworm/main/i18n/Translation-"+language])
		if strings.Contains(index, "other") || strings.Count(index, "Package: ") != 2 {
			t.Errorf("the descriptions are not filtered:\n%s", index)
		}
	}

	left := l.without(t, func(id string) bool { return strings.Contains(id, "/app_") })
	if got, want := string(left[contents]), "usr/lib/lib.so\tutils/lib\nusr/share/shared\tutils/lib\n"; got != want {
		t.Errorf("without app:\n%s\nwant\n%s", got, want)
	}
	if index := string(left["d/dists/bookworm/main/i18n/Translation-de"]); strings.Contains(index, "app") || !strings.Contains(index, "lib in de") {
		t.Errorf("without app:\n%s", index)
	}
	speaks(t, l.apt(t, left, "deb"))
	nothing := l.without(t, func(id string) bool { return true })
	if index := string(nothing[contents]) + string(nothing["d/dists/bookworm/main/i18n/Translation-de"]); strings.Contains(index, "app") || strings.Contains(index, "lib") {
		t.Errorf("without all:\n%s", index)
	}
	speaks(t, l.apt(t, nothing, "deb"))
}

func TestCommandsAndAppStream(t *testing.T) {
	archive := parseArchive(t, strings.Replace(archiveWithAbouts, "Contents: yes", "Commands: yes\nAppStream: yes", 1))
	l, err := lockArchive(t, archive, ", commands: true, appstream: true", "[app, lib]")
	if err != nil {
		t.Fatal(err)
	}
	if vouched, err := l.verify(); err != nil || !strings.Contains(strings.Join(vouched.Report, "\n"), "2 indexes about packages") {
		t.Fatalf("verify: %v, %s", err, vouched.Report)
	}
	const commands, apps = "d/dists/bookworm/main/cnf/Commands-amd64", "d/dists/bookworm/main/dep11/Components-amd64.yml"
	check := func(of debiantest.TestTree, packages ...string) {
		t.Helper()
		wantCommands, wantApps := "suite: bookworm\ncomponent: main\narch: amd64\n\n", "---\nFile: DEP-11\nVersion: '0.12'\nOrigin: test-bookworm-main\n"
		for _, p := range packages {
			name, version, _ := strings.Cut(p, " ")
			wantCommands += "name: " + name + "\nversion: " + version + "\ncommands: " + name + "," + name + "ctl\n\n"
			wantApps += "---\nType: desktop-application\nID: org.example." + name + "\nPackage: " + name + "\nName:\n  C: The " + name + "\nIcon:\n  cached:\n  - name: " + name + ".png\n"
		}
		if string(of[commands]) != wantCommands || string(of[apps]) != wantApps {
			t.Errorf("got\n%s\n%s\nwant\n%s\n%s", of[commands], of[apps], wantCommands, wantApps)
		}
	}
	check(l.mirror, "app 2.0", "lib 1.0")
	check(l.without(t, func(id string) bool { return strings.Contains(id, "/app_") }), "lib 1.0")
	check(l.without(t, func(id string) bool { return true }))
}

// TestTamperedAbouts: verify makes these indexes again from what upstream signed.
func TestTamperedAbouts(t *testing.T) {
	for _, name := range []string{"d/dists/bookworm/main/Contents-amd64", "d/dists/bookworm/main/i18n/Translation-en", "upstream/d/dists/bookworm/main/Contents-amd64.xz"} {
		l, err := lockArchive(t, parseArchive(t, archiveWithAbouts), ", translations: [en, de], contents: true", "[app, lib]")
		if err != nil {
			t.Fatal(err)
		}
		if l.mirror[name] == nil {
			t.Fatal("no " + name)
		}
		l.mirror[name] = bytes.Replace(append(l.mirror[name], "\nusr/bin/evil\tutils/app\n"...), []byte("of 2.0"), []byte("of 6.6"), 1)
		if _, err := l.verify(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAboutsRefused(t *testing.T) {
	for options, want := range map[string]string{
		", translations: [en, fr]":   `translations: \[fr\]: none of its suites lists such an index: there is no main/i18n/Translation-fr\nhint: the suite bookworm has these languages: de, en`,
		", translations: [\"../x\"]": `mirror.yaml:1: source d: translations: "../x" is not a language`,
		", translations: [en, en]":   `translations: "en" is listed twice`,
		", translations: en":         `mirror.yaml:1`,
	} {
		if _, err := lockArchive(t, parseArchive(t, archiveWithAbouts), options, "[app]"); err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%s: got %v, want %s", options, err, want)
		}
	}
	if _, err := lockArchive(t, parseArchive(t, archiveWithAbouts), ", contents: true", "[app]\nupstream: omit"); err == nil || !strings.Contains(err.Error(), "mirror.yaml:3: upstream: omit: translations, contents, commands and appstream of the source d") {
		t.Errorf("upstream: omit: %v", err)
	}
	archive := parseArchive(t, "Suite: s\n\nPackage: app\n")
	if _, err := lockArchive(t, archive, ", contents: true", "[app]"); err == nil || !strings.Contains(err.Error(), "contents: true: none of its suites lists such an index: there is no main/Contents-amd64 and no Contents-amd64") {
		t.Errorf("no contents: %v", err)
	}
}
