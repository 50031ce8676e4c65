package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// openPGPSealer is a Sealer.
type openPGPSealer struct {
	ring openpgp.EntityList
	now  func() time.Time
}

// NewOpenPGP encrypts for all the public keys in the files, which must be valid now.
func NewOpenPGP(files []KeyFile, now func() time.Time) (Sealer, error) {
	s := &openPGPSealer{now: now}
	for _, f := range files {
		file, data := f.Name, f.Data
		ring, err := readRing(data)
		if err != nil {
			return nil, fmt.Errorf("recipient %s: %w", file, err)
		}
		for _, entity := range ring {
			if _, found := entity.EncryptionKey(now()); !found {
				return nil, artifact.Hint(fmt.Errorf("recipient %s: nothing can be encrypted for the key %X now: it is expired, revoked or not for encryption", file, entity.PrimaryKey.Fingerprint), "ask the recipient for a valid key: gpg --armor --export KEYID")
			}
		}
		s.ring = append(s.ring, ring...)
	}
	return s, nil
}

func readRing(data []byte) (openpgp.EntityList, error) {
	read := openpgp.ReadKeyRing
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	ring, err := read(bytes.NewReader(data))
	if err == nil && len(ring) == 0 {
		err = errors.New("no keys")
	}
	return ring, err
}

func (*openPGPSealer) Encryption() string { return "openpgp" }

func (s *openPGPSealer) Recipients() (names []string) {
	for _, entity := range s.ring {
		names = append(names, fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint))
	}
	return names
}

// Size implements Sealer: RFC 9580 lets the lengths of partial packets vary.
func (*openPGPSealer) Size(int64) int64 { return -1 }

func (s *openPGPSealer) Seal(w io.Writer) (io.WriteCloser, error) {
	return openpgp.Encrypt(w, s.ring, nil, &openpgp.FileHints{IsBinary: true, ModTime: time.Unix(0, 0)}, &packet.Config{Time: s.now, DefaultCipher: packet.CipherAES256})
}

// openPGPOpener is an Opener.
type openPGPOpener struct {
	ring openpgp.EntityList
	now  func() time.Time
}

// NewOpenPGPOpener decrypts with the private keys in the files. passphrase is asked for those that are encrypted.
func NewOpenPGPOpener(files []KeyFile, passphrase func(what string) ([]byte, error), now func() time.Time) (Opener, error) {
	o := &openPGPOpener{now: now}
	for _, f := range files {
		file, data := f.Name, f.Data
		ring, err := readRing(data)
		if err != nil {
			return nil, fmt.Errorf("identity %s: %w", file, err)
		}
		for _, entity := range ring {
			if err := unlock(entity, file, passphrase); err != nil {
				return nil, fmt.Errorf("identity %s: %w", file, err)
			}
		}
		o.ring = append(o.ring, ring...)
	}
	return o, nil
}

func unlock(entity *openpgp.Entity, file string, passphrase func(string) ([]byte, error)) error {
	private, locked := entity.PrivateKey != nil, entity.PrivateKey != nil && entity.PrivateKey.Encrypted
	for _, sub := range entity.Subkeys {
		private = private || sub.PrivateKey != nil
		locked = locked || sub.PrivateKey != nil && sub.PrivateKey.Encrypted
	}
	if !private {
		return artifact.Hint(errors.New("it has public keys only"), "export the private key: gpg --armor --export-secret-keys KEYID")
	}
	if !locked {
		return nil
	}
	secret, err := passphrase(file)
	if err != nil {
		return err
	}
	if err := entity.DecryptPrivateKeys(secret); err != nil {
		return errors.New("it cannot be decrypted: the passphrase is wrong, or the file is damaged")
	}
	return nil
}

func (*openPGPOpener) Encryption() string { return "openpgp" }

// Open implements Opener. An expired key decrypts, too: what it decrypts is verified by other means.
func (o *openPGPOpener) Open(r io.Reader) (io.Reader, error) {
	message, err := openpgp.ReadMessage(r, o.ring, nil, &packet.Config{Time: o.now})
	if errors.Is(err, pgperrors.ErrKeyIncorrect) || err != nil && strings.Contains(err.Error(), "no decryption key") {
		return nil, ErrNoIdentity
	}
	if err != nil {
		return nil, err
	}
	return message.UnverifiedBody, nil
}

// IsOpenPGP reports whether a file has keys of OpenPGP.
func IsOpenPGP(data []byte) bool {
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		return true
	}
	ring, err := openpgp.ReadKeyRing(bytes.NewReader(data))
	return err == nil && len(ring) > 0
}
