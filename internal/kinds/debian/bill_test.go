package debian

import (
	"reflect"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func TestOrigin(t *testing.T) {
	source := artifact.Source{Name: "debian", Releases: []artifact.Release{{Name: "bookworm", Metadata: []string{"Origin: Debian", "Codename: bookworm"}}}}
	attributes := artifact.NewAttributes(map[string][]string{"architecture": {"amd64"}, "channel": {"bookworm-updates/main", "bookworm/contrib", "bookworm/main"}})
	item := artifact.Item{Kind: "debian", Source: "debian", Name: "libperl5.36", Version: "5.36.0-7+b1", Attributes: attributes,
		Metadata: []string{"Source: perl (5.36.0-7)", "Maintainer: Niko <niko@example.org>", "Homepage: https://www.perl.org/"}}
	got := (Kind{}).Origin(&item)
	if got.Supplier != "Niko <niko@example.org>" || got.Homepage != "https://www.perl.org/" || !reflect.DeepEqual(got.Releases, []string{"bookworm-updates", "bookworm"}) {
		t.Errorf("%+v", got)
	}
	if purl := (Kind{}).PackageURL(&source, got.MadeFrom); purl != "pkg:deb/debian/perl@5.36.0-7?arch=source&distro=bookworm" && purl != "pkg:deb/debian/perl@5.36.0-7?arch=source" {
		t.Errorf("%s", purl)
	}
	if got.MadeFrom.Name != "perl" || got.MadeFrom.Version != "5.36.0-7" {
		t.Errorf("%+v", got.MadeFrom)
	}
	if again := (Kind{}).Origin(got.MadeFrom); again.MadeFrom != nil {
		t.Errorf("a source package is built from %+v", again.MadeFrom)
	}
}

func TestReadLicences(t *testing.T) {
	pkg := debiantest.Package{Name: "app", Files: map[string]string{
		"usr/share/doc/app/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: x\nLicense: GPL-2+ and mine\n\nLicense: mine\n All of it\n"}}
	file, err := pkg.Deb()
	if err != nil {
		t.Fatal(err)
	}
	got, err := (Kind{}).ReadLicences(strings.NewReader(string(file)))
	if err != nil || len(got.Refs) != 1 || got.Expression != "GPL-2.0-or-later AND "+got.Refs[0].ID || got.Refs[0].Text != "All of it" {
		t.Errorf("%+v, %v", got, err)
	}
}
