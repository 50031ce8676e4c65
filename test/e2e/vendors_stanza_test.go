package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// inPackages replaces what the pattern matches in the Packages files before they are hashed.
func inPackages(pattern, text string) func(*debiantest.Archive) {
	return editPackages(func(index string) string {
		return regexp.MustCompile(`(?m)`+pattern).ReplaceAllString(index, text)
	})
}

// beside adds a stanza to the Packages files, behind the others.
func beside(stanza string) func(*debiantest.Archive) {
	return editPackages(func(index string) string { return index + stanza + "\n" })
}

func editPackages(edit func(index string) string) func(*debiantest.Archive) {
	return func(a *debiantest.Archive) {
		for _, s := range a.Suites {
			s.EditIndex = func(path string, index []byte) []byte { return []byte(edit(string(index))) }
		}
	}
}

// oddStanza is a stanza of a package "odd" with other fields; one that is set to "" is not there.
func oddStanza(fields ...string) string {
	all := []string{"Package: odd", "Version: 1.0", "Architecture: all", "Maintainer: A <a@example.org>", "Filename: pool/odd_1.0_all.deb",
		"Size: 1000", "SHA256: " + strings.Repeat("a", 64), "Description: odd"}
next:
	for _, field := range fields {
		name, _, _ := strings.Cut(field, ":")
		for i := range all {
			if strings.HasPrefix(all[i], name+":") {
				all[i] = strings.TrimSuffix(field, name+":-")
				continue next
			}
		}
		all = append(all, field)
	}
	var b strings.Builder
	for _, field := range all {
		if field != "" {
			b.WriteString(field + "\n")
		}
	}
	return b.String()
}

func TestVendorFilenames(t *testing.T) {
	at := func(name string) string { return "Suite: bookworm\n\nPackage: good\nFilename: " + name + "\n" }
	runVendors(t, []vendorArchive{
		{name: "absolute", archive: at("/pool/good_1.0_all.deb")},
		{name: "two slashes first", archive: at("//pool/good_1.0_all.deb")},
		{name: "dot and two slashes", archive: at(".//pool/good_1.0_all.deb")},
		{name: "dot", archive: at("./pool/good_1.0_all.deb")},
		{name: "two slashes", archive: at("pool//main///good_1.0_all.deb")},
		{name: "dot in the middle", archive: at("pool/./good_1.0_all.deb")},
		{name: "up and down again", archive: at("pool/x/../good_1.0_all.deb")},
		{name: "an encoded epoch", archive: at("pool/good_1%3a1.0_all.deb")},
		{name: "below dists", archive: at("dists/bookworm/pool/stable/amd64/good_1.0_all.deb")},
		{name: "debug symbols of Ubuntu", archive: at("pool/good_1.0_all.ddeb")},
		{name: "a package of an installer", archive: at("pool/good_1.0_all.udeb")},
		{name: "characters of addresses", archive: at("pool/a&b/@c/good+~1;x=1,y%20z#1 [2].deb")},
		{name: "flat", flat: "./", archive: "Suite: ./\n\nPackage: good\nFilename: .//good_1.0_all.deb\n"},
		{name: "one file in two ways", archive: "Suite: bookworm\n\nPackage: good\nFilename: pool/good.deb\n",
			edit: editPackages(func(index string) string {
				return index + strings.Replace(index, "pool/good.deb", ".//pool/good.deb", 1)
			})},
		{name: "out of the archive", archive: onePackage, edit: inPackages(`^Filename: .*$`, "Filename: ../good_1.0_all.deb"), refused: `good: left out: source vendor: dists/bookworm/main/binary-amd64/Packages:1: package good 1.0: invalid Filename "\.\./good_1\.0_all\.deb"`, aptRefuses: true},
		{name: "out of the archive, later", archive: onePackage, edit: inPackages(`^Filename: (.*)$`, "Filename: pool/../../$1"), refused: `invalid Filename`, stricter: "it leaves the source"},
		{name: "encoded dots", archive: onePackage, edit: inPackages(`^Filename: (.*)$`, "Filename: %2e%2e/$1"), refused: `invalid Filename`, aptRefuses: true},
		{name: "dots encoded twice", archive: onePackage, edit: inPackages(`^Filename: (.*)$`, "Filename: pool/%252e%252e/$1"), refused: `invalid Filename`, aptRefuses: true},
		{name: "an address", archive: onePackage, edit: inPackages(`^Filename: .*$`, "Filename: http://mirror.example.org/good_1.0_all.deb"), refused: `invalid Filename`, aptRefuses: true},
		{name: "a folder", archive: onePackage, edit: inPackages(`^Filename: (.*)$`, "Filename: $1/"), refused: `invalid Filename`, aptRefuses: true},
		{name: "metadata of the archive", archive: onePackage, edit: inPackages(`^Filename: (.*)$`, "Filename: dists/bookworm/InRelease"), refused: `only files that end in \.deb, `, aptRefuses: true},
	})
}

