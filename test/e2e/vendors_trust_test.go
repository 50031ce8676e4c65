package e2e

import "testing"

// TestVendorSignatures: who signs an archive, and with what. A keyring can be of many kinds: TestKeyringFiles.
func TestVendorSignatures(t *testing.T) {
	signed := func(key string) string { return "Key: archive\n" + key + "\n\n" + onePackage }
	const weak = `too weak[\s\S]*hint: only upstream can fix this: .*RSA with 2048 bits`
	runVendors(t, []vendorArchive{
		{name: "RSA of 2048 bits", archive: signed("RSA: 2048")},
		{name: "RSA of 1024 bits", archive: signed("RSA: 1024"), refused: weak, stricter: "apt 2.9.19 and later refuse it, too"},
		{name: "a subkey", archive: signed("Subkey: never")},
		{name: "a subkey that is weak", archive: signed("RSA: 1024\nSubkey: never"), refused: weak, stricter: "apt 2.9.19 and later refuse it, too"},
		{name: "SHA-1", archive: signed("Hash: SHA1"), aptRefuses: true, refused: weak},
		{name: "a key that has expired", archive: signed("Expires: 2024-12-31"), aptRefuses: true, refused: "expired"},
		{name: "a signature of a key that is unknown beside a good one", archive: "Suite: bookworm\nSigned-By: other archive\n\nPackage: good\n"},
		{name: "a weak signature beside a good one", archive: "Key: old\nHash: SHA1\n\nSuite: bookworm\nSigned-By: old archive\n\nPackage: good\n"},
		{name: "a detached signature alone", archive: "Suite: bookworm\nSigning: detached\n\nPackage: good\n"},
		{name: "another key alone", archive: "Key: archive\n\nSuite: bookworm\nSigned-By: other\n\nPackage: good\n", aptRefuses: true, refused: `the key is not in the keyring[\s\S]*hint: .*signed-by`},
		{name: "no signature", archive: "Key: archive\n\nSuite: bookworm\nSigned-By: none\nSigning: detached\n\nPackage: good\n", aptRefuses: true, refused: `Release: it is not signed`},
	})
}

// TestVendorSuites: all suites of an archive are signed with one key, so it matters which one a Release is of.
func TestVendorSuites(t *testing.T) {
	const conflicting = "Conflicting distribution: .*expected bookworm but got"
	const hint = `it is of stable \(twelve\), not of bookworm[\s\S]*hint: .*release-names: \[twelve\]`
	const named = "Suite: bookworm\nSays: stable\nCodename: twelve\n\nPackage: good\n"
	runVendors(t, []vendorArchive{
		{name: "asked for by its codename", archive: "Suite: bookworm\nSays: stable\nCodename: bookworm\n\nPackage: good\n"},
		{name: "asked for by its suite", archive: "Suite: bookworm\nCodename: twelve\n\nPackage: good\n"},
		{name: "without a name", archive: "Suite: bookworm\nSays: none\n\nPackage: good\n", complaint: conflicting},
		{name: "flat, with a name", flat: "./", archive: "Suite: ./\nSays: stable\nCodename: twelve\n\nPackage: good\n"},
		{name: "called otherwise", archive: named, refused: hint, stricter: "another suite of the archive has as good a signature; apt only warns"},
		{name: "called otherwise, and that is right", archive: named, source: "release-names: [twelve]", complaint: conflicting},
		{name: "called otherwise, and the suite is right", archive: named, source: "release-names: [stable]", complaint: conflicting},
		{name: "called otherwise, and the name is wrong", archive: named, source: "release-names: [trixie]", refused: hint, stricter: "as above"},
	})
}
