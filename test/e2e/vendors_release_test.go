package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"regexp"
	"strings"
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
		{name: "Valid-Until without a value", archive: onePackage, edit: until("")},
		{name: "Valid-Until of another zone", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 +0100"), aptRefuses: true, refused: `Valid-Until: .*\+0100.*want UTC`},
		{name: "Valid-Until in the past, with an offset", archive: onePackage, edit: until("Tue, 07 May 2024 00:00:00 +0000"), aptRefuses: true, refused: `expired at 2024-05-07.*[\s\S]*hint: .*check-valid-until: false`},
		{name: "Valid-Until in the past, which is meant", archive: onePackage, edit: until("Tue, 07 May 2024 00:00:00 UTC"), aptRefuses: true, source: "check-valid-until: false"},
		{name: "another zone in a Valid-Until that does not count", archive: onePackage, edit: until("Sun, 01 Jan 2119 00:00:00 +0100"), aptRefuses: true, source: "check-valid-until: false"},
	})
}

func TestVendorWithoutDates(t *testing.T) {
	date := func(line string) func(*debiantest.Archive) { return inRelease(`^Date: .*\n`, line) }
	const unchecked, warns = "check-date: false", "no usable date.*signed=2024-05-06T07:08:09Z"
	hint := `[\s\S]*hint: .*check-date: false.*Check-Date: no`
	runVendors(t, []vendorArchive{
		{name: "no date", archive: onePackage, edit: date(""), refused: "Date: it is missing" + hint, stricter: "without a date nobody sees that the mirror is behind"},
		{name: "a date that cannot be read", archive: onePackage, edit: date("Date: yesterday\n"), refused: `Date: "yesterday" is not a date` + hint, stricter: "as without one"},
		{name: "a date of another zone", archive: onePackage, edit: date("Date: Mon, 06 May 2024 07:08:09 +0200\n"), refused: `Date: .*\+0200.*want UTC` + hint, stricter: "as without one"},
		{name: "no date and none is asked for", archive: onePackage, edit: date(""), source: unchecked, warns: warns,
			then: &vendorArchive{archive: "Suite: bookworm\nDate: 2024-05-05\n\nPackage: good\n", edit: date(""), refused: `it is of 2024-05-05T00:00:00Z, older than`}},
		{name: "a date that cannot be read and is not asked for", archive: onePackage, edit: date("Date: 6.5.2024\n"), source: unchecked, warns: warns},
		{name: "no date and a detached signature", archive: "Suite: bookworm\nSigning: detached\n\nPackage: good\n", edit: date(""), source: unchecked, warns: warns,
			then: &vendorArchive{archive: "Suite: bookworm\nDate: 2024-05-07\n\nPackage: good\n", edit: date(""), warns: "signed=2024-05-07"}},
		{name: "a date in the future that is not asked for", archive: onePackage, edit: date("Date: Wed, 06 May 2122 07:08:09 UTC\n"), aptRefuses: true, source: unchecked, warns: warns},
		{name: "a date in the future", archive: onePackage, edit: date("Date: Wed, 06 May 2122 07:08:09 UTC\n"), aptRefuses: true, refused: "not valid yet"},
		{name: "expired and dates are not asked for", archive: "Suite: bookworm\nValid-Until: 2024-05-07\n\nPackage: good\n", aptRefuses: true, source: unchecked},
	})
}

