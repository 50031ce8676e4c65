package signature

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Found is a blob of an artifact that is attached to images.
type Found struct {
	MediaType   string
	Annotations map[string]string // of the blob
	Data        []byte
}

// MaxSize is the largest signature that is read, in bytes.
const MaxSize = 8 << 20

// IsSignature reports whether a blob can be one.
func IsSignature(mediaType string) bool { return mediaType == payloadType || mediaType == BundleType }

// Tag is the suffix of tags of signatures.
const Tag = suffix

// Verify finds a signature by one of the keys that is about one of the digests, "sha256:…": those of the image, and of the index that has it. The error
// is artifact.ErrVerify and says what is wrong.
func Verify(keys []Key, digests []string, found []Found) error {
	others, about := 0, []string(nil)
	for _, f := range found {
		message, signatures, signed := f.read()
		if len(signed) == 0 {
			continue
		}
		good := slices.ContainsFunc(signatures, func(sig []byte) bool {
			return slices.ContainsFunc(keys, func(k Key) bool { return k.verify(message, sig) })
		})
		switch {
		case !good:
			others++
		case slices.ContainsFunc(signed, func(d string) bool { return slices.Contains(digests, d) }):
			return nil
		default:
			about = append(about, signed...)
		}
	}
	files := make([]string, len(keys))
	for i, k := range keys {
		files[i] = k.File
	}
	switch {
	case len(about) > 0:
		return artifact.Verifyf("the signature is about another image, %s: this one is %s", about[0], digests[0])
	case others > 0:
		return artifact.Verifyf("the image has %d signatures, and none is valid with the key in %s", others, strings.Join(files, ", "))
	}
	return artifact.Hint(artifact.Verifyf("the image %s is not signed", digests[0]), "if it was signed and then copied, copy its signature, too (docs/keys.md); else sign it when it is built: minimirror build --sign-image KEY. docker-archives and unpacked images have no signatures")
}

// read returns what was signed, the signatures, and the digests of the images that it is about; nil: f is no signature of images.
func (f *Found) read() (message []byte, signatures [][]byte, digests []string) {
	switch f.MediaType {
	case payloadType:
		var p payload
		sig, err := base64.StdEncoding.DecodeString(f.Annotations[annotation])
		if err != nil || json.Unmarshal(f.Data, &p) != nil || p.Critical.Type != signatureType {
			return nil, nil, nil
		}
		return f.Data, [][]byte{sig}, []string{p.Critical.Image.Digest}
	case BundleType:
		var b bundle
		var s statement
		if json.Unmarshal(f.Data, &b) != nil || b.Envelope == nil || b.Envelope.Type != statementType || json.Unmarshal(b.Envelope.Payload, &s) != nil || s.PredicateType != signPredicate {
			return nil, nil, nil // provenance, for example
		}
		for _, sig := range b.Envelope.Signatures {
			signatures = append(signatures, sig.Sig)
		}
		for _, one := range s.Subject {
			digests = append(digests, fmt.Sprintf("sha256:%s", one.Digest["sha256"]))
		}
		return b.Envelope.signed(), signatures, digests
	}
	return nil, nil, nil
}
