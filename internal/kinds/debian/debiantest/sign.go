package debiantest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// ClearSign returns text in the cleartext signature framework (RFC 9580,
// section 7) with one signature of each key.
func ClearSign(text []byte, at time.Time, keys ...*Key) ([]byte, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var escaped strings.Builder
	for i, line := range lines {
		if strings.HasPrefix(line, "-") {
			escaped.WriteString("- ")
		}
		escaped.WriteString(line + "\n")
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	signatures, err := sign([]byte(strings.Join(lines, "\r\n")), packet.SigTypeText, at, keys)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "Hash: %s\n", strings.ReplaceAll(k.hash.String(), "-", ""))
	}
	b.WriteString("\n" + escaped.String())
	b.Write(armored(openpgp.SignatureType, signatures))
	return b.Bytes(), nil
}

// DetachSign returns the armored signatures of text by each key.
func DetachSign(text []byte, at time.Time, keys ...*Key) ([]byte, error) {
	signatures, err := sign(text, packet.SigTypeBinary, at, keys)
	if err != nil {
		return nil, err
	}
	return armored(openpgp.SignatureType, signatures), nil
}

// sign makes the signature packets by hand, because the library's own signers
// refuse what a bad archive may well have: expired keys and weak hashes.
func sign(data []byte, kind packet.SignatureType, at time.Time, keys []*Key) ([]byte, error) {
	salted := false
	config := &packet.Config{NonDeterministicSignaturesViaNotation: &salted}
	var b bytes.Buffer
	for _, k := range keys {
		signer := k.signer()
		sig := &packet.Signature{
			Version: signer.Version, SigType: kind, PubKeyAlgo: signer.PubKeyAlgo, Hash: k.hash,
			CreationTime: at, IssuerKeyId: &signer.KeyId, IssuerFingerprint: signer.Fingerprint,
		}
		hash, err := sig.PrepareSign(config)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
		hash.Write(data)
		if err := sig.Sign(hash, signer, config); err != nil {
			return nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
		if err := sig.Serialize(&b); err != nil {
			return nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
	}
	return b.Bytes(), nil
}
