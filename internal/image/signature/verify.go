package signature

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Found is a blob of an artifact that is attached to images.
type Found struct {
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"` // of the blob
	Data        []byte            `json:"data"`
}

// MaxSize is the largest signature that is read, in bytes.
const MaxSize = 8 << 20

// IsSignature reports whether a blob can be a signature, or a signed statement.
func IsSignature(mediaType string) bool {
	return mediaType == payloadType || mediaType == BundleType || mediaType == envelopeType
}

// A Verified is a signature that one of the keys made.
type Verified struct {
	Key   Key
	Found Found // what has it
}

// Verify finds a signature by one of the keys that is about one of the digests, "sha256:…": those of the image, and of the index that has it. The error
// is artifact.ErrVerify and says what is wrong.
func Verify(keys []Key, digests []string, found []Found) (Verified, error) {
	others, about := 0, []string(nil)
	for _, f := range found {
		s, err := f.read()
		if err != nil || s.kind != signPredicate {
			continue
		}
		key := s.signer(keys)
		switch {
		case key == nil:
			others++
		case s.isAbout(digests):
			return Verified{*key, f}, nil
		default:
			about = append(about, s.about...)
		}
	}
	switch {
	case len(about) > 0:
		return Verified{}, artifact.Verifyf("the signature is about another image, %s: this one is %s", about[0], digests[0])
	case others > 0:
		return Verified{}, artifact.Verifyf("the image has %d signatures, and none is valid with the key in %s", others, filesOf(keys))
	}
	return Verified{}, artifact.Hint(artifact.Verifyf("the image %s is not signed", digests[0]), "if it was signed and then copied, copy its signature, too (docs/keys.md); else sign it when it is built: minimirror build --sign-image KEY. docker-archives and unpacked images have no signatures")
}

// A Statement is a signed statement about an image.
type Statement struct {
	Key       Key // that signed it
	Predicate json.RawMessage
}

// VerifyProvenance finds the provenance that one of the keys signed and that is about one of the digests, each once. If nothing that was found is
// provenance, there is none and no error; otherwise the error is artifact.ErrVerify and says what is wrong.
func VerifyProvenance(keys []Key, digests []string, found []Found) (all []Statement, err error) {
	var messages []string
	for _, f := range found {
		s, unreadable := f.read()
		if unreadable != nil {
			err = artifact.Verifyf("a signed statement about the image %s is damaged: %w", digests[0], unreadable)
			continue
		}
		if s.kind != Provenance {
			continue
		}
		key := s.signer(keys)
		switch {
		case key == nil:
			err = artifact.Verifyf("the provenance of the image %s is not valid with the key in %s: it was changed, or signed with another key", digests[0], filesOf(keys))
		case !s.isAbout(digests):
			err = artifact.Verifyf("the provenance is about another image, %s: this one is %s", strings.Join(s.about, ", "), digests[0])
		case !slices.Contains(messages, key.File+"\n"+string(s.message)):
			messages = append(messages, key.File+"\n"+string(s.message))
			all = append(all, Statement{*key, s.predicate})
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, err
}

func filesOf(keys []Key) string {
	files := make([]string, len(keys))
	for i, k := range keys {
		files[i] = k.File
	}
	return strings.Join(files, ", ")
}

// A signed is what signatures are about.
type signed struct {
	kind       string // type of the predicate; signPredicate also for a payload; empty: neither
	message    []byte
	signatures [][]byte
	about      []string // digests of images
	predicate  json.RawMessage
}

// signer is one of the keys that signed; nil: none did.
func (s *signed) signer(keys []Key) *Key {
	for i := range keys {
		if slices.ContainsFunc(s.signatures, func(sig []byte) bool { return keys[i].verify(s.message, sig) }) {
			return &keys[i]
		}
	}
	return nil
}

func (s *signed) isAbout(digests []string) bool {
	return slices.ContainsFunc(s.about, func(d string) bool { return slices.Contains(digests, d) })
}

// read reads a payload, or a statement.
func (f *Found) read() (*signed, error) {
	var e *envelope
	switch f.MediaType {
	case payloadType:
		var p payload
		sig, err := base64.StdEncoding.DecodeString(f.Annotations[annotation])
		if err == nil {
			err = json.Unmarshal(f.Data, &p)
		}
		if err != nil || p.Critical.Type != signatureType {
			return &signed{}, err
		}
		return &signed{kind: signPredicate, message: f.Data, signatures: [][]byte{sig}, about: []string{p.Critical.Image.Digest}}, nil
	case BundleType:
		var b bundle
		if err := json.Unmarshal(f.Data, &b); err != nil {
			return nil, err
		}
		e = b.Envelope
	case envelopeType:
		if err := json.Unmarshal(f.Data, &e); err != nil {
			return nil, err
		}
	}
	if e == nil || e.Type != statementType {
		return &signed{}, nil
	}
	var s struct {
		statement
		Predicate json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(e.Payload, &s); err != nil {
		return nil, err
	}
	all := &signed{kind: s.PredicateType, message: e.signed(), predicate: s.Predicate}
	for _, sig := range e.Signatures {
		all.signatures = append(all.signatures, sig.Sig)
	}
	for _, one := range s.Subject {
		all.about = append(all.about, "sha256:"+one.Digest["sha256"])
	}
	return all, nil
}
