package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// VerifySignature requires a signature of the image, or of the index that it was chosen from, by one of the keys. The error is artifact.ErrVerify. o is
// what the image was opened with.
func (r *Reader) VerifySignature(ctx context.Context, keys []signature.Key, o Options) (signature.Verified, error) {
	return verifySignature(ctx, r.Reference, keys, r.digests(), o)
}

// VerifyIndexSignature is VerifySignature for the index that has the image, whose own signature does not count.
func (r *Reader) VerifyIndexSignature(ctx context.Context, keys []signature.Key, o Options) error {
	_, err := verifySignature(ctx, r.Reference, keys, []string{r.IndexDigest()}, o)
	return err
}

// VerifyProvenance returns the provenance of the image, or of the index that it was chosen from, that one of the keys signed. There may be none; if
// there is some, and none is valid and about the image, the error is artifact.ErrVerify.
func (r *Reader) VerifyProvenance(ctx context.Context, keys []signature.Key, o Options) ([]signature.Statement, error) {
	found, err := signaturesFor(ctx, r.Reference, r.digests(), o)
	if err != nil {
		return nil, err
	}
	return signature.VerifyProvenance(keys, r.digests(), found)
}

// digests are those that a signature of the image may be about; none: it has no manifest.
func (r *Reader) digests() []string {
	return slices.DeleteFunc([]string{r.Digest, r.IndexDigest()}, func(d string) bool { return d == "" })
}

func verifySignature(ctx context.Context, ref Reference, keys []signature.Key, digests []string, o Options) (signature.Verified, error) {
	found, err := signaturesFor(ctx, ref, digests, o)
	if err != nil {
		return signature.Verified{}, err
	}
	return signature.Verify(keys, digests, found)
}

// signaturesFor reads what may be a signature of an image with one of the digests, or a statement about it. Nothing is verified.
func signaturesFor(ctx context.Context, ref Reference, digests []string, o Options) ([]signature.Found, error) {
	switch {
	case ref.Transport == Stdin:
		return nil, artifact.Hint(errors.New("signatures of an image on standard input cannot be read"), "write the image into a file first")
	case len(digests) == 0:
		return nil, artifact.Hint(artifact.Verifyf("an unpacked image and a docker-archive have no signatures"), "use a layout, an oci-archive, or the image in a registry")
	case ref.Transport == Docker:
		return pushedSignatures(ctx, ref.Path, digests, o.Registry)
	}
	return storedSignatures(ctx, ref, o)
}

// storedSignatures are those in the index of a layout.
func storedSignatures(ctx context.Context, ref Reference, o Options) (found []signature.Found, err error) {
	place, err := locate(ctx, ref, o)
	if err != nil || place.root != "" {
		return nil, err
	}
	defer place.files.Close()
	var index v1.Index
	if err := readDocument(place.files, v1.ImageIndexFile, &index); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a docker-archive
	} else if err != nil {
		return nil, err
	}
	for _, d := range index.Manifests {
		if !attached.Is(d) {
			continue
		}
		var manifest v1.Manifest
		if err := readBlob(place.files, d, &manifest); err != nil {
			return nil, fmt.Errorf("attached artifact: %w", err)
		}
		for _, l := range manifest.Layers {
			if !signature.IsSignature(l.MediaType) || l.Size > signature.MaxSize {
				continue
			}
			data, err := blobText(place.files, l)
			if err != nil {
				return nil, fmt.Errorf("signature: %w", err)
			}
			found = append(found, signature.Found{MediaType: l.MediaType, Annotations: l.Annotations, Data: data})
		}
	}
	return found, nil
}

// pushedSignatures are those in a registry.
func pushedSignatures(ctx context.Context, path string, digests []string, o registry.Options) (found []signature.Found, err error) {
	r, err := registry.Open(path, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for _, digest := range digests {
		list, err := r.Referrers(ctx, digest)
		if err != nil {
			return nil, err
		}
		var at []string
		for _, suffix := range signature.Tags {
			at = append(at, strings.ReplaceAll(digest, ":", "-")+suffix)
		}
		for _, d := range list {
			at = append(at, d.Digest.String())
		}
		for _, reference := range at {
			text, _, _, err := r.Manifest(ctx, reference)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			more, err := signaturesOf(ctx, r, text)
			if err != nil {
				return nil, fmt.Errorf("signature: %w", err)
			}
			found = append(found, more...)
		}
	}
	return found, nil
}

// signaturesOf are those in the layers of a manifest.
func signaturesOf(ctx context.Context, r *registry.Repository, text []byte) (found []signature.Found, err error) {
	var manifest v1.Manifest
	if json.Unmarshal(text, &manifest) != nil {
		return nil, nil // an index, or not a manifest at all
	}
	for _, l := range manifest.Layers {
		if !signature.IsSignature(l.MediaType) || l.Size > signature.MaxSize {
			continue
		}
		body := r.Blob(ctx, registry.Blob{Digest: l.Digest.String(), Size: l.Size})
		data, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil {
			return nil, err
		}
		found = append(found, signature.Found{MediaType: l.MediaType, Annotations: l.Annotations, Data: data})
	}
	return found, nil
}
