// Package signature signs images with a key of one's own, and verifies such signatures without a network, in both forms that cosign knows: a
// payload of "simple signing" at the tag sha256-DIGEST.sig, and a Sigstore bundle (version 0.3) with an in-toto statement in a DSSE envelope, whose
// subject is the image. Provenance (SLSA 1.0) has two forms, too: a bundle, and the envelope alone at the tag sha256-DIGEST.att.
//
//	key, digest of the image ──Sign, Attest──▶ attached.Artifact ──▶ layout, registry ──Verify──▶ nil, or what is wrong
package signature

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/attached"
)

// Media types and names, as cosign and Sigstore define them.
const (
	BundleType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	payloadType   = "application/vnd.dev.cosign.simplesigning.v1+json"
	envelopeType  = "application/vnd.dsse.envelope.v1+json"
	statementType = "application/vnd.in-toto+json" // of a DSSE envelope's payload
	annotation    = "dev.cosignproject.cosign/signature"
	signatureType = "cosign container image signature"
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
	Provenance    = "https://slsa.dev/provenance/v1" // type of a predicate
	predicateName = "predicateType"                  // annotation of an envelope
	signTag       = ".sig"
	attestTag     = ".att"
)

// Tags are the suffixes of the tags that have signatures and statements.
var Tags = []string{signTag, attestTag}

// A payload is what simple signing signs: containers-signature(5).
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// A statement is an in-toto Statement, version 1.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     any       `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// A bundle is a Sigstore bundle with a key that its reader has.
type bundle struct {
	MediaType string `json:"mediaType"`
	Material  struct {
		Key struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope *envelope `json:"dsseEnvelope"`
}

// An envelope is one of DSSE, version 1.
type envelope struct {
	Payload    []byte      `json:"payload"`
	Type       string      `json:"payloadType"`
	Signatures []signature `json:"signatures"`
}

type signature struct {
	Sig []byte `json:"sig"`
}

// signed is what an envelope's signatures sign: DSSE, "PAE".
func (e *envelope) signed() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.Type), e.Type, len(e.Payload), e.Payload)
}

// A Signer signs one image.
type Signer struct {
	Key   crypto.Signer
	Name  string    // of the image, for people: HOST/NAME
	Date  time.Time // of the lock
	Image digest.Digest
}

// Sign makes both forms of a signature.
func (s Signer) Sign() ([]attached.Artifact, error) {
	var p payload
	p.Critical.Identity.Reference, p.Critical.Image.Digest, p.Critical.Type = s.Name, s.Image.String(), signatureType
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	sig, err := sign(s.Key, text)
	if err != nil {
		return nil, err
	}
	layer := attached.NewBlob(payloadType, text)
	layer.Annotations = map[string]string{annotation: base64.StdEncoding.EncodeToString(sig)}
	_, bundled, err := s.state(signPredicate, struct{}{})
	return []attached.Artifact{{Tag: attached.Tag(s.Image, signTag), Date: s.Date, Layers: []attached.Blob{layer}}, bundled}, err
}

// Attest makes both forms of a signed statement about the image.
func (s Signer) Attest(predicateType string, predicate any) ([]attached.Artifact, error) {
	envelope, bundled, err := s.state(predicateType, predicate)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(envelope)
	layer := attached.NewBlob(envelopeType, text)
	layer.Annotations = map[string]string{annotation: "", predicateName: predicateType}
	return []attached.Artifact{{Tag: attached.Tag(s.Image, attestTag), Date: s.Date, Layers: []attached.Blob{layer}}, bundled}, err
}

// state makes a signed statement, and the bundle that has it.
func (s Signer) state(predicateType string, predicate any) (e *envelope, a attached.Artifact, err error) {
	e = &envelope{Type: statementType}
	if e.Payload, err = json.Marshal(statement{"https://in-toto.io/Statement/v1", []subject{{s.Name, map[string]string{"sha256": s.Image.Encoded()}}}, predicateType, predicate}); err != nil {
		return nil, a, err
	}
	sig, err := sign(s.Key, e.signed())
	if err != nil {
		return nil, a, err
	}
	e.Signatures = []signature{{sig}}
	b := bundle{MediaType: BundleType, Envelope: e}
	if b.Material.Key.Hint, err = Hint(s.Key.Public()); err != nil {
		return nil, a, err
	}
	text, err := json.Marshal(b)
	return e, attached.Artifact{Type: BundleType, Layers: []attached.Blob{attached.NewBlob(BundleType, text)}, Annotations: map[string]string{
		v1.AnnotationCreated: s.Date.UTC().Format(time.RFC3339), "dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicateType,
	}}, err
}

// Seal puts an in-toto statement into a DSSE envelope that the key signs.
func Seal(key crypto.Signer, statement []byte) ([]byte, error) {
	e := &envelope{Type: statementType, Payload: statement}
	sig, err := sign(key, e.signed())
	if err != nil {
		return nil, err
	}
	e.Signatures = []signature{{sig}}
	return json.Marshal(e)
}
