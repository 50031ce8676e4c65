package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Types of PEM blocks that have a private key encrypted as cosign does it.
var encryptedTypes = map[string]bool{"ENCRYPTED SIGSTORE PRIVATE KEY": true, "ENCRYPTED COSIGN PRIVATE KEY": true}

// ReadPrivate reads a private key: PEM with PKCS #8, SEC 1, or cosign's own encryption, for which it asks for the password. The key is one for
// ECDSA on P-256, or for Ed25519.
func ReadPrivate(data []byte, password func() ([]byte, error)) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it is not a private key (PEM)")
	}
	der := block.Bytes
	var key any
	var err error
	switch {
	case encryptedTypes[block.Type]:
		secret, err := password()
		if err != nil {
			return nil, err
		}
		if der, err = encrypted.Decrypt(der, secret); err != nil {
			return nil, artifact.Hint(errors.New("it cannot be decrypted: the password is wrong, or the file is damaged"), "put the password into MINIMIRROR_KEY_PASSWORD, or its file into MINIMIRROR_KEY_PASSWORD_FILE")
		}
		key, err = x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, err
		}
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	default:
		return nil, artifact.Hint(fmt.Errorf("it has %q, not a private key that can sign images", block.Type), "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out image.key")
	}
	if err != nil {
		return nil, err
	}
	signer, is := key.(crypto.Signer)
	if !is {
		return nil, fmt.Errorf("a key of the type %T cannot sign", key)
	}
	return signer, checkKey(signer.Public())
}

// A Key is a public key that verifies images.
type Key struct {
	File   string
	Public crypto.PublicKey
}

// ReadPublic reads a public key: PEM, PKIX.
func ReadPublic(file string, data []byte) (Key, error) {
	block, rest := pem.Decode(data)
	if more, _ := pem.Decode(rest); more != nil {
		return Key{}, artifact.Hint(fmt.Errorf("%s: it has more than one key", file), "write each key into a file of its own, and repeat the flag")
	}
	if block == nil || block.Type != "PUBLIC KEY" {
		return Key{}, artifact.Hint(fmt.Errorf("%s: it is not a public key (PEM)", file), "write the key's public part into a file: openssl pkey -in image.key -pubout")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err == nil {
		err = checkKey(key)
	}
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", file, err)
	}
	return Key{file, key}, nil
}

func checkKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return nil
		}
		return fmt.Errorf("an ECDSA key on %s: only those on P-256 are supported", k.Curve.Params().Name)
	case ed25519.PublicKey:
		return nil
	}
	return errors.New("a key of another type: only ECDSA on P-256 and Ed25519 are supported")
}

// Hint identifies a key: base64 of the SHA-256 of its public part (PKIX, DER).
func Hint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:]), err
}

// sign signs a message. The same message has the same signature: of ECDSA as RFC 6979 says.
func sign(key crypto.Signer, message []byte) ([]byte, error) {
	if _, is := key.Public().(ed25519.PublicKey); is {
		return key.Sign(nil, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return key.Sign(nil, sum[:], crypto.SHA256)
}

func (k Key) verify(message, signature []byte) bool {
	switch key := k.Public.(type) {
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	}
	return false
}
