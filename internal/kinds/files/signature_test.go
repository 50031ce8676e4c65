package files

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestSignatures: each format is verified, and a wrong one is refused.
func TestSignatures(t *testing.T) {
	text := []byte(strings.Repeat("a", 64) + "  x\n")
	other := []byte(strings.Repeat("b", 64) + "  x\n")
	now := debiantest.DefaultDate.Add(time.Hour)
	pgp, stranger := debiantest.NewKey("files"), debiantest.NewKey("stranger")
	public, private, err := minisign.GenerateKey(rand.Reader)
	must(t, err)
	strange, _, err := minisign.GenerateKey(rand.Reader)
	must(t, err)
	mini, err := public.MarshalText()
	must(t, err)
	strangeMini, err := strange.MarshalText()
	must(t, err)
	dir := t.TempDir()
	read := func(data []byte) keys {
		t.Helper()
		file := filepath.Join(dir, "key")
		must(t, os.WriteFile(file, data, 0o644))
		k, err := readKeys("key", dir)
		must(t, err)
		return k
	}
	detached, err := debiantest.DetachSign(text, debiantest.DefaultDate, pgp)
	must(t, err)
	inline, err := debiantest.ClearSign(text, debiantest.DefaultDate, pgp)
	must(t, err)
	signedMini := minisign.SignWithComments(private, text, "timestamp:1700000000\tfile:SHA256SUMS", "x")
	for name, c := range map[string]struct {
		keys            []byte
		list, signature []byte
		err             string
		by              string
		made            time.Time
	}{
		"detached":                   {keys: pgp.Armored(), list: text, signature: detached, by: pgp.Fingerprint(), made: debiantest.DefaultDate},
		"clearsigned":                {keys: pgp.Binary(), list: inline, by: pgp.Fingerprint(), made: debiantest.DefaultDate},
		"minisign":                   {keys: mini, list: text, signature: signedMini, by: fmt.Sprintf("%016X", public.ID()), made: time.Unix(1700000000, 0).UTC()},
		"minisign, the key alone":    {keys: []byte(public.String() + "\n"), list: text, signature: signedMini, made: time.Unix(1700000000, 0).UTC()},
		"another text":               {keys: pgp.Armored(), list: other, signature: detached, err: "the text was changed"},
		"another key":                {keys: stranger.Armored(), list: text, signature: detached, err: "no good signature"},
		"clearsigned by another key": {keys: stranger.Armored(), list: inline, err: "no good signature"},
		"clearsigned, changed":       {keys: pgp.Armored(), list: []byte(strings.Replace(string(inline), "aaa", "baa", 1)), err: "the text was changed"},
		"not signed":                 {keys: pgp.Armored(), list: text, err: "not exactly one signed text"},
		"minisign, another text":     {keys: mini, list: other, signature: signedMini, err: "the text was changed"},
		"minisign, another key":      {keys: strangeMini, list: text, signature: signedMini, err: "no good signature"},
		"minisign, another comment":  {keys: mini, list: text, signature: []byte(strings.Replace(string(signedMini), "1700", "1800", 1)), err: "the text was changed"},
		"minisign, cut":              {keys: mini, list: text, signature: signedMini[:60], err: "damaged"},
		"minisign for OpenPGP":       {keys: pgp.Armored(), list: text, signature: signedMini, err: "no good signature"},
		"OpenPGP for minisign":       {keys: mini, list: text, signature: detached, err: "no good signature"},
	} {
		k := read(c.keys)
		got, err := k.verify(c.list, c.signature, now)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !errors.Is(err, artifact.ErrVerify)):
			t.Errorf("%s: got %v, want %s", name, err, c.err)
		case c.err == "" && (err != nil || !got.list["x"].Identified() || !got.made.Equal(c.made) || c.by != "" && (len(got.by) != 1 || got.by[0] != c.by)):
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if _, err := readKeys("none.asc", dir); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Error(err)
	}
	if k, err := readKeys(public.String(), dir); err != nil || len(k.minisign) != 1 {
		t.Error("a key in the definition itself:", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOtherKeys shows that public keys in PEM, which are for other kinds, do not disturb.
func TestOtherKeys(t *testing.T) {
	keys := []artifact.KeyFile{{Name: "cosign.pub", Data: []byte("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n")}}
	_, err := Kind{}.VerifyUpstream(t.Context(), artifact.Pins{}, keys, nil)
	must(t, err)
}
