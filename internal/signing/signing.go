// Package signing makes the OpenPGP signatures with which a mirror vouches for
// what it generates. Its keys are the user's: read from a file, or made once
// and kept in the user's configuration folder. They never enter an image.
package signing

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// born is the creation time of keys made here: gpgv refuses signatures that
// are older than their key, and a lock's date may lie years back.
var born = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// A Key can sign.
type Key struct{ entity *openpgp.Entity }

// Read returns the private key in the file, armored or binary.
func Read(file string) (*Key, error) {
	data, err := artifact.ReadFile(file)
	if err != nil {
		err = fmt.Errorf("signing key: %w", err)
		if own, ownErr := ownFile(); errors.Is(err, fs.ErrNotExist) && ownErr == nil && file != own {
			err = artifact.Hint(err, "minimirror build without --sign-key takes this user's own key, which it makes once: %s", own)
		}
		return nil, err
	}
	key, err := parse(data)
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("signing key %s: %w", file, err),
			"name a file with one unencrypted OpenPGP private key, as written by: gpg --armor --export-secret-keys KEYID")
	}
	return key, nil
}

func parse(data []byte) (*Key, error) {
	if n := bytes.Count(data, []byte("-----BEGIN PGP")); n > 1 {
		return nil, fmt.Errorf("%d keys, want one", n)
	}
	read := openpgp.ReadKeyRing
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	entities, err := read(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("not an OpenPGP key: %w", err)
	case len(entities) != 1:
		return nil, fmt.Errorf("%d keys, want one", len(entities))
	}
	key := &Key{entities[0]}
	signer, ok := key.entity.SigningKey(time.Now())
	switch {
	case !ok:
		return nil, errors.New("the key cannot sign, is revoked or has expired")
	case signer.PrivateKey == nil:
		return nil, errors.New("only the public part is in it")
	case signer.PrivateKey.Encrypted:
		return nil, errors.New("it is protected by a passphrase")
	}
	if bits, err := signer.PublicKey.BitLength(); err == nil && bits < 2048 && signer.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSA {
		return nil, fmt.Errorf("an RSA key of %d bits is too weak: clients refuse it", bits)
	}
	switch signer.PublicKey.PubKeyAlgo {
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoECDSA:
		return nil, errors.New("a DSA or ECDSA key signs differently each time: images would not repeat; use Ed25519 or RSA")
	}
	return key, nil
}

// Is reports whether the armored public key is this key's: whether both have one primary key (RFC 9580,
// section 10.1).
func (k *Key) Is(public []byte) bool {
	entities, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(public))
	return err == nil && slices.ContainsFunc(entities, func(e *openpgp.Entity) bool {
		return bytes.Equal(e.PrimaryKey.Fingerprint, k.entity.PrimaryKey.Fingerprint)
	})
}

// ownFile is $XDG_CONFIG_HOME/minimirror/signing-key.asc.
func ownFile() (string, error) {
	base, err := os.UserConfigDir()
	return filepath.Join(base, "minimirror", "signing-key.asc"), err
}

// Own returns this user's own key, $XDG_CONFIG_HOME/minimirror/signing-key.asc,
// and makes it when there is none.
func Own() (key *Key, made string, err error) {
	file, err := ownFile()
	if err != nil {
		return nil, "", artifact.Hint(fmt.Errorf("signing key: %w", err), "give one with --sign-key, or set XDG_CONFIG_HOME")
	}
	if _, err := os.Stat(file); err == nil {
		key, err = Read(file)
		return key, "", err
	}
	switch err := create(file); {
	case err == nil:
		made = file
	case !errors.Is(err, fs.ErrExist): // else another process was faster: use its key
		return nil, "", artifact.Hint(fmt.Errorf("signing key: %w", err), "give one with --sign-key, or set XDG_CONFIG_HOME to a folder that you may write to")
	}
	key, err = Read(file)
	return key, made, err
}

// create makes a new key; the file appears whole or not at all, and never
// replaces another.
func create(file string) error {
	armored, err := generate()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteNew(file, armored, 0o600)
}

func generate() ([]byte, error) {
	entity, err := openpgp.NewEntity("miniMirror", "signing key of this mirror's builder", "", &packet.Config{
		Algorithm:   packet.PubKeyAlgoEdDSA,
		Curve:       packet.Curve25519,
		DefaultHash: crypto.SHA512,
		Time:        func() time.Time { return born },
	})
	if err != nil {
		return nil, err
	}
	entity.Subkeys = nil // an encryption key has no use here
	return armored(openpgp.PrivateKeyType, func(b *bytes.Buffer) error { return entity.SerializePrivate(b, nil) })
}

func armored(blockType string, write func(*bytes.Buffer) error) ([]byte, error) {
	var raw, out bytes.Buffer
	if err := write(&raw); err != nil {
		return nil, err
	}
	w, err := armor.Encode(&out, blockType, nil)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw.Bytes()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// At returns a signer whose signatures carry the date, or that of the key or
// its self-signatures if that is later.
func (k *Key) At(date time.Time) (artifact.Signer, error) {
	found, ok := k.entity.SigningKey(time.Now())
	if !ok {
		return nil, errors.New("signing key: it cannot sign")
	}
	s := &signer{entity: k.entity, private: found.PrivateKey, date: date}
	times := []time.Time{k.entity.PrimaryKey.CreationTime, found.PublicKey.CreationTime, found.SelfSignature.CreationTime}
	if own, _ := k.entity.PrimarySelfSignature(); own != nil {
		times = append(times, own.CreationTime)
	}
	for _, t := range times {
		if t.After(s.date) {
			s.date = t
		}
	}
	var err error
	s.public, err = armored(openpgp.PublicKeyType, func(b *bytes.Buffer) error { return k.entity.Serialize(b) })
	return s, err
}

type signer struct {
	entity  *openpgp.Entity
	private *packet.PrivateKey
	public  []byte
	date    time.Time
}

// config makes signatures repeatable: no random notation, the lock's time.
func (s *signer) config() *packet.Config {
	random := false
	return &packet.Config{
		DefaultHash:                           crypto.SHA512,
		Time:                                  func() time.Time { return s.date },
		NonDeterministicSignaturesViaNotation: &random,
		SigningKeyId:                          s.private.KeyId,
	}
}

func (s *signer) PublicKey() []byte { return s.public }

func (s *signer) ClearSign(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, s.private, s.config())
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func (s *signer) DetachSign(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, s.entity, bytes.NewReader(text), s.config()); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
