// Package openpgp verifies OpenPGP signatures (RFC 9580) of upstreams under Sequoia's default policy, which refuses weak
// keys and digests. It also reads keyrings, and explains files that are not keyrings. Kinds use it
// between upstream and the lock, and again to verify an image.
package openpgp

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Keyring holds the public keys that may sign a source.
type Keyring struct {
	Keys  openpgp.EntityList
	Where string // for errors: file names, or "the key in mirror.yaml"
}

// Binary is the keyring as gpgv reads it: the public keys, one behind the other, without armor (RFC 9580, section 3.6).
func (k Keyring) Binary() ([]byte, error) {
	var b bytes.Buffer
	for _, key := range k.Keys {
		if err := key.Serialize(&b); err != nil {
			return nil, fmt.Errorf("%s: %w", k.Where, err)
		}
	}
	return b.Bytes(), nil
}

// VerifyInline returns the text that a cleartext-signed file signs. Anything outside the signed text is refused.
func (k Keyring) VerifyInline(data []byte, now time.Time) (text []byte, by Signature, err error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return nil, by, artifact.Verifyf("it is a web page, not a signed text: is there a portal that requires a login?")
	}
	block, rest := clearsign.Decode(data)
	if block == nil || !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) || len(bytes.TrimSpace(rest)) > 0 {
		return nil, by, artifact.Verifyf("it is not exactly one signed text")
	}
	packets, err := io.ReadAll(block.ArmoredSignature.Body)
	if err != nil {
		return nil, by, artifact.Verifyf("its signature is damaged: %w", err)
	}
	by, err = k.verify(block.Bytes, packets, now)
	return block.Plaintext, by, err
}

// VerifyDetached checks an armored or binary detached signature.
func (k Keyring) VerifyDetached(text, packets []byte, now time.Time) (by Signature, err error) {
	if block, err := armor.Decode(bytes.NewReader(packets)); err == nil {
		if packets, err = io.ReadAll(block.Body); err != nil {
			return by, artifact.Verifyf("its signature is damaged: %w", err)
		}
	}
	return k.verify(text, packets, now)
}

// Expiry returns when the key with the fingerprint (a primary key's or a
// subkey's) expires, if ever. For a repeated key, the
// later time counts.
func (k Keyring) Expiry(fingerprint string) (end time.Time, expires bool) {
	for _, entity := range k.Keys {
		self, _ := entity.PrimarySelfSignature()
		ends := []time.Time{endOf(entity.PrimaryKey, self)}
		found := fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint) == fingerprint
		for _, sub := range entity.Subkeys {
			if fmt.Sprintf("%X", sub.PublicKey.Fingerprint) == fingerprint {
				ends, found = append(ends, endOf(sub.PublicKey, sub.Sig)), true
			}
		}
		if !found {
			continue
		}
		ends = slices.DeleteFunc(ends, time.Time.IsZero)
		if len(ends) == 0 {
			return time.Time{}, false
		}
		if first := slices.MinFunc(ends, time.Time.Compare); first.After(end) {
			end, expires = first, true
		}
	}
	return end, expires
}

// Bound reports whether only a signature that uses the hash binds the key.
func (k Keyring) Bound(fingerprint string, by crypto.Hash) (is bool) {
	for _, entity := range k.Keys {
		self, _ := entity.PrimarySelfSignature()
		if fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint) == fingerprint && self != nil {
			if self.Hash != by {
				return false
			}
			is = true
		}
		for _, sub := range entity.Subkeys {
			if fmt.Sprintf("%X", sub.PublicKey.Fingerprint) != fingerprint || sub.Sig == nil || self == nil {
				continue
			}
			if sub.Sig.Hash != by && self.Hash != by {
				return false
			}
			is = true
		}
	}
	return is
}

// endOf is when a key expires, by the signature that binds it; zero: never.
func endOf(key *packet.PublicKey, sig *packet.Signature) time.Time {
	if sig == nil || sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
		return time.Time{}
	}
	return key.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
}