func TestVendorDigests(t *testing.T) {
	runVendors(t, []vendorArchive{
		{name: "a Release with SHA512 alone", archive: "Suite: bookworm\nHashes: SHA512\n\nPackage: good\n"},
		{name: "packages with SHA512 alone", archive: "Suite: bookworm\n\nPackage: good\nHashes: SHA512\n"},
		{name: "SHA512 alone throughout and found by it", archive: "Suite: bookworm\nHashes: SHA512\nBy-Hash: yes\nCompressions: xz\n\nPackage: good\nHashes: SHA512\nDepends: lib\n\nPackage: lib\nHashes: SHA512\n",
			tamper: func(t *debiantest.Tree) { delete(t.Files, "dists/bookworm/main/binary-amd64/Packages.xz") }},
		{name: "SHA512 beside weak ones", archive: "Suite: bookworm\nHashes: MD5Sum SHA1 SHA512\n\nPackage: good\nHashes: MD5sum SHA1 SHA512\n"},
		{name: "both", archive: "Suite: bookworm\nHashes: SHA256 SHA512\nBy-Hash: yes\n\nPackage: good\nHashes: SHA256 SHA512\n"},
		{name: "a mixture in one index", archive: "Suite: bookworm\n\nPackage: good\nHashes: SHA512\nDepends: lib\n\nPackage: lib\n\nPackage: other\nHashes: MD5sum\n"},
		{name: "flat, with SHA512 alone", flat: "./", archive: "Suite: ./\nHashes: SHA512\n\nPackage: good\nHashes: SHA512\n"},
		{name: "the whole archive, with SHA512 alone", archive: "Suite: bookworm\n\nPackage: good\nHashes: SHA512\n\nPackage: other\nHashes: SHA512\n", definition: "packages: all"},
		{name: "SHA256 for some files, SHA512 for others", archive: "Suite: bookworm\nHashes: SHA512 SHA256\n\nPackage: good\n",
			edit: inRelease(`^ [0-9a-f]{64} .*\.xz\n|^ [0-9a-f]{128} .*/Packages(\.gz)?\n`, "")},
		{name: "SHA256 for some files, weak ones for others", archive: "Suite: bookworm\n\nPackage: good\n",
			edit: inRelease(`^ [0-9a-f]{64} .*\.xz\n`, ""), aptRefuses: true},
		{name: "a package of which only MD5 is known", archive: "Suite: bookworm\n\nPackage: good\nHashes: MD5sum\n", aptRefuses: true, refused: `good 1.0: .*neither a SHA256 nor a SHA512 digest[\s\S]*hint: .*apt-ftparchive`},
		{name: "a Release with MD5 and SHA-1 alone", archive: "Suite: bookworm\nHashes: MD5Sum SHA1\n\nPackage: good\n", aptRefuses: true, refused: `neither SHA256 nor SHA512[\s\S]*hint: .*apt-ftparchive`},
		{name: "an index of which only MD5 is known", archive: "Suite: bookworm\n\nPackage: good\n", edit: inRelease(`^ [0-9a-f]{64} .*\n`, ""), aptRefuses: true,
			refused: `there is no main/binary-amd64/Packages with digests that are accepted[\s\S]*hint: .*apt-ftparchive`},
		{name: "another file than its SHA512 says", archive: "Suite: bookworm\n\nPackage: good\nHashes: SHA512\n", aptRefuses: true, refused: `good 1.0 .*(sha512|size) mismatch`,
			tamper: func(t *debiantest.Tree) { t.Files["pool/main/g/good/good_1.0_all.deb"][100] ^= 1 }},
		{name: "another index than its SHA512 says", archive: "Suite: bookworm\nHashes: SHA512\nCompressions: gz\n\nPackage: good\n", aptRefuses: true, refused: `sha512 mismatch`,
			tamper: func(t *debiantest.Tree) { t.Files["dists/bookworm/main/binary-amd64/Packages.gz"][20] ^= 1 }},
		{name: "SHA256 right and SHA512 wrong", archive: "Suite: bookworm\nHashes: SHA256 SHA512\n\nPackage: good\n", edit: inRelease(`^ [0-9a-f]{8}([0-9a-f]{120} )`, " 00000000$1"), aptRefuses: true, refused: `sha512 mismatch`},
	})
}

func TestVendorPadding(t *testing.T) {
	const gz, xz, zst = "Suite: bookworm\nCompressions: gz\n\nPackage: good\n", "Suite: bookworm\nCompressions: xz\n\nPackage: good\n", "Suite: bookworm\nCompressions: zst\n\nPackage: good\n"
	encoded := func(edit func(data []byte) []byte) func(*debiantest.Archive) {
		return func(a *debiantest.Archive) {
			a.Suites[0].EditEncoded = func(_ string, data []byte) []byte { return edit(data) }
		}
	}
	behind := func(text string) func(*debiantest.Archive) {
		return encoded(func(data []byte) []byte { return append(data, text...) })
	}
	runVendors(t, []vendorArchive{
		{name: "zeros behind gz", archive: gz, edit: behind(strings.Repeat("\x00", 1000))},
		{name: "text behind gz", archive: gz, edit: behind("uploaded by a script\n")},
		{name: "one byte behind gz", archive: gz, edit: behind("\x1f")},
		{name: "half a header behind gz", archive: gz, edit: behind("\x1f\x8b\x08\x00")},
		{name: "zeros behind xz", archive: xz, edit: behind(strings.Repeat("\x00", 1000))},
		{name: "some zeros behind xz", archive: xz, edit: behind("\x00\x00\x00")},
		{name: "text behind xz", archive: xz, edit: behind("uploaded by a script\n")},
		{name: "text behind zst", archive: zst, edit: behind("uploaded by a script\n"), aptRefuses: true},
		{name: "gz without its end", archive: gz, edit: encoded(func(data []byte) []byte { return data[:len(data)-8] })},
		{name: "two members", archive: gz, edit: encoded(func(data []byte) []byte { return inTwoMembers(t, data) })},
		{name: "no gz at all", archive: gz, edit: encoded(func([]byte) []byte { return []byte("Package: good\n") }), aptRefuses: true, refused: `Packages.gz: it can't be decoded: gzip`},
		{name: "zeros behind gz and the plain index is not listed", archive: gz, aptRefuses: true, refused: `Packages.gz: it can't be decoded: `, edit: func(a *debiantest.Archive) {
			behind("\x00\x00")(a)
			inRelease(`^ .*/Packages\n`, "")(a)
		}},
	})
}