// TestVendorOddStanzas: one odd stanza beside the wanted one is left out, with a warning; whoever asks for it is told why.
func TestVendorOddStanzas(t *testing.T) {
	// What apt does when it finds the stanza:
	const (
		installs   = iota // it installs the package, in which something else is wrong
		cannot            // it cannot install this package
		unreadable        // it cannot use the index
	)
	var rows []vendorArchive
	for i, c := range []struct {
		name, stanza string
		apt          int
		why          string
	}{
		{"architecture with an underscore", oddStanza("Architecture: x86_64"), cannot, `package odd 1\.0: invalid Architecture "x86_64"`},
		{"two architectures", oddStanza("Architecture: amd64 i386"), cannot, `invalid Architecture "amd64 i386"`},
		{"no architecture", oddStanza("Architecture:-"), cannot, `package odd 1\.0: it has no Architecture`},
		{"a version with a space", oddStanza("Version: 1.0 beta"), cannot, `package odd: invalid Version "1\.0 beta"`},
		{"a version with a slash", oddStanza("Version: 1.0/2"), cannot, `package odd: invalid Version "1\.0/2"`},
		{"a version in parentheses", oddStanza("Version: (1.0)"), cannot, `invalid Version "\(1\.0\)"`},
		{"no version", oddStanza("Version:-"), cannot, `package odd: it has no Version`},
		{"a provided version with a space", oddStanza("Provides: foo (= 1 beta)"), cannot, `its field Provides is damaged: foo: invalid version restriction \(= 1 beta\)`},
		{"a needed version with a space", oddStanza("Depends: good (>= 0.5 beta)"), cannot, `its field Depends is damaged: good: invalid version restriction \(>= 0\.5 beta\)`},
		{"a substitution that nobody made", oddStanza("Depends: ${shlibs:Depends}"), cannot, `its field Depends is damaged: invalid package name`},
		{"no size", oddStanza("Size:-"), cannot, `it has no Size`},
		{"a size that is no number", oddStanza("Size: big"), cannot, `invalid Size "big"`},
		{"a size below zero", oddStanza("Size: -1"), cannot, `invalid Size "-1"`},
		{"no file name", oddStanza("Filename:-"), cannot, `it has no Filename`},
		{"a weak digest alone", oddStanza("SHA256:-", "MD5sum: "+strings.Repeat("a", 32)), cannot, `the index names neither a SHA256 nor a SHA512 digest; weaker ones are not accepted`},
		{"a digest in capitals", oddStanza("SHA256: " + strings.Repeat("A", 64)), cannot, `invalid SHA256 "AAAA`},
		{"a line that is no field", oddStanza("and so on", "Tag: x"), cannot, `"and so on" is not a field`},
		{"an alternative that is missing", oddStanza("Depends: good |"), unreadable, `its field Depends is damaged: a package is missing before ""`},

		{"no name", oddStanza("Package:-"), unreadable, `a stanza without a Package field`},
		{"Provides without a value", oddStanza("Provides:"), unreadable, `its field Provides is empty, which apt cannot read`},
		{"Provides with two words", oddStanza("Provides: x y"), unreadable, `its field Provides is damaged: unexpected "y" after x`},
		{"Depends that begins with a comma", oddStanza("Depends: , good"), unreadable, `its field Depends is damaged: a package is missing before ", good"`},
		{"Depends with two commas", oddStanza("Depends: good,, good"), unreadable, `its field Depends is damaged: a package is missing before ", good"`},
		{"Enhances with two words", oddStanza("Enhances: x y"), unreadable, `its field Enhances is damaged: unexpected "y" after x`},
		{"Replaces for an architecture", oddStanza("Replaces: x [amd64]"), unreadable, `its field Replaces is damaged: unexpected "\[amd64\]" after x`},
		{"Suggests for a profile", oddStanza("Suggests: x <!nocheck>"), unreadable, `its field Suggests is damaged: unexpected "<!nocheck>" after x`},
		{"Breaks with two versions", oddStanza("Breaks: x (>= 1.0) (<< 2)"), unreadable, `its field Breaks is damaged: unexpected "\(<< 2\)" after x`},
		{"Conflicts without a closing parenthesis", oddStanza("Conflicts: x (>= 1.0"), unreadable, `its field Conflicts is damaged: .* has no closing parenthesis`},
		{"Recommends without a version", oddStanza("Recommends: x ()"), unreadable, `its field Recommends is damaged: apt cannot read`},
		{"Pre-Depends that ends too soon for apt", oddStanza("Pre-Depends: good (=1)"), unreadable, `its field Pre-Depends is damaged: apt cannot read .*: write it like "\(= 1\)"`},
		{"a short Description-md5", oddStanza("Description-md5: abc"), unreadable, `Description-md5 "abc", which apt cannot read`},
		{"a stanza of two megabytes", oddStanza("Tag: " + strings.Repeat("x", 2<<20)), unreadable, `its stanza has \d+ bytes, which is more than apt can read`},
		{"a byte order mark", "\ufeff" + oddStanza(), unreadable, `a stanza without a Package field`},
	} {
		why := strings.ReplaceAll(c.why, `"`, `\\?"`) // the log escapes it
		left := `left out: source vendor: dists/bookworm/main/binary-amd64/Packages:\d+: .*` + why
		// The whole archive, so that every stanza is looked at.
		beside := vendorArchive{name: c.name, archive: onePackage, edit: beside(c.stanza), definition: "packages: [good, '*']", warns: left, aptRefuses: c.apt == unreadable}
		rows = append(rows, beside)
		if c.why == `a stanza without a Package field` {
			continue
		}
		asked := beside
		asked.name, asked.definition, asked.install, asked.warns, asked.refused = c.name+", asked for", "packages: [good, odd]", "good odd", "", `(?s)mirror\.yaml:\d+: odd: .*`+left
		asked.aptRefuses = true
		needed := asked
		needed.name, needed.install, needed.definition = c.name+", needed", "needs", "packages: [needs]"
		needed.archive += "\nPackage: needs\nDepends: odd\n"
		needed.refused = `needs 1\.0 cannot be installed: .*` + why
		rows = append(rows, asked, needed)
		if i%8 == 0 {
			excluded := beside
			excluded.name, excluded.definition, excluded.warns = c.name+", excluded", "packages: [good, '*']\nexclude: [odd]", ""
			rows = append(rows, excluded)
		}
	}
	runVendors(t, rows)
}

