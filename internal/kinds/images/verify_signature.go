package images

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// A signingKey is a public key of the definition, read.
type signingKey struct {
	signature.Key
	fingerprint string // "sha256:HEX" of the key: PKIX, DER
}

// readKeys reads the source's keys.
func (s *source) readKeys() (keys []signingKey, err error) {
	for _, file := range s.keys {
		key, err := signature.ReadPublic(file.name, file.data)
		if err != nil {
			return nil, s.errorf("verify: %w", err)
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public)
		if err != nil {
			return nil, s.errorf("verify: %s: %w", file.name, err)
		}
		sum := sha256.Sum256(der)
		keys = append(keys, signingKey{key, "sha256:" + hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(keys, func(a, b signingKey) int { return cmp.Compare(a.fingerprint, b.fingerprint) })
	return keys, nil
}

// verify wants a signature by one of the keys of what the tag names, as "cosign verify" does. If that is an index without a signature, each of its
// manifests that is carried needs its own. The artifacts with these signatures are carried, whatever referrers says: so the site can verify them.
func (r *reader) verify(ctx context.Context, t *tree, keys []signingKey) error {
	if len(keys) == 0 {
		return nil
	}
	t.signedBy = make(map[string][]string)
	missing := r.verifyOne(ctx, t, t.root.digest(), keys)
	if missing == nil || !errors.Is(missing, artifact.ErrVerify) || !t.root.index() {
		return missing
	}
	for _, l := range t.leaves {
		if err := r.verifyOne(ctx, t, l.node.digest(), keys); err != nil {
			if !errors.Is(err, artifact.ErrVerify) {
				return err
			}
			return missing
		}
	}
	return nil
}

// verifyOne wants a signature of a manifest.
func (r *reader) verifyOne(ctx context.Context, t *tree, digest string, keys []signingKey) error {
	var all []signature.Found
	for _, a := range t.attached[digest] {
		var found []signature.Found
		for _, n := range a.nodes {
			for _, layer := range n.Layers {
				if !signature.IsSignature(layer.MediaType) || layer.Size > signature.MaxSize {
					continue
				}
				data, err := r.in.blob(ctx, r.repository, layer, signature.MaxSize)
				if err != nil {
					return fmt.Errorf("signature: %w", err)
				}
				found = append(found, signature.Found{MediaType: layer.MediaType, Annotations: layer.Annotations, Data: data})
			}
		}
		for _, key := range keys {
			if _, err := signature.Verify([]signature.Key{key.Key}, []string{digest}, found); err == nil {
				a.carried = true
				if by := key.fingerprint + " " + key.File; !slices.Contains(t.signedBy[digest], by) {
					t.signedBy[digest] = append(t.signedBy[digest], by)
				}
			}
		}
		all = append(all, found...)
	}
	if len(t.signedBy[digest]) > 0 {
		return nil
	}
	plain := make([]signature.Key, len(keys))
	for i, key := range keys {
		plain[i] = key.Key
	}
	_, err := signature.Verify(plain, []string{digest}, all)
	var hint *artifact.HintError
	if errors.As(err, &hint) { // it is about images that this program makes
		err = artifact.Hint(hint.Err, "if the image may be trusted, sign it (cosign sign --key KEY %s/%s@%s); if it was signed and then copied, copy its signatures, too", r.registry, r.repository, digest)
	}
	return err
}
