// Package signed signs and verifies small documents, such as headers of bundles, with detached signatures of two formats: minisign (Ed25519 of the
// document's BLAKE2b-512) and OpenPGP (RFC 9580). The content of a key's file decides which.
//
//	ReadSigner, Signer.Sign ──▶ NAME.minisig or NAME.asc ──ReadKey, Verify──▶ By: whose signature it is
package signed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"aead.dev/minisign"
	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// Suffixes of the names of signatures.
const (
	Minisig = ".minisig"
	Armored = ".asc"
)

// A Signer signs documents.
type Signer interface {
	// Sign makes a detached signature. The comment is signed as well where the format has a place for it: minisign's trusted comment, one line.
	Sign(document []byte, comment string) ([]byte, error)
	// Suffix is Minisig or Armored.
	Suffix() string
	// Key names the key as By.Key does.
	Key() string
	// Verify wants a signature that the key itself has made.
	Verify(document, signature []byte) error
}

// ReadSigner reads the private key in a file. password is asked only if the key is encrypted. The key must be valid now.
func ReadSigner(file string, data []byte, password func() ([]byte, error), now time.Time) (Signer, error) {
	var s Signer
	var err error
	if bytes.HasPrefix(data, []byte("untrusted comment:")) || minisign.IsEncrypted(data) {
		s, err = readMinisign(data, password)
	} else {
		s, err = readOpenPGP(data, password, now)
	}
	if err != nil {
		err = fmt.Errorf("signing key %s: %w", file, err)
		if hint := (*artifact.HintError)(nil); !errors.As(err, &hint) {
			err = artifact.Hint(err, "name the file of a private key, as written by: minisign -G -W -s FILE; or gpg --armor --export-secret-keys KEYID")
		}
		return nil, err
	}
	return s, nil
}

type minisignKey struct {
	private minisign.PrivateKey
}

func readMinisign(data []byte, password func() ([]byte, error)) (Signer, error) {
	if !minisign.IsEncrypted(data) {
		var k minisignKey
		if err := k.private.UnmarshalText(data); err != nil {
			return nil, fmt.Errorf("it is not a private key of minisign: %w", err)
		}
		return k, nil
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	private, err := minisign.DecryptKey(string(secret), data)
	if err != nil {
		return nil, wrongPassword()
	}
	return minisignKey{private}, nil
}

func wrongPassword() error {
	return artifact.Hint(errors.New("it cannot be decrypted: the password is wrong, or the file is damaged"), "put the password into MINIMIRROR_KEY_PASSWORD, or its file into MINIMIRROR_KEY_PASSWORD_FILE")
}

func (k minisignKey) Sign(document []byte, comment string) ([]byte, error) {
	if strings.ContainsAny(comment, "\r\n") {
		return nil, errors.New("a trusted comment has one line")
	}
	r := minisign.NewReader(bytes.NewReader(document))
	if _, err := r.Read(make([]byte, len(document)+1)); err != nil && len(document) > 0 {
		return nil, err
	}
	return r.SignWithComments(k.private, comment, "signature by "+k.Key()), nil
}

func (minisignKey) Suffix() string { return Minisig }

func (k minisignKey) Key() string {
	public, _ := k.private.Public().(minisign.PublicKey)
	return minisignName(public)
}

func (k minisignKey) Verify(document, signature []byte) error {
	public, _ := k.private.Public().(minisign.PublicKey)
	_, err := Key{minisign: &public}.verify(document, signature)
	return err
}

// minisignName names a key as minisign itself does, and unlike the id in it cannot be chosen.
func minisignName(k minisign.PublicKey) string { return "minisign " + k.String() }

type openPGPKey struct {
	entity *pgp.Entity
	now    time.Time
}

func readOpenPGP(data []byte, password func() ([]byte, error), now time.Time) (Signer, error) {
	read := pgp.ReadKeyRing
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		read = pgp.ReadArmoredKeyRing
	}
	ring, err := read(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is not a private key of minisign or OpenPGP: %w", err)
	case len(ring) != 1:
		return nil, fmt.Errorf("%d keys, want one", len(ring))
	case ring[0].PrivateKey == nil:
		return nil, errors.New("only the public part is in it")
	}
	entity := ring[0]
	signing, found := entity.SigningKey(now)
	if !found {
		name := fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)
		if expiry, expires := (openpgp.Keyring{Keys: ring}).Expiry(name); expires && !now.Before(expiry) {
			return nil, artifact.Hint(fmt.Errorf("key %s expired on %s", name, expiry.UTC().Format(time.DateOnly)), "use another key, or extend this one: gpg --quick-set-expire %s 5y", name)
		}
		return nil, fmt.Errorf("key %s cannot sign now: it is expired, revoked or not for signing", name)
	}
	if weak := openpgp.Weakness(signing.PublicKey); weak != nil {
		return nil, weak
	}
	if signing.PrivateKey == nil {
		return nil, errors.New("the key that signs is not in it")
	}
	if signing.PrivateKey.Encrypted {
		secret, err := password()
		if err != nil {
			return nil, err
		}
		if err := entity.DecryptPrivateKeys(secret); err != nil {
			return nil, wrongPassword()
		}
	}
	return openPGPKey{entity, now}, nil
}

func (k openPGPKey) Sign(document []byte, _ string) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, pgp.SignatureType, nil)
	if err == nil {
		err = pgp.DetachSign(w, k.entity, bytes.NewReader(document), &packet.Config{Time: func() time.Time { return k.now }})
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (openPGPKey) Suffix() string { return Armored }

func (k openPGPKey) Key() string { return fmt.Sprintf("OpenPGP %X", k.entity.PrimaryKey.Fingerprint) }

func (k openPGPKey) Verify(document, signature []byte) error {
	_, err := Key{ring: openpgp.Keyring{Keys: pgp.EntityList{k.entity}}}.verify(document, signature)
	return err
}