// inTwoMembers packs what data holds anew, in two members of gzip.
func inTwoMembers(t *testing.T, data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, part := range [][]byte{plain[:50], plain[50:]} {
		w := gzip.NewWriter(&b)
		_, err := w.Write(part)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestVendorContradictions(t *testing.T) {
	const wrong = " 0000000000000000000000000000000000000000000000000000000000000000"
	warns := "lists files twice.*files=.*main/binary-amd64/Packages"
	const both = "Suite: bookworm\nHashes: SHA256 SHA512\n\nPackage: good\n"
	runVendors(t, []vendorArchive{
		{name: "another digest behind", archive: onePackage, edit: inRelease(`^ [0-9a-f]{64}( .*)\n`, "$0"+wrong+"$1\n"), warns: warns},
		{name: "another size behind", archive: onePackage, edit: inRelease(`^( [0-9a-f]{64} )\d+( .*)\n`, "$0${1}77$2\n"), warns: warns},
		{name: "another digest behind in SHA512", archive: both, edit: inRelease(`^ [0-9a-f]{128}( .*)\n`, "$0"+wrong+strings.TrimSpace(wrong)+"$1\n"), warns: warns},
		{name: "another size in SHA256 than in SHA512", archive: both, edit: inRelease(`^( [0-9a-f]{64} )\d+( .*)\n`, "${1}77$2\n"), warns: warns},
		{name: "only of a file that nobody needs", archive: onePackage, edit: inRelease(`^SHA256:\n`, "$0"+wrong+" 1 x\n"+wrong+" 2 x\n"), warns: "lists files twice.*files=x"},
		{name: "the same twice", archive: onePackage, edit: inRelease(`^ [0-9a-f]{64} .*\n`, "$0$0")},
		{name: "another digest before", archive: onePackage, edit: inRelease(`^ [0-9a-f]{64}( .*)\n`, wrong+"$1\n$0"), aptRefuses: true, refused: "sha256 mismatch"},
		{name: "another size before", archive: onePackage, edit: inRelease(`^( [0-9a-f]{64} )\d+( .*)\n`, "${1}77$2\n$0"), aptRefuses: true, refused: "size mismatch"},
	})
}

// TestVendorOddReleases: what apt overlooks in a Release, nobody needs to mind.
func TestVendorOddReleases(t *testing.T) {
	before := func(line string) func(*debiantest.Archive) { return inRelease(`^Label: `, line+"\n$0") }
	listed := func(line string) func(*debiantest.Archive) { return inRelease(`^SHA256:\n`, "$0"+line+"\n") }
	some := strings.Repeat("a", 64)
	runVendors(t, []vendorArchive{
		{name: "a line that is no field", archive: onePackage, edit: before("made by hand")},
		{name: "a field of two words", archive: onePackage, edit: before("Made by: hand")},
		{name: "a doubled field", archive: onePackage, edit: before("Label: A")},
		{name: "a doubled Date", archive: onePackage, edit: inRelease(`^Date: `, "Date: yesterday\n$0")},
		{name: "a doubled Date, and the last is wrong", archive: onePackage, edit: inRelease(`^Date: .*\n`, "${0}DATE: yesterday\n"), refused: "Date: .*yesterday", stricter: "as without a date"},
		{name: "a doubled list, and the last is right", archive: onePackage, edit: inRelease(`^SHA256:`, "SHA256:\n "+some+" 1 main/binary-amd64/Packages\nsha256:")},
		{name: "a doubled list, and the first is right", archive: onePackage, edit: func(a *debiantest.Archive) {
			a.Suites[0].EditRelease = func(release []byte) []byte {
				return append(release, "SHA256:\n "+some+" 1 main/binary-amd64/Packages\n"...)
			}
		}, aptRefuses: true, refused: "main/binary-amd64/Packages: "},
		{name: "a comment", archive: onePackage, edit: before("# by: hand")},
		{name: "a field name in lower case", archive: onePackage, edit: inRelease(`^SHA256:`, "sha256:")},
		{name: "lines that end in CR LF", archive: onePackage, edit: inRelease(`\n`, "\r\n")},
		{name: "a digest that is too short", archive: onePackage, edit: listed(" d41d8cd98f00b204e9800998ecf8427e 0 x")},
		{name: "a size that is no number", archive: onePackage, edit: listed(" " + some + " big x")},
		{name: "a size below zero", archive: onePackage, edit: listed(" " + some + " -1 x")},
		{name: "tabs", archive: onePackage, edit: inRelease(`^ ([0-9a-f]+) +([0-9]+) `, "\t$1\t$2\t")},
		{name: "names that begin with a dot", archive: onePackage, edit: inRelease(`^( [0-9a-f]+ +[0-9]+ )`, "$1./"), aptRefuses: true},
		{name: "an entry without a name", archive: onePackage, edit: listed(" " + some + " 1"), aptRefuses: true, refused: `want "DIGEST SIZE PATH"`},
		{name: "an empty line", archive: onePackage, edit: before(""), aptRefuses: true, refused: "it is empty, and more follows"},
	})
}

// TestVendorNames: what an archive calls itself may change. The script renamed.txtar shows what clients do then.
func TestVendorNames(t *testing.T) {
	const accept = `(?s)accept="apt-get update --allow-releaseinfo-change".*`
	next := func(pattern, line, warns string) *vendorArchive {
		return &vendorArchive{archive: "Suite: bookworm\nDate: 2024-06-01\n\nPackage: good\n", edit: inRelease(pattern, line), warns: warns}
	}
	runVendors(t, []vendorArchive{
		{name: "another Origin", archive: onePackage, then: next(`^Origin: .*$`, "Origin: Acme", accept+`^vendor bookworm: Origin: "Test" → "Acme"$`)},
		{name: "no Origin any more", archive: onePackage, then: next(`^Origin: .*\n`, "", accept+`^vendor bookworm: Origin: "Test" → ""$`)},
		{name: "another Label", archive: onePackage, then: next(`^Label: .*$`, "Label: Acme", accept+`^vendor bookworm: Label: "Test" → "Acme"$`)},
		{name: "another Codename", archive: onePackage, then: next(`^Codename: .*$`, "Codename: twelve", accept+`^vendor bookworm: Codename: "bookworm" → "twelve"$`)},
		{name: "another Suite", archive: onePackage, then: next(`^Suite: .*$`, "Suite: stable", `^vendor bookworm: Suite: "bookworm" → "stable"$`)},
		{name: "not automatic any more", archive: onePackage, then: next(`^Label: .*$`, "$0\nNotAutomatic: yes", accept+`^vendor bookworm: default priority: "500" → "1"$`)},
	})
}

func TestVendorIndexes(t *testing.T) {
	const apart = "Suite: bookworm\nArchitectures: amd64 all\n\nPackage: good\n"
	without := func(indexes string) func(*debiantest.Archive) { return inRelease(`^ .*`+indexes+`.*\n`, "") }
	absent := func(t *debiantest.Tree) {
		for name := range t.Files {
			if strings.Contains(name, "binary-amd64") {
				delete(t.Files, name)
			}
		}
	}
	runVendors(t, []vendorArchive{
		{name: "binary-all alone", archive: apart, edit: without("binary-amd64"), tamper: absent, warns: "does not list this index.*main/binary-amd64/Packages"},
		{name: "binary-all alone and no other architecture", archive: "Suite: bookworm\nArchitectures: all\n\nPackage: good\n", warns: "does not list this index.*main/binary-amd64/Packages"},
		{name: "binary-all and an empty index that nobody uploaded", archive: apart, tamper: absent},
		{name: "binary-all that nobody uploaded", archive: onePackage, edit: inRelease("^Architectures: amd64", "Architectures: amd64 all")},
		{name: "an architecture without an index", archive: onePackage, edit: inRelease("^Architectures: amd64", "Architectures: amd64 arm64"), source: "architectures: [amd64, arm64]", warns: "does not list this index.*main/binary-arm64/Packages"},
		{name: "an architecture that is not offered", archive: onePackage, source: "architectures: [amd64, riscv64]", warns: "does not list this index.*main/binary-riscv64/Packages.*architectures amd64"},
		{name: "a component without an index", archive: onePackage, edit: inRelease("^Components: main", "Components: main contrib"), source: "components: [main, contrib]", warns: "does not list this index.*contrib/binary-amd64/Packages"},
		{name: "a component that is not offered", archive: onePackage, source: "components: [main, non-free]", warns: "does not list this index.*non-free/binary-amd64/Packages.*components main"},
		{name: "nothing of what is wanted", archive: onePackage, edit: without("Packages"), aptRefuses: true, refused: `source vendor: suite bookworm: there is no main/binary-amd64/Packages[\s\S]*hint: the release offers components main and architectures amd64`},
		{name: "binary-all that is not for packages", archive: apart, edit: func(a *debiantest.Archive) {
			a.Suites[0].Fields = []string{"No-Support-for-Architecture-all: Packages"}
			without("binary-amd64")(a)
		}, aptRefuses: true, refused: "there is no main/binary-amd64/Packages"},
		{name: "flat without an index", archive: "Suite: ./\n\nPackage: good\n", flat: "./", edit: without("Packages"), aptRefuses: true, refused: `suite ./: there is no Packages`},
	})
}
