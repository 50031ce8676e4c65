package debiantest

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// KeyCreated is when a Key was made, unless its KeyConfig says otherwise.
var KeyCreated = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// A KeyConfig describes a key; its zero value is one that everybody accepts:
// Ed25519, without subkeys and end, signing with SHA-512.
type KeyConfig struct {
	RSABits int         // > 0: RSA of so many bits (1024 is weak)
	Hash    crypto.Hash // of the signatures it makes; default crypto.SHA512 (crypto.SHA1 is weak)
	Created time.Time   // default KeyCreated
	Expires time.Time   // zero: never
	Subkeys []KeyConfig // signing subkeys; the last one signs, the primary key then does not. Their RSABits, Hash and Subkeys are not used
}

// A Key is an OpenPGP key pair. Its signatures do not care whether it has
// expired.
type Key struct {
	Name   string
	entity *openpgp.Entity
	hash   crypto.Hash
}

// NewKey makes a key that everybody accepts. Equal names give equal keys.
func NewKey(name string) *Key { return KeyConfig{}.New(name) }

// New makes the key. Equal names and configurations give equal keys, except RSA
// keys. It panics when the configuration is impossible.
func (c KeyConfig) New(name string) *Key {
	random := rand.NewChaCha8(sha256.Sum256([]byte(name)))
	entity, err := openpgp.NewEntity(name, "", name+"@example.org", c.packet(c, random))
	if err != nil {
		panic(fmt.Sprintf("debiantest: key %s: %v", name, err))
	}
	entity.Subkeys = nil // only an encryption key until here
	for _, sub := range c.Subkeys {
		if err := entity.AddSigningSubkey(sub.packet(c, random)); err != nil {
			panic(fmt.Sprintf("debiantest: subkey of %s: %v", name, err))
		}
	}
	return &Key{name, entity, cmp.Or(c.Hash, crypto.SHA512)}
}

// packet translates c, a primary key or a subkey of primary, for the library.
func (c KeyConfig) packet(primary KeyConfig, random io.Reader) *packet.Config {
	created := c.Created
	if created.IsZero() {
		created = KeyCreated
	}
	salted := false
	config := &packet.Config{
		Rand:        random,
		Algorithm:   packet.PubKeyAlgoEdDSA,
		DefaultHash: crypto.SHA256,
		Time:        func() time.Time { return created },

		NonDeterministicSignaturesViaNotation: &salted,
	}
	if primary.RSABits > 0 {
		config.Algorithm, config.RSABits = packet.PubKeyAlgoRSA, primary.RSABits
	}
	if !c.Expires.IsZero() {
		config.KeyLifetimeSecs = uint32(c.Expires.Sub(created).Seconds())
	}
	return config
}

// Binary returns the public key as gpg --export writes it.
func (k *Key) Binary() []byte {
	var b bytes.Buffer
	if err := k.entity.Serialize(&b); err != nil {
		panic(fmt.Sprintf("debiantest: key %s: %v", k.Name, err))
	}
	return b.Bytes()
}

// Armored returns the public key as gpg --export --armor writes it.
func (k *Key) Armored() []byte { return armored(openpgp.PublicKeyType, k.Binary()) }

// Fingerprint returns the primary key's fingerprint in upper-case hexadecimal.
func (k *Key) Fingerprint() string { return fmt.Sprintf("%X", k.entity.PrimaryKey.Fingerprint) }

// signer is the key pair that makes the signatures.
func (k *Key) signer() *packet.PrivateKey {
	if n := len(k.entity.Subkeys); n > 0 {
		return k.entity.Subkeys[n-1].PrivateKey
	}
	return k.entity.PrivateKey
}

// SignerFingerprint returns the fingerprint of the key that makes the
// signatures: the last subkey's, or the primary key's.
func (k *Key) SignerFingerprint() string { return fmt.Sprintf("%X", k.signer().Fingerprint) }

func armored(blockType string, data []byte) []byte {
	var b bytes.Buffer
	w, err := armor.Encode(&b, blockType, nil)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("debiantest: armor: %v", err)) // a bytes.Buffer does not fail
	}
	return append(b.Bytes(), '\n')
}

// WriteKeys writes every key that Parse made to dir/NAME.asc.
func (a *Archive) WriteKeys(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, key := range a.Keys {
		if err := os.WriteFile(filepath.Join(dir, name+".asc"), key.Armored(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Secret returns the private key as gpg --export-secret-keys writes it.
func (k *Key) Secret() []byte {
	var b bytes.Buffer
	if err := k.entity.SerializePrivateWithoutSigning(&b, nil); err != nil {
		panic(fmt.Sprintf("debiantest: key %s: %v", k.Name, err))
	}
	return b.Bytes()
}

// Revocation returns a signature of the type that a revocation certificate is, armored as gpg --gen-revoke does it.
func (k *Key) Revocation() []byte {
	signature, err := sign(k.Binary(), packet.SigTypeKeyRevocation, KeyCreated, []*Key{k})
	if err != nil {
		panic(fmt.Sprintf("debiantest: key %s: %v", k.Name, err))
	}
	return armored(openpgp.PublicKeyType, signature)
}
