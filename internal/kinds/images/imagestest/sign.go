package imagestest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// A Form is one of cosign's forms of a signature.
type Form int

// The forms, by their index in what signature.Signer.Sign returns.
const (
	Tagged Form = iota // at the tag sha256-HEX.sig
	Bundle             // a referrer
)

// NewKey makes a key that signs images, and the PEM of its public part.
func NewKey(t testing.TB) (key crypto.Signer, public []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (r *Registry) signer(name string, image v1.Descriptor, key crypto.Signer) signature.Signer {
	return signature.Signer{Key: key, Name: r.Host + "/" + name, Date: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), Image: image.Digest}
}

// Sign attaches a signature of an image to it.
func (r *Registry) Sign(name string, image v1.Descriptor, key crypto.Signer, form Form) v1.Descriptor {
	made, err := r.signer(name, image, key).Sign()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.Attach(name, image, made[form])
}

// Attest attaches a signed statement about an image to it, as a bundle.
func (r *Registry) Attest(name string, image v1.Descriptor, key crypto.Signer, predicateType string) v1.Descriptor {
	made, err := r.signer(name, image, key).Attest(predicateType, map[string]string{"builder": "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.Attach(name, image, made[Bundle])
}

// Attach adds an artifact: with a tag, or with the image as its subject.
func (r *Registry) Attach(name string, image v1.Descriptor, a attached.Artifact) v1.Descriptor {
	made, err := a.Make(image)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, b := range made.Blobs {
		r.Blob(name, b.MediaType, b.Data)
	}
	d := r.Manifest(name, made.Manifest.MediaType, made.Manifest.Data)
	if made.Tag != "" {
		r.Tag(name, made.Tag, d)
	}
	return d
}

// AttachTag puts an artifact at a tag of cosign's: with the suffix ".att" or ".sbom".
func (r *Registry) AttachTag(name string, image v1.Descriptor, suffix string, layer Blob) v1.Descriptor {
	d := r.Artifact(name, Artifact{Config: Blob{MediaType: v1.MediaTypeImageConfig, Data: []byte(`{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":["` + digest.FromBytes(layer.Data).String() + `"]}}`)},
		Layers: []Blob{layer}})
	return r.Tag(name, strings.Replace(image.Digest.String(), ":", "-", 1)+suffix, d)
}
