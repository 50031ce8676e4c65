package openpgp

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Signature says who signed a text, and when.
type Signature struct {
	Signers []string  // fingerprints of keys, sorted
	Made    time.Time // the last of the good signatures
}

// verify requires at least one good signature and no bad one.
// It ignores signatures by unknown, expired or weak keys beside a good one. If now
// is zero, it uses the state of the keys at the time of each signature.
func (k Keyring) verify(text, signatures []byte, now time.Time) (by Signature, err error) {
	var refused []string
	weak := false
	packets := packet.NewReader(bytes.NewReader(signatures))
	for {
		next, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return by, artifact.Verifyf("its signature is damaged: %w", err)
		}
		sig, ok := next.(*packet.Signature)
		if !ok {
			continue
		}
		at := now
		if at.IsZero() {
			at = sig.CreationTime
		}
		signer, err := k.verifyOne(text, sig, at)
		var bad pgperrors.SignatureError
		switch {
		case err == nil:
			by.Signers = append(by.Signers, signer)
			if sig.CreationTime.After(by.Made) {
				by.Made = sig.CreationTime.UTC()
			}
		case errors.As(err, &bad):
			return Signature{}, artifact.Verifyf("the signature of key %s is wrong: %w", issuer(sig), ErrChanged)
		default:
			weak = weak || errors.Is(err, errWeak)
			refused = append(refused, fmt.Sprintf("key %s: %s", issuer(sig), strings.TrimPrefix(err.Error(), "openpgp: ")))
		}
	}
	if len(by.Signers) == 0 {
		if refused == nil {
			refused = []string{"it carries no signature"}
		}
		err := artifact.Verifyf("%w: %s (keyring: %s)", ErrUnsigned, strings.Join(refused, "; "), k.Where)
		if weak {
			err = artifact.Hint(err, "only upstream can fix this: it needs a signature over SHA-256 or better by a key that newer programs accept (Ed25519, ECDSA, or RSA with 2048 bits at least)")
		}
		return by, err
	}
	slices.Sort(by.Signers)
	by.Signers = slices.Compact(by.Signers)
	return by, nil
}

// Reasons to refuse a text: no known and good key has signed it, or it was changed.
var (
	ErrUnsigned = errors.New("no good signature")
	ErrChanged  = errors.New("the text was changed after it was signed")
)

// maxFuture is how far the signer's clock may be ahead of ours.
const maxFuture = 10 * time.Second

// errWeak is the error for what Sequoia's default policy refuses.
var errWeak = errors.New("too weak")

func strong(h crypto.Hash) bool {
	return slices.Contains([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512}, h)
}

// Weakness is why the signatures of a key don't count, or nil.
func Weakness(key *packet.PublicKey) error {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := key.BitLength(); err != nil || bits < 2048 {
			return fmt.Errorf("an RSA key of %d bits is %w", bits, errWeak)
		}
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
		return fmt.Errorf("a DSA key is %w", errWeak)
	}
	return nil
}

// verifyOne returns the fingerprint of the key that made the signature. A
// keyring may hold one key twice, expired and renewed: either will do.
func (k Keyring) verifyOne(text []byte, sig *packet.Signature, now time.Time) (signer string, err error) {
	if !strong(sig.Hash) {
		return "", fmt.Errorf("a signature over %s is %w", sig.Hash, errWeak)
	}
	if sig.IssuerKeyId == nil {
		return "", errors.New("the signature does not name its key")
	}
	if ahead := sig.CreationTime.Sub(now); ahead > maxFuture {
		return "", fmt.Errorf("the signature was made at %s, this machine's clock says %s", sig.CreationTime.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	err = errors.New("the key is not in the keyring")
	config := &packet.Config{Time: func() time.Time { return now }}
	for _, entity := range k.Keys {
		for _, key := range (openpgp.EntityList{entity}).KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign) {
			if weak := cmp.Or(Weakness(entity.PrimaryKey), Weakness(key.PublicKey)); weak != nil {
				err = weak
				continue
			}
			var one bytes.Buffer
			if err := sig.Serialize(&one); err != nil {
				return "", err
			}
			_, _, err = openpgp.VerifyDetachedSignature(openpgp.EntityList{entity}, bytes.NewReader(text), &one, config)
			if err == nil {
				return fmt.Sprintf("%X", key.PublicKey.Fingerprint), nil
			}
		}
	}
	return "", err
}

func issuer(sig *packet.Signature) string {
	if sig.IssuerKeyId == nil {
		return fmt.Sprintf("%X", sig.IssuerFingerprint)
	}
	return fmt.Sprintf("%016X", *sig.IssuerKeyId)
}
