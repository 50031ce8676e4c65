package debian_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

const archiveWithInstaller = "Suite: bookworm\nInstaller: yes\nCompressions: none gz\n\nPackage: app\n\nSuite: bookworm-updates\n\nPackage: unwanted\n"

func TestInstaller(t *testing.T) {
	l, err := lockArchive(t, parseArchive(t, archiveWithInstaller), ", installer: [netboot]", "[app]")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(l.Items), "app 1.0 (all); debian-installer-netboot bookworm (amd64)"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if vouched, err := l.verify(); err != nil || len(vouched.Items) != 2 {
		t.Fatalf("verify: %v", err)
	}
	const folder = "d/dists/bookworm/main/installer-amd64/current/images/"
	linux := l.mirror[folder+"netboot/debian-installer/amd64/linux"]
	if string(linux) != "image netboot/debian-installer/amd64/linux of bookworm\n" {
		t.Fatalf("the kernel is %q", linux)
	}
	sums := string(l.mirror[folder+"SHA256SUMS"])
	if strings.Count(sums, "\n") != 2 || !strings.Contains(sums, debiantest.SHA256(linux)+"  ./netboot/debian-installer/amd64/linux\n") {
		t.Errorf("SHA256SUMS is not of what is carried:\n%s", sums)
	}
	release := string(l.mirror["d/dists/bookworm/Release"])
	if !strings.Contains(release, debiantest.SHA256([]byte(sums))) || strings.Contains(string(l.mirror["d/dists/bookworm/main/binary-amd64/Packages"]), "installer") {
		t.Errorf("the Release does not list SHA256SUMS, or Packages lists the installer:\n%s", release)
	}
	left := l.without(t, func(id string) bool { return strings.HasSuffix(id, "images/netboot") })
	if sums := string(left[folder+"SHA256SUMS"]); strings.Contains(sums, "netboot") || !strings.Contains(string(left["d/dists/bookworm/Release"]), debiantest.SHA256([]byte(sums))) {
		t.Errorf("a denied installer is listed:\n%s", sums)
	}

	l.pins.Items[1].Files[0].SHA256 = strings.Repeat("0", 64)
	if _, err := l.verify(); err == nil || !strings.Contains(err.Error(), "no signed SHA256SUMS lists dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/initrd.gz") {
		t.Errorf("another image: %v", err)
	}
}

func TestInstallerRefused(t *testing.T) {
	for options, want := range map[string]string{
		", installer: [netbot]":           "there are no images called \"netbot\"\nhint: there are: cdrom, netboot",
		", installer: [../netboot]":       `mirror.yaml:1: source d: installer: "../netboot" is not the name of a folder`,
		", installer: [netboot, netboot]": "is listed twice",
		", installer: netboot":            "mirror.yaml:1",
	} {
		if _, err := lockArchive(t, parseArchive(t, archiveWithInstaller), options, "[app]"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", options, err, want)
		}
	}
	if _, err := lockArchive(t, parseArchive(t, "Suite: s\n\nPackage: app\n"), ", installer: [netboot]", "[app]"); err == nil || !strings.Contains(err.Error(), "there is no main/installer-amd64/current/images/SHA256SUMS") {
		t.Errorf("no installer: %v", err)
	}
}
