package signed_test

import (
	"crypto"
	_ "crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/signed"
)

func run(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec // the test's own commands
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+dir)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%v: install it: apt-get install minisign gnupg", err)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, elements ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func noPassword() ([]byte, error) { return nil, errors.New("asked for a password") }

// Keys and signatures of the real minisign and the real GnuPG are read, and ours by them.
func TestRealPrograms(t *testing.T) {
	dir := t.TempDir()
	document := []byte("{\n  \"a\": 1\n}\n")
	name := filepath.Join(dir, "document")
	if err := os.WriteFile(name, document, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "", "minisign", "-G", "-W", "-p", "open.pub", "-s", "open.key")
	run(t, dir, "secret\nsecret\n", "minisign", "-G", "-p", "closed.pub", "-s", "closed.key")
	run(t, dir, "", "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "test <test@example.org>", "ed25519", "sign", "1y")
	for file, args := range map[string][]string{"gpg.key": {"--export-secret-keys"}, "gpg.pub": {"--export"}} {
		run(t, dir, "", append([]string{"gpg", "--batch", "--armor", "--output", file}, args...)...)
	}
	password := func() ([]byte, error) { return []byte("secret"), nil }
	for _, c := range []struct {
		key, public string
		password    func() ([]byte, error)
		verify      []string
	}{
		{"open.key", "open.pub", noPassword, []string{"minisign", "-V", "-p", "open.pub", "-m", "document"}},
		{"closed.key", "closed.pub", password, []string{"minisign", "-V", "-p", "closed.pub", "-m", "document"}},
		{"gpg.key", "gpg.pub", noPassword, []string{"gpg", "--batch", "--verify", "document.asc", "document"}},
	} {
		s, err := signed.ReadSigner(c.key, read(t, dir, c.key), c.password, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		signature, err := s.Sign(document, "bundle 1")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+s.Suffix(), signature, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "", c.verify...)
		key, err := signed.ReadKey(c.public, read(t, dir, c.public))
		if err != nil {
			t.Fatal(err)
		}
		by, err := signed.Verify([]signed.Key{key}, document, map[string][]byte{s.Suffix(): signature})
		if err != nil || by.Key != s.Key() || by.File != c.public {
			t.Errorf("%s: %+v, %v; want %s", c.key, by, err, s.Key())
		}
		if _, err := signed.Verify([]signed.Key{key}, append(document, ' '), map[string][]byte{s.Suffix(): signature}); !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%s: a changed document: %v", c.key, err)
		}
		if _, err := signed.ReadKey(c.key, read(t, dir, c.key)); err == nil {
			t.Errorf("%s: a private key is a public one", c.key)
		}
		for i := range signature {
			if c.key != "open.key" {
				break // an armor has bytes that nobody signs
			}
			changed := append([]byte{}, signature...)
			changed[i] ^= 0x10
			if by, err := signed.Verify([]signed.Key{key}, document, map[string][]byte{s.Suffix(): changed}); err == nil && by.Comment != "bundle 1" {
				t.Errorf("byte %d changed: %+v", i, by)
			}
		}
	}
	for _, junk := range []string{"", "x", "untrusted comment: x\nRWQ=", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"} {
		if _, err := signed.ReadSigner("junk", []byte(junk), noPassword, time.Now()); err == nil || !strings.Contains(err.Error(), "hint:") {
			t.Errorf("%q: %v", junk, err)
		}
	}
}

// A signature of OpenPGP is judged at its own time: whatever the clock says now, the key was valid or had expired then.
func TestTimes(t *testing.T) {
	made := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	seconds := uint32(365 * 24 * 3600)
	entity, err := pgp.NewEntity("test", "", "test@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: seconds, Time: func() time.Time { return made }})
	if err != nil {
		t.Fatal(err)
	}
	var private, public strings.Builder
	if err := errors.Join(entity.SerializePrivateWithoutSigning(&private, nil), entity.Serialize(&public)); err != nil {
		t.Fatal(err)
	}
	key, err := signed.ReadKey("pub", []byte(public.String()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := signed.ReadSigner("key", []byte(private.String()), noPassword, made.AddDate(0, 6, 0))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := s.Sign([]byte("x"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify([]signed.Key{key}, []byte("x"), map[string][]byte{signed.Armored: signature}); err != nil {
		t.Errorf("a valid signature of an expired key: %v", err)
	}
	if _, err := signed.ReadSigner("key", []byte(private.String()), noPassword, made.AddDate(2, 0, 0)); err == nil || !strings.Contains(err.Error(), "expired on 2020-12-31") {
		t.Errorf("an expired key signs: %v", err)
	}
	// Somebody signs with the expired key nevertheless.
	var late strings.Builder
	sig := &packet.Signature{Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: entity.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA256, CreationTime: made.AddDate(2, 0, 0), IssuerKeyId: &entity.PrimaryKey.KeyId}
	hash := sig.Hash.New()
	hash.Write([]byte("x"))
	if err := errors.Join(sig.Sign(hash, entity.PrivateKey, nil), sig.Serialize(&late)); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify([]signed.Key{key}, []byte("x"), map[string][]byte{signed.Armored: []byte(late.String())}); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a signature made after the key expired: %v", err)
	}
}

// Signatures of other keys, of another format, and none are refused, each by its name.
func TestStrangers(t *testing.T) {
	var keys []signed.Key
	var signature []byte
	for i := range 2 {
		public, private, err := minisign.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := signed.ReadKey(string(rune('a'+i)), []byte(public.String()))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
		text, err := private.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		s, err := signed.ReadSigner("k", text, noPassword, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if signature, err = s.Sign([]byte("x"), "c"); err != nil {
			t.Fatal(err)
		}
	}
	for want, signatures := range map[string]map[string][]byte{
		"not signed":                  {},
		"another kind (.asc)":         {".asc": signature},
		"a: it is signed by the key":  {".minisig": signature},
		"a: the signature is damaged": {".minisig": []byte("junk")},
	} {
		if _, err := signed.Verify(keys[:1], []byte("x"), signatures); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if by, err := signed.Verify(keys, []byte("x"), map[string][]byte{".minisig": signature}); err != nil || by.File != "b" {
		t.Error(by, err)
	}
}
