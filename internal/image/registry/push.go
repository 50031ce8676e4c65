package registry

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/attached"
)

// Attach pushes artifacts of an image, which need not be there yet, to its repository, HOST/NAME. What is at the tag of an artifact stays there, and
// the artifact is added to it. Where the registry does not list referrers, a tag does (OCI distribution specification 1.1, "Pushing manifests with
// subject").
func Attach(ctx context.Context, path string, o Options, image v1.Descriptor, all []attached.Artifact) error {
	r, err := Open(path, o)
	if err != nil {
		return err
	}
	defer r.Close()
	var referrers []v1.Descriptor
	for _, a := range attached.Join(all) {
		made, err := r.attach(ctx, image, a)
		if err != nil {
			return err
		}
		if made.Tag == "" {
			referrers = append(referrers, made.Manifest.Descriptor)
		}
	}
	if len(referrers) == 0 {
		return nil
	}
	if _, err := r.referrers(ctx, image.Digest.String()); !errors.Is(err, errNoReferrers) {
		return err
	}
	return r.AddReferrers(ctx, image.Digest, referrers)
}

// attach pushes one artifact.
func (r *Repository) attach(ctx context.Context, image v1.Descriptor, a attached.Artifact) (*attached.Made, error) {
	if a.Tag != "" {
		text, _, _, err := r.Manifest(ctx, a.Tag)
		if err == nil {
			a, err = a.After(text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	made, err := a.Make(image)
	if err != nil {
		return nil, err
	}
	for i := range made.Blobs {
		if err := r.pushBlob(ctx, &made.Blobs[i]); err != nil {
			return nil, err
		}
	}
	at := made.Manifest.Digest.String()
	if made.Tag != "" {
		at = made.Tag
	}
	_, err = r.PutManifest(ctx, at, made.Manifest.MediaType, made.Manifest.Data)
	return made, err
}

// pushBlob stores a blob that is not there.
func (r *Repository) pushBlob(ctx context.Context, b *attached.Blob) error {
	blob := Blob{Digest: b.Digest.String(), Size: b.Size}
	there, err := r.HasBlob(ctx, blob)
	if err != nil || there {
		return err
	}
	in, err := b.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	return r.PutBlob(ctx, blob, in)
}

// Tag gives an image or index that is in a repository, HOST/NAME, a tag.
func Tag(ctx context.Context, path string, o Options, tag, mediaType string, manifest []byte) error {
	r, err := Open(path, o)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.PutManifest(ctx, tag, mediaType, manifest)
	return err
}

// AddReferrers adds descriptors of artifacts to the index at the tag of their subject, for a registry that does not list referrers ("Referrers Tag
// Schema"). Nothing is written if all of them are there.
func (r *Repository) AddReferrers(ctx context.Context, subject digest.Digest, referrers []v1.Descriptor) error {
	index, err := r.taggedReferrers(ctx, subject.String())
	if err != nil {
		return err
	}
	added := false
	for _, d := range referrers {
		if !slices.ContainsFunc(index, func(old v1.Descriptor) bool { return old.Digest == d.Digest }) {
			index, added = append(index, d), true
		}
	}
	if !added {
		return nil
	}
	text, err := json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: index})
	if err != nil {
		return err
	}
	_, err = r.PutManifest(ctx, attached.Tag(subject, ""), v1.MediaTypeImageIndex, text)
	return err
}
