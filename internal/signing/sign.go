package signing

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// At returns a signer whose signatures, one of each key, carry the date, or that of the newest of the keys and
// their self-signatures if that is later. public is an armored keyring, or nil: the signer's PublicKey has those of
// its keys, too, that do not sign.
func (k Keys) At(date time.Time, public []byte) (artifact.Signer, error) {
	s := &signer{keys: k, date: date}
	var ring openpgp.EntityList
	for _, key := range k {
		ring = append(ring, key.entity)
		times := []time.Time{key.entity.PrimaryKey.CreationTime, key.signing.PublicKey.CreationTime, key.signing.SelfSignature.CreationTime}
		if own, _ := key.entity.PrimarySelfSignature(); own != nil {
			times = append(times, own.CreationTime)
		}
		for _, t := range times {
			if t.After(s.date) {
				s.date = t
			}
		}
	}
	if public != nil {
		others, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(public))
		if err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		for _, other := range others {
			if !k.has(fingerprint(other)) {
				ring = append(ring, other)
			}
		}
	}
	var err error
	s.public, err = armored(openpgp.PublicKeyType, func(w io.Writer) error {
		for _, entity := range ring {
			if err := entity.Serialize(w); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

type signer struct {
	keys   Keys
	public []byte
	date   time.Time
}

// config makes signatures repeatable: no random notation, the lock's time.
func (s *signer) config(key *Key) *packet.Config {
	random := false
	return &packet.Config{
		DefaultHash:                           crypto.SHA512,
		Time:                                  func() time.Time { return s.date },
		NonDeterministicSignaturesViaNotation: &random,
		SigningKeyId:                          key.signing.PrivateKey.KeyId,
	}
}

func (s *signer) PublicKey() []byte { return s.public }

func (s *signer) ClearSign(text []byte) ([]byte, error) {
	private := make([]*packet.PrivateKey, len(s.keys))
	for i, key := range s.keys {
		private[i] = key.signing.PrivateKey
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, private, s.config(s.keys[0]))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return withChecksum(b.Bytes())
}

// withChecksum gives the signature of a clear-signed text the checksum that RFC 9580, section 6.1, calls optional. GnuPG finds the end
// of a block without one only by the padding of base64, which a signature of 3n bytes has not: it then refuses the whole text.
func withChecksum(signed []byte) ([]byte, error) {
	at := bytes.LastIndex(signed, []byte("-----BEGIN "+openpgp.SignatureType))
	block, err := armor.Decode(bytes.NewReader(signed[max(at, 0):]))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signature, err := armored(openpgp.SignatureType, func(w io.Writer) error {
		_, err := io.Copy(w, block.Body)
		return err
	})
	return append(signed[:max(at, 0)], signature...), err
}

func (s *signer) DetachSign(text []byte) ([]byte, error) {
	signatures, err := armored(openpgp.SignatureType, func(w io.Writer) error {
		for _, key := range s.keys {
			if err := openpgp.DetachSign(w, key.entity, bytes.NewReader(text), s.config(key)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signatures, nil
}

func armored(blockType string, write func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, blockType, nil)
	if err != nil {
		return nil, err
	}
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
