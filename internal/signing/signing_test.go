package signing

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// TestGPGV has the client's own verifier check the signatures, with a date long
// before the key was made.
func TestGPGV(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	key, made, err := Own(time.Now())
	if err != nil || made == "" {
		t.Fatal(made, err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	again, madeAgain, err := Own(time.Now())
	if err != nil || madeAgain != "" {
		t.Fatal(madeAgain, err)
	}
	text := []byte("Origin: x\n- dash\nDate: Sat, 01 Jan 2000 00:00:00 UTC\n")
	for _, date := range []time.Time{time.Unix(0, 0), time.Date(2025, 5, 5, 5, 5, 5, 0, time.UTC)} {
		one, err := Keys{key}.At(date, nil)
		if err != nil {
			t.Fatal(err)
		}
		two, err := Keys{again}.At(date, nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		write := func(name string, make func([]byte) ([]byte, error), makeAgain func([]byte) ([]byte, error)) string {
			data, err := make(text)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := makeAgain(text); err != nil || !bytes.Equal(data, same) {
				t.Fatalf("%s: two signatures differ (%v)", name, err)
			}
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		inline := write("InRelease", one.ClearSign, two.ClearSign)
		detached := write("Release.gpg", one.DetachSign, two.DetachSign)
		release := write("Release", func(b []byte) ([]byte, error) { return b, nil }, func(b []byte) ([]byte, error) { return b, nil })
		ring := write("key.asc", func([]byte) ([]byte, error) { return one.PublicKey(), nil }, func([]byte) ([]byte, error) { return two.PublicKey(), nil })
		binary := filepath.Join(dir, "key.gpg")
		run(t, "gpg", "--homedir", dir, "--batch", "--yes", "--output", binary, "--dearmor", ring)
		run(t, "gpgv", "--keyring", binary, inline)
		run(t, "gpgv", "--keyring", binary, detached, release)
		if out := run(t, "gpgv", "--keyring", binary, "--output", "-", inline); !bytes.Contains(out, bytes.TrimSpace(text)) {
			t.Fatalf("the signed text changed: %s", out)
		}
	}
}

// TestEveryLengthOfASignature has gpgv read the signatures of one to three keys: base64 has no padding where their bytes are a multiple of three.
func TestEveryLengthOfASignature(t *testing.T) {
	var keys Keys
	lengths := map[int]bool{} // modulo 3
	for range 3 {
		t.Setenv("XDG_CONFIG_HOME", t.TempDir())
		key, _, err := Own(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
		signer, err := keys.At(time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		write := func(name string, data []byte) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		binary := filepath.Join(dir, "key.gpg")
		run(t, "gpg", "--homedir", dir, "--batch", "--yes", "--output", binary, "--dearmor", write("key.asc", signer.PublicKey()))
		for i := range 4 { // a signature is now and then shorter by a byte
			inline, err := signer.ClearSign(fmt.Appendf(nil, "Origin: x\n- dash\nNumber: %d\n", i))
			if err != nil {
				t.Fatal(err)
			}
			block, rest := clearsign.Decode(inline)
			if block == nil || len(bytes.TrimSpace(rest)) > 0 {
				t.Fatalf("not one clear-signed text: %q", rest)
			}
			signature, err := io.ReadAll(block.ArmoredSignature.Body)
			if err != nil {
				t.Fatal(err)
			}
			lengths[len(signature)%3] = true
			run(t, "gpgv", "--keyring", binary, write("InRelease", inline))
		}
	}
	if len(lengths) != 3 {
		t.Errorf("the signatures had these lengths modulo 3 alone: %v", lengths)
	}
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

func TestReadRefuses(t *testing.T) {
	signer, err := func() (*Key, error) {
		t.Setenv("XDG_CONFIG_HOME", t.TempDir())
		k, _, err := Own(time.Now())
		return k, err
	}()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Keys{signer}.At(time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"public": s.PublicKey(), "empty": nil, "rubbish": []byte("hello")} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(file, time.Now()); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}