// TestVendorFields: what apt overlooks in a stanza, nobody needs to mind; apt shows the same of it through us.
func TestVendorFields(t *testing.T) {
	const withLib = "Suite: bookworm\n\nPackage: good\nDepends: lib\n\nPackage: lib\n"
	depends := func(value string) func(*debiantest.Archive) {
		return inPackages(`^Depends: lib$`, "Depends: "+value)
	}
	maintainer := func(line string) func(*debiantest.Archive) { return inPackages(`^Maintainer: .*$`, line) }
	runVendors(t, []vendorArchive{
		{name: "a space before the colon", archive: onePackage, edit: maintainer("Maintainer : A")},
		{name: "a space before colons that count", archive: onePackage, edit: inPackages(`^(Filename|Size|SHA256):`, "$1 :")},
		{name: "Depends with a space before the colon", archive: withLib, edit: inPackages(`^Depends:`, "Depends :")},
		{name: "a doubled field", archive: onePackage, edit: maintainer("Maintainer: A\nMaintainer: B")},
		{name: "a doubled Depends", archive: withLib, edit: inPackages(`^Depends: lib$`, "Depends: nothing\nDEPENDS: lib")},
		{name: "a doubled digest", archive: onePackage, edit: inPackages(`^SHA256:`, "SHA256: 0\nSHA256:")},
		{name: "a doubled Filename", archive: onePackage, edit: inPackages(`^Filename:`, "Filename: pool/other.deb\nFilename:")},
		{name: "a comment with a colon", archive: onePackage, edit: maintainer("# made by: hand")},
		{name: "a field of two words", archive: onePackage, edit: maintainer("Made by: hand")},
		{name: "a name in capitals", archive: onePackage, edit: inPackages(`^Package: good$`, "Package: Good")},
		{name: "lines that end in CR LF", archive: withLib, edit: editPackages(func(index string) string { return strings.ReplaceAll(index, "\n", "\r\n") })},
		{name: "many empty lines", archive: withLib, edit: editPackages(func(index string) string { return strings.ReplaceAll(index, "\n\n", "\n\n\n\n") })},
		{name: "empty lines first", archive: withLib, edit: editPackages(func(index string) string { return "\n\n" + index }), aptRefuses: true},
		{name: "no line break at the end", archive: withLib, edit: editPackages(strings.TrimSpace)},
		{name: "a size with zeros before it", archive: onePackage, edit: inPackages(`^Size: `, "Size: 000")},
		{name: "a size with a sign", archive: onePackage, edit: inPackages(`^Size: `, "Size: +")},
		{name: "a size with a unit", archive: onePackage, edit: inPackages(`^(Size: .*)$`, "$1 bytes")},
		{name: "an unknown priority", archive: onePackage, edit: maintainer("Priority: urgent")},

		{name: "Latin-1", archive: onePackage, edit: maintainer("Maintainer: Jos\xe9 <jose@example.org>")},
		{name: "Latin-1 in a continuation line", archive: onePackage, edit: maintainer("Author: A\n Gr\xfc\xdfe\n .\n B")},
		{name: "a control character", archive: onePackage, edit: maintainer("Maintainer: A\x01B\x1b[1mC\x7f")},
		{name: "a zero byte", archive: onePackage, edit: maintainer("Maintainer: A\x00B")},
		{name: "a carriage return in a line", archive: onePackage, edit: maintainer("Maintainer: A\rB")},
		{name: "half a character", archive: onePackage, edit: maintainer("Maintainer: A\xe2\x82")},
		{name: "private characters", archive: onePackage, edit: maintainer("Maintainer: A\uf70a\uf7e9B")},
		{name: "Latin-1 in the name of a field", archive: onePackage, edit: maintainer("Gr\xfc\xdfe: A")},
		{name: "Latin-1 in the Release", archive: onePackage, edit: inRelease(`^Label: .*$`, "Label: Gr\xfc\xdfe")},
		{name: "a control character in the Release", archive: onePackage, edit: inRelease(`^Label: .*$`, "Label: A\x02B")},

		{name: "a version without an operator", archive: withLib, edit: depends("lib (1.0)")},
		{name: "a version without an operator, spaces around it", archive: withLib, edit: depends("lib ( 1.0 )")},
		{name: "a version without an operator, in an alternative", archive: withLib, edit: depends("nothing (2.0)|lib(1.0)")},
		{name: "a version without an operator that is not there", archive: withLib, edit: depends("lib (2.0)"), aptRefuses: true, refused: `needs lib \(= 2\.0\)`},
		{name: "a version without an operator, provided", archive: withLib + "Provides: virtual (3.0)\n", edit: depends("virtual (= 3.0)")},
		{name: "old operators", archive: withLib, edit: depends("lib (<1.0), lib (>1.0)")},
		{name: "no spaces", archive: withLib, edit: depends("lib(>=0.5)|nothing")},
		{name: "a comma at the end", archive: withLib, edit: depends("lib,")},
		{name: "a version on the next line", archive: withLib, edit: depends("lib\n (>= 0.5),\n lib (<< 2)")},
		{name: "empty relations", archive: onePackage, edit: maintainer("Depends:\nSuggests: \nEnhances:\nReplaces:")},
	})
}

