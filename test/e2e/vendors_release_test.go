package e2e

import (
	"regexp"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// inRelease replaces what the pattern matches in the Release files before they are signed.
func inRelease(pattern, text string) func(*debiantest.Archive) {
	return func(a *debiantest.Archive) {
		for _, s := range a.Suites {
			s.EditRelease = func(release []byte) []byte {
				return regexp.MustCompile(`(?m)`+pattern).ReplaceAll(release, []byte(text))
			}
		}
	}
}

const onePackage = "Suite: bookworm\n\nPackage: good\n"

func TestVendorDates(t *testing.T) {
	date := func(text string) func(*debiantest.Archive) { return inRelease(`^Date: .*$`, "Date: "+text) }
	until := func(text string) func(*debiantest.Archive) { return inRelease(`^Date: .*$`, "$0\nValid-Until: "+text) }
	runVendors(t, []vendorArchive{
		{name: "an offset, as apt-ftparchive writes", archive: onePackage, edit: date("Mon, 06 May 2024 07:08:09 +0000")},
		{name: "a negative offset of zero", archive: onePackage, edit: date("Mon, 06 May 2024 07:08:09 -0000")},
		{name: "Z", archive: onePackage, edit: date("Mon, 06 May 2024 07:08:09 Z")},
		{name: "GMT", archive: onePackage, edit: date("Mon, 06 May 2024 07:08:09 GMT")},
		{name: "one digit", archive: onePackage, edit: date("Mon, 6 May 2024 7:08:09 UTC")},
		{name: "asctime", archive: onePackage, edit: date("Mon May  6 07:08:09 2024")},
		{name: "Valid-Until with an offset", archive: onePackage, edit: until("Sun, 1 Jan 2119 0:00:00 +0000")},
		{name: "Valid-Until with a negative offset of zero", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 -0000")},
		{name: "Valid-Until with Z", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 Z")},
		{name: "Valid-Until of another zone", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 +0100"), aptRefuses: true, refused: `Valid-Until: .*\+0100.*want UTC`},
		{name: "Valid-Until in the past, with an offset", archive: onePackage, edit: until("Tue, 07 May 2024 00:00:00 +0000"), aptRefuses: true, refused: `expired at 2024-05-07.*[\s\S]*hint: .*check-valid-until: false`},
		{name: "another zone in a Valid-Until that does not count", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 +0100"), aptRefuses: true, source: "check-valid-until: false"},
	})
}
