package archive

import (
	"bytes"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// keybox has gpg make a keybox of a key.
func keybox(t *testing.T, key []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "k.kbx")
	cmd := exec.Command("gpg", "--homedir", dir, "--batch", "--no-default-keyring", "--keyring", file, "--import")
	cmd.Stdin = bytes.NewReader(key)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gpg (sudo apt-get install gnupg): %v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKeyringFiles names files of all kinds as a source's keyring, to the real apt and to us. Where
// apt verifies with it, we do; where it does not, the error says what the file is, and how to make a keyring.
func TestKeyringFiles(t *testing.T) {
	key, other := debiantest.NewKey("keyring"), debiantest.NewKey("other")
	signature, err := debiantest.DetachSign([]byte("text"), debiantest.KeyCreated, key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := debiantest.ClearSign([]byte("text\n"), debiantest.KeyCreated, key)
	if err != nil {
		t.Fatal(err)
	}
	box := keybox(t, key.Binary())
	both := keybox(t, append(other.Binary(), key.Binary()...))
	wide := []byte("\xff\xfe")
	for _, c := range utf16.Encode([]rune(string(key.Armored()))) {
		wide = append(wide, byte(c), byte(c>>8))
	}
	armor := func(kind string, data []byte) []byte {
		lines := regexp.MustCompile(".{1,64}").ReplaceAllString(base64.StdEncoding.EncodeToString(data), "$0\n")
		return []byte("-----BEGIN " + kind + "-----\n\n" + lines + "-----END " + kind + "-----\n")
	}
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{{Name: "s", Signing: "inline", SignedBy: []*debiantest.Key{key}, Packages: []*debiantest.Package{{Name: "good", Architecture: "amd64"}}}}}
	server := debiantest.Start(t, archive)

	for _, c := range []struct {
		name, file string
		data       []byte
		problem    string // of ours; empty: it verifies, and with apt, too
		lenient    bool   // it verifies with us alone
	}{
		{name: "binary", file: "k.gpg", data: key.Binary()},
		{name: "armored", file: "k.asc", data: key.Armored()},
		{name: "several keys", file: "k.gpg", data: append(other.Binary(), key.Binary()...)},
		{name: "several blocks", file: "k.asc", data: append(other.Armored(), key.Armored()...)},
		{name: "a keybox", file: "k.kbx", data: box},
		{name: "a keybox called a keyring", file: "k.gpg", data: box},
		{name: "a keybox without extension", file: "pubring", data: box},
		{name: "a keybox with several keys", file: "k.kbx", data: both},
		{name: "a byte order mark", file: "k.asc", data: append([]byte("\xef\xbb\xbf"), key.Armored()...), lenient: true},
		{name: "a keybox without keys", file: "k.kbx", data: box[:32], problem: `k.kbx: it is a GnuPG keybox, in which no OpenPGP key can be read\nhint: export its keys: gpg --no-default-keyring --keyring \S*/k.kbx --export >k.gpg$`},
		{name: "a keybox that is cut off", file: "my keys.gpg", data: box[:len(box)-30], problem: `it is a GnuPG keybox(?s:.*) --keyring '\S*/my keys.gpg' --export >'my keys-keyring.gpg'$`},
		{name: "another key", file: "k.asc", data: other.Armored(), problem: "no good signature"},
		{name: "empty", file: "k.gpg", problem: "k.gpg: the file is empty\nhint: "},
		{name: "a private key", file: "k.gpg", data: key.Secret(), problem: "it contains a private key(?s:.*)hint: .*gpg --export " + key.Fingerprint()},
		{name: "an armored private key", file: "k.asc", data: armor("PGP PRIVATE KEY BLOCK", key.Secret()), problem: "it contains a private key"},
		{name: "a revocation certificate", file: "k.asc", data: key.Revocation(), problem: "it is a revocation certificate, not a public key\nhint: "},
		{name: "a revocation certificate of gpg", file: "k.rev", data: append([]byte("This is a revocation certificate\n\n:"), key.Revocation()...), problem: "it is a revocation certificate, not a public key"},
		{name: "a detached signature", file: "k.asc", data: signature, problem: "it is a signature, not a public key"},
		{name: "a signed text", file: "k.asc", data: signed, problem: "it is a signed text, not a public key"},
		{name: "a message", file: "k.asc", data: armor("PGP MESSAGE", []byte("x")), problem: "it is an encrypted or signed message, not a public key"},
		{name: "a web page", file: "k.gpg", data: []byte("\n<!DOCTYPE html><html>"), problem: "it is a web page, not a key"},
		{name: "UTF-16", file: "k.asc", data: wide, problem: "it is text in UTF-16, not a keyring\nhint: run: iconv "},
		{name: "base64 without armor", file: "k.gpg", data: []byte(base64.StdEncoding.EncodeToString(key.Binary())), problem: "it is a key in base64(?s:.*)hint: run: base64 -d "},
		{name: "a certificate", file: "k.asc", data: armor("CERTIFICATE", []byte("x")), problem: "it is a PEM file"},
		{name: "an SSH key", file: "k.gpg", data: []byte("ssh-ed25519 AAAA me@here\n"), problem: "it is an SSH key, not a public key"},
		{name: "gzip", file: "k.gpg", data: []byte("\x1f\x8b\x08rest"), problem: "it is compressed with gzip\nhint: run: gzip -dc "},
		{name: "a package", file: "k.gpg", data: []byte("!<arch>\ndebian-binary"), problem: "it is a package, not a keyring"},
		{name: "other text", file: "k.asc", data: []byte("hello\n"), problem: "not an OpenPGP keyring(?s:.*)hint: make one"},
		{name: "other bytes", file: "k.gpg", data: []byte{0x99, 1, 2, 3}, problem: "not an OpenPGP keyring"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			apt := debiantest.NewApt(t, strings.ReplaceAll("Types: deb\nURIs: URL\nSuites: s\nComponents: main\nSigned-By: "+file+"\n", "URL", server.URL))
			said, err := apt.Get("update")
			if takes := err == nil; takes != (c.problem == "" && !c.lenient) {
				t.Errorf("apt takes it: %t\n%s", takes, said)
			}
			ring, err := openpgp.ReadFiles(file)
			if err == nil {
				_, _, err = ring.VerifyInline(server.Tree.Files["dists/s/InRelease"], debiantest.DefaultDate)
			}
			switch {
			case c.problem == "" && err != nil:
				t.Errorf("we do not take it: %v", err)
			case c.problem != "" && err == nil:
				t.Error("we take it")
			case c.problem != "" && !regexp.MustCompile(c.problem).MatchString(err.Error()):
				t.Errorf("got %v, want %s", err, c.problem)
			}
		})
	}
}