// TestVendorPhased: updates that upstream gives to a part of all machines wait, and no client of ours sees that there is such a thing.
func TestVendorPhased(t *testing.T) {
	const archive = "Suite: bookworm\n\nPackage: good\nVersion: 2\nPhased-Update-Percentage: 20\n\nPackage: good\nVersion: 1\n\nPackage: fresh\nPhased-Update-Percentage: 0\n"
	const finished = "Suite: bookworm\nDate: 2024-06-01\n\nPackage: good\nVersion: 2\n\nPackage: good\nVersion: 1\n\nPackage: fresh\n"
	const waits = `upstream is still phasing in these updates, so they are not taken yet: good 2 \(all\) \(20 %; 1 stays\)`
	runVendors(t, []vendorArchive{
		// apt holds back upgrades only: what a client installs anew is the phased version.
		{name: "taken", archive: archive, source: "phased: take"},
		{name: "taken by the definition", archive: archive, definition: "phased: take\npackages: [good]"},
		{name: "asked for", archive: archive, definition: "packages: [good=2]", warns: "taken although upstream is still phasing them in, .*: good 2"},
		{name: "new", archive: archive, definition: "packages: [fresh]", install: "fresh", warns: "taken although upstream is still phasing them in, .*: fresh 1.0"},
		{name: "needed", archive: archive + "\nPackage: needs\nDepends: good (>= 2)\n", definition: "packages: [needs]", install: "needs good", warns: "taken although upstream is still phasing them in, .*: good 2"},
		{name: "to everybody", archive: strings.ReplaceAll(archive, "20", "100")},
		{name: "no number", archive: strings.ReplaceAll(archive, "20", "some")},
	})

	for _, wait := range []vendorArchive{
		{name: "waits", archive: archive},
		{name: "waits in the whole archive", archive: archive, definition: "packages: [good, '*']"},
	} {
		t.Run(wait.name, func(t *testing.T) {
			t.Parallel()
			program := programUnderTest(t)
			built, tree := wait.build(t)
			faults := debiantest.NewFaults(tree)
			site := newVendorSite(t, program, built)
			site.define(wait, debiantest.StartTree(t, faults), "bookworm", []string{"main"})
			wait.warns = waits
			site.lock(wait)
			site.run("build", site.dir, "--output", "oci:"+site.image)
			site.run("verify", "oci:"+site.image, "--keyring", site.dir+"/archive.asc")
			apt := debiantest.NewApt(t, site.sources(site.serve()))
			if _, shown, err := wait.installed(apt, true); err != nil || !strings.Contains(shown, "Version: 1") {
				t.Errorf("through us: %v\n%s", err, shown)
			}

			out, err := site.command("lock", "--check", site.dir).CombinedOutput()
			if err != nil {
				t.Errorf("lock --check takes what waits for an update: %v\n%s", err, out)
			}
			_, next := vendorArchive{archive: finished}.build(t)
			faults.Swap(next.KeepOld(tree))
			if out, err := site.command("lock", "--check", site.dir).CombinedOutput(); err == nil || !regexp.MustCompile(`good.*2`).Match(out) {
				t.Errorf("lock --check, when upstream has finished: %v\n%s", err, out)
			}
		})
	}
}
