package signed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// A Key is a public key, or a keyring of OpenPGP, in whose signatures the user trusts.
type Key struct {
	File     string
	minisign *minisign.PublicKey
	ring     openpgp.Keyring
}

// By says whose signature is good.
type By struct {
	Key     string    // "minisign RWQ…", or "OpenPGP " and the fingerprint of the primary key
	File    string    // of the key
	Comment string    // the trusted comment of minisign
	Made    time.Time // as the signer of OpenPGP says; zero for minisign
}

// ReadKey reads a public key of minisign (its file, or the line with the key alone), or a keyring of OpenPGP.
func ReadKey(file string, data []byte) (Key, error) {
	k := Key{File: file}
	switch {
	case openpgp.IsMinisign(data):
		k.minisign = new(minisign.PublicKey)
		if err := k.minisign.UnmarshalText(bytes.TrimSpace(data)); err != nil {
			return Key{}, fmt.Errorf("%s: it is not a public key of minisign: %w", file, err)
		}
	case openpgp.IsPEM(data):
		return Key{}, artifact.Hint(fmt.Errorf("%s: it is a key in PEM, which signs images, not bundles", file), "name a public key of minisign or OpenPGP")
	case bytes.HasPrefix(data, []byte("untrusted comment:")) && (minisign.IsEncrypted(data) || new(minisign.PrivateKey).UnmarshalText(data) == nil):
		return Key{}, artifact.Hint(fmt.Errorf("%s: it is a private key: keep it where bundles are signed", file), "name the public key, which minisign -R -s FILE writes from the private one")
	default:
		var err error
		if k.ring, err = openpgp.Parse(data, file); err != nil {
			return Key{}, artifact.Hint(err, "name a public key of minisign or OpenPGP")
		}
	}
	return k, nil
}

// Suffix is that of the signatures that the key makes.
func (k Key) Suffix() string {
	if k.minisign != nil {
		return Minisig
	}
	return Armored
}

// Verify wants a good signature of the document by one of the keys. signatures has the detached signatures by suffix. Signatures of OpenPGP are
// judged at the time at which they say that they were made, so that a wrong clock does not matter: the key must have been valid then. The errors
// are artifact.ErrVerify, and name a signer that is not among the keys.
func Verify(keys []Key, document []byte, signatures map[string][]byte) (By, error) {
	var refused []string
	for _, k := range keys {
		signature, found := signatures[k.Suffix()]
		if !found {
			continue
		}
		by, err := k.verify(document, signature)
		if err == nil {
			return by, nil
		}
		if text := fmt.Sprintf("%s: %v", k.File, err); !slices.Contains(refused, text) {
			refused = append(refused, text)
		}
	}
	switch {
	case len(signatures) == 0:
		return By{}, artifact.Verifyf("it is not signed: anybody could have made it")
	case refused == nil:
		var have []string
		for suffix := range signatures {
			have = append(have, suffix)
		}
		slices.Sort(have)
		return By{}, artifact.Hint(artifact.Verifyf("it has a signature of another kind (%s) than the given keys make", strings.Join(have, ", ")), "name the signer's key with --verify-key: of minisign for .minisig, of OpenPGP for .asc")
	}
	return By{}, artifact.Verifyf("%s", strings.Join(refused, "; "))
}

func (k Key) verify(document, signature []byte) (By, error) {
	if k.minisign != nil {
		return k.verifyMinisign(document, signature)
	}
	packets := signature
	if bytes.Contains(signature, []byte("-----BEGIN PGP")) {
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil {
			return By{}, fmt.Errorf("the signature is damaged: %w", err)
		}
		if packets, err = io.ReadAll(block.Body); err != nil {
			return By{}, fmt.Errorf("the signature is damaged: %w", err)
		}
	}
	by, err := k.ring.VerifyDetached(document, packets, time.Time{})
	if err != nil {
		return By{}, err
	}
	return By{Key: "OpenPGP " + k.primary(by.Signers[0]), File: k.File, Made: by.Made}, nil
}

// primary is the fingerprint of the primary key to which a key belongs.
func (k Key) primary(fingerprint string) string {
	for _, entity := range k.ring.Keys {
		for _, sub := range entity.Subkeys {
			if fmt.Sprintf("%X", sub.PublicKey.Fingerprint) == fingerprint {
				return fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)
			}
		}
	}
	return fingerprint
}

func (k Key) verifyMinisign(document, signature []byte) (By, error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return By{}, fmt.Errorf("the signature is damaged: %w", err)
	}
	if s.Algorithm != minisign.HashEdDSA {
		return By{}, errors.New("the signature is of minisign's old form, without a hash")
	}
	if s.KeyID != k.minisign.ID() {
		return By{}, fmt.Errorf("it is signed by the key with the id %016X, not by %016X", s.KeyID, k.minisign.ID())
	}
	if !minisign.Verify(*k.minisign, document, signature) {
		return By{}, errors.New("the signature is wrong: the document or the signature was changed")
	}
	return By{Key: minisignName(*k.minisign), File: k.File, Comment: s.TrustedComment}, nil
}
