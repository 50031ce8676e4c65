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
func (r *Reader) VerifySignature(ctx context.Context, keys []signature.Key, o Options) error {
	return r.verifySignature(ctx, keys, o, r.Digest, r.IndexDigest())
}

// VerifyIndexSignature is VerifySignature for the index that has the image, whose own signature does not count.
func (r *Reader) VerifyIndexSignature(ctx context.Context, keys []signature.Key, o Options) error {
	return r.verifySignature(ctx, keys, o, r.IndexDigest())
}

func (r *Reader) verifySignature(ctx context.Context, keys []signature.Key, o Options, digests ...string) error {
	if r.Reference.Transport == Stdin {
		return artifact.Hint(errors.New("signatures of an image on standard input cannot be read"), "write the image into a file first")
	}
	if r.Digest == "" {
		return artifact.Hint(artifact.Verifyf("%s: an unpacked image and a docker-archive have no signatures", r.Reference), "use a layout, an oci-archive, or the image in a registry")
	}
	digests = slices.DeleteFunc(digests, func(d string) bool { return d == "" })
	var found []signature.Found
	var err error
	if r.Reference.Transport == Docker {
		found, err = pushedSignatures(ctx, r.Reference.Path, digests, o.Registry)
	} else {
		found, err = storedSignatures(ctx, r.Reference, o)
	}
	if err == nil {
		err = signature.Verify(keys, digests, found)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", r.Reference, err)
	}
	return err
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
		at := []string{strings.ReplaceAll(digest, ":", "-") + signature.Tag}
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
