package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/signing"
)

var keyCreated = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// keyFile writes a private key that lasts so many days from keyCreated; 0: for ever.
func keyFile(t *testing.T, days int) string {
	t.Helper()
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519, Time: func() time.Time { return keyCreated }, KeyLifetimeSecs: uint32(days * 24 * 3600)}
	entity, err := openpgp.NewEntity("test", "", "", config)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := entity.SerializePrivate(w, config); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.asc")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestKeyWarnings has build, serve and kit warn of a key half a year before it expires, by the clock that they are given.
func TestKeyWarnings(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	first, second := keyFile(t, 1000), keyFile(t, 0)
	end := keyCreated.AddDate(0, 0, 1000)
	keys, err := signing.ReadAll([]string{first, second}, keyCreated)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.At(keyCreated, nil)
	if err != nil {
		t.Fatal(err)
	}
	imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "a"}, Generated: map[string]string{layout.KeyPath: string(signer.PublicKey())}}).WriteRoot(t, "image")
	img, err := image.OpenRoot("image")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if err := os.WriteFile("mirror.yaml", []byte("name: d\nfiles: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := builder.ReadDefinition(".", kinds.All())
	if err != nil {
		t.Fatal(err)
	}
	verbs := map[string]func(*command) error{
		"build": func(c *command) error { _, err := c.knownKeys(d, []string{first, second}); return err },
		"serve": func(c *command) error { _, _, err := c.signer(img, nil); return err },
		"serve, every day": func(c *command) error {
			now := c.now
			c.now = func() time.Time { return keyCreated } // nothing is wrong at the start
			_, known, err := c.signer(img, nil)
			c.now = now
			ctx, end := context.WithCancel(t.Context())
			ticks, done := make(chan time.Time), make(chan struct{})
			go func() { c.warnAgain(ctx, known, ticks); close(done) }()
			ticks <- time.Time{}
			end()
			<-done
			return err
		},
		"kit": func(c *command) error {
			return kitVerb(t.Context(), c, []string{"root:image", "--to", filepath.Join(t.TempDir(), "kit")})
		},
	}
	for verb, do := range verbs {
		for _, test := range []struct {
			now  time.Time
			want string
		}{
			{end.AddDate(0, 0, -181), ""},
			{end.AddDate(0, 0, -179), "the signing key expires soon"},
			{end.AddDate(0, 0, 1), "expired"},
		} {
			var stderr bytes.Buffer
			c := newCommand(verb, io.Discard, &stderr)
			c.now = func() time.Time { return test.now }
			err := do(c)
			said := stderr.String()
			if err != nil {
				said += err.Error()
			}
			expired := test.now.After(end)
			if (err != nil) != (expired && verb == "build") {
				t.Errorf("%s at %s: %v", verb, test.now, err)
			}
			if test.want == "" && strings.Contains(said, "level=WARN") || !strings.Contains(said, test.want) {
				t.Errorf("%s at %s: %q, want %q", verb, test.now, said, test.want)
			}
			if strings.Contains(said, keys[0].Fingerprint()) && strings.Contains(said, keys[1].Fingerprint()) && verb != "kit" {
				t.Errorf("%s at %s warns of the key that does not expire: %q", verb, test.now, said)
			}
		}
	}
}

// TestServeKeys has serve warn when a key of the image does not sign, and give clients all of them.
func TestServeKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	one, two := keyFile(t, 0), keyFile(t, 0)
	keys, err := signing.ReadAll([]string{one, two}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.At(keyCreated, nil)
	if err != nil {
		t.Fatal(err)
	}
	imagetest.New(t, imagetest.Spec{Generated: map[string]string{layout.KeyPath: string(signer.PublicKey())}}).WriteRoot(t, "image")
	img, err := image.OpenRoot("image")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, test := range []struct {
		files []string
		warns bool
	}{{[]string{one, two}, false}, {[]string{two, one}, false}, {[]string{one}, true}} {
		var stderr bytes.Buffer
		signers, _, err := newCommand("serve", io.Discard, &stderr).signer(img, test.files)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(stderr.String(), "a key of the image is not given with --sign-key"); got != test.warns {
			t.Errorf("%s: %s", test.files, &stderr)
		}
		made, err := signers(keyCreated)
		if err != nil {
			t.Fatal(err)
		}
		if infos, err := signing.ReadPublic(made.PublicKey()); err != nil || len(infos) != 2 {
			t.Errorf("%s: clients get %v, %v", test.files, infos, err)
		}
	}
}
