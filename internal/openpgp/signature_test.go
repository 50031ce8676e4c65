package openpgp

import (
	"crypto"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestWeakKeys: made with gpg; a DSA key, a strong subkey of an RSA key with 1024
// bits, and a key that binds itself with SHA-1.
func TestWeakKeys(t *testing.T) {
	for name, want := range map[string]string{"dsa": "a DSA key is too weak", "weakprimary": "an RSA key of 1024 bits is too weak", "sha1self": ""} {
		ring, err := ReadFiles("testdata/weak/" + name + ".asc")
		if err != nil {
			t.Fatal(err)
		}
		signed, err := os.ReadFile("testdata/weak/" + name + ".signed")
		if err != nil {
			t.Fatal(err)
		}
		_, by, err := ring.VerifyInline(signed, time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC))
		if want == "" {
			if err != nil || !ring.Bound(by.Signers[0], crypto.SHA1) || ring.Bound(by.Signers[0], crypto.SHA256) {
				t.Errorf("%s: %v %v", name, by, err)
			}
			continue
		}
		if !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: got %v, want %s with a hint", name, err, want)
		}
	}
}
