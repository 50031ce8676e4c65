package debian

import (
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestPackageURL(t *testing.T) {
	release := func(name string, metadata ...string) artifact.Release {
		return artifact.Release{Name: name, Metadata: metadata}
	}
	source := artifact.Source{Name: "main", Releases: []artifact.Release{
		release("bookworm", "Origin: Debian", "Suite: stable", "Codename: bookworm"),
		release("bookworm-security", "Origin: Debian", "Suite: stable-security", "Codename: bookworm-security"),
		release("bookworm-backports-sloppy", "Origin: Debian Backports", "Codename: bookworm-backports-sloppy"),
		release("jammy-updates", "Origin: Ubuntu", "Suite: jammy-updates", "Codename: jammy"),
		release("./", "Origin: obs://build.example.org/isv:/tools"),
		release("stable", "Origin: Vendor", "Suite: stable"),
	}}
	for _, c := range []struct{ name, version, architecture, channel, want string }{
		{"curl", "7.88.1-10+deb12u5", "amd64", "bookworm/main", "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64&distro=bookworm"},
		{"openssh-server", "1:9.2p1-2~x", "all", "bookworm-security/main", "pkg:deb/debian/openssh-server@1:9.2p1-2~x?arch=all&distro=bookworm"},
		{"g++-12", "12.2.0-14", "arm64", "jammy-updates/universe", "pkg:deb/ubuntu/g%2B%2B-12@12.2.0-14?arch=arm64&distro=jammy"},
		{"a", "1", "amd64", "bookworm-backports-sloppy/main", "pkg:deb/main/a@1?arch=amd64&distro=bookworm"},
		{"tool", "2", "amd64", "./", "pkg:deb/main/tool@2?arch=amd64"},
		{"agent", "3", "amd64", "stable/main", "pkg:deb/vendor/agent@3?arch=amd64&distro=stable"},
		{"b", "1", "amd64", "absent/main", "pkg:deb/main/b@1?arch=amd64"},
	} {
		item := artifact.Item{Name: c.name, Version: c.version, Attributes: artifact.NewAttributes(map[string][]string{"architecture": {c.architecture}, "channel": {c.channel}})}
		if got := (Kind{}).PackageURL(&source, &item); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
