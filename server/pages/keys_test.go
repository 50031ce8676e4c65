package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// TestFingerprint has the page, its plain text and the API tell the fingerprint of the mirror's key.
func TestFingerprint(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	key, _, err := signing.Own(time.Now())
	servertest.Must(t, err)
	signer, err := signing.Keys{key}.At(imagetest.Date, nil)
	servertest.Must(t, err)
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, imagetest.New(t, imagetest.Spec{Generated: map[string]string{layout.KeyPath: string(signer.PublicKey())}}).Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	servertest.Must(t, err)
	t.Cleanup(func() { img.Close() })
	h := servertest.New(t, server.Options{Image: img}).Handler()
	if text := inspect(page(t, h, "/", 200)).text; !strings.Contains(text, "signed with this key. Unless this page came over HTTPS, compare the fingerprint") || !strings.Contains(text, key.Fingerprint()) {
		t.Error(text)
	}
	if text := servertest.Body(t, servertest.Ask(t, h, "GET", "/")); !strings.HasSuffix(text, "/minimirror.asc\n  "+key.Fingerprint()+"\nUnless this came over HTTPS, compare the fingerprint with the one that \"minimirror build\" printed.\n") {
		t.Error(text)
	}
	if text := servertest.Body(t, servertest.Ask(t, h, "GET", "/api/v1/mirror")); !strings.Contains(text, `"signing_keys":[{"fingerprint":"`+key.Fingerprint()+`"}]`) {
		t.Error(text)
	}
}
