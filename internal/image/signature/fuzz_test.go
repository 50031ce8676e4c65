package signature

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// Whatever is attached to an image, nothing is valid that the key has not signed.
func FuzzVerify(f *testing.F) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	image := digest.FromString("image")
	s := Signer{Key: other, Name: "minimirror.local/x", Date: time.Unix(1e9, 0), Image: image}
	signed, err := s.Sign()
	if err != nil {
		f.Fatal(err)
	}
	stated, err := s.Attest(Provenance, "a")
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range append(signed, stated...) {
		for _, l := range a.Layers {
			f.Add(l.MediaType, l.Annotations[annotation], l.Data)
		}
	}
	keys := []Key{{"own.pub", own.Public()}}
	f.Fuzz(func(t *testing.T, mediaType, sig string, data []byte) {
		found := []Found{{mediaType, map[string]string{annotation: sig}, data}}
		if _, err := Verify(keys, []string{image.String()}, found); err == nil {
			t.Error("a signature of nobody is valid")
		}
		if all, _ := VerifyProvenance(keys, []string{image.String()}, found); len(all) > 0 {
			t.Error("provenance of nobody is valid")
		}
	})
}
