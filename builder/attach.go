package builder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/sbom"
)

// attachments are what is attached to an image, to each image of an index, and to the index.
type attachments struct {
	// lists are artifacts that are known before the images are made, by the architecture for which the image carries items; empty: all
	// images carry the same, and so does the index.
	lists map[string][]attached.Artifact
	files []*os.File // temporary ones, which the artifacts need
	// sign makes what the digest of an image or index is needed for; nil: nothing.
	sign func(ocispec.Descriptor) ([]attached.Artifact, error)
}

// attachments makes them. A docker-archive can have none.
func (b *Builder) attachments(ctx context.Context, plans []*plan, layers [][]*tarlayer.Layer, output image.Reference) (a *attachments, err error) {
	a = &attachments{lists: make(map[string][]attached.Artifact)}
	if !b.SBOM && len(b.SignImage) == 0 {
		return a, nil
	}
	if output.Transport == image.DockerArchive {
		return nil, artifact.Hint(artifact.Usagef("%s: a docker-archive can contain only images, not SBOMs or signatures", output),
			"write to oci-archive:FILE, oci:DIR or a registry; or run minimirror sbom, which works for every image")
	}
	defer func() {
		if err != nil {
			a.remove()
		}
	}()
	if len(b.SignImage) > 0 {
		a.sign = func(subject ocispec.Descriptor) ([]attached.Artifact, error) { return b.signatures(plans, subject) }
	}
	if !b.SBOM {
		return a, nil
	}
	for n, p := range plans {
		if err := b.list(ctx, a, p, layers[n]); err != nil {
			return a, fmt.Errorf("SBOM: %w", err)
		}
	}
	return a, nil
}

// list adds the lists of software of the images of a plan.
func (b *Builder) list(ctx context.Context, a *attachments, p *plan, layers []*tarlayer.Layer) error {
	subject, err := p.subject(ctx, layers)
	if err != nil {
		return err
	}
	for _, format := range sbom.Formats {
		blob, err := a.spool(b.stateDir(), format.MediaType(), func(w io.Writer) error { return subject.Write(ctx, w, format) })
		if err != nil {
			return err
		}
		blob.Annotations = map[string]string{ocispec.AnnotationTitle: p.lock.Name + "." + format.Extension()}
		a.lists[p.architecture] = append(a.lists[p.architecture], attached.Artifact{Type: format.MediaType(), Layers: []attached.Blob{blob},
			Annotations: map[string]string{ocispec.AnnotationCreated: p.lock.Date.UTC().Format("2006-01-02T15:04:05Z")}})
	}
	return nil
}

// attach is the function for buildkit.Options; nil: nothing is attached.
func (a *attachments) attach() func(ocispec.Descriptor) ([]attached.Artifact, error) {
	if len(a.lists) == 0 && a.sign == nil {
		return nil
	}
	return func(subject ocispec.Descriptor) (all []attached.Artifact, err error) {
		if a.sign != nil {
			if all, err = a.sign(subject); err != nil {
				return nil, err
			}
		}
		all = append(all, a.lists[""]...)
		if subject.Platform != nil {
			all = append(all, a.lists[subject.Platform.Architecture]...)
		}
		return all, nil
	}
}

func (a *attachments) remove() {
	for _, f := range a.files {
		os.Remove(f.Name())
		f.Close()
	}
	a.files = nil
}

// temporary makes a file that no other build sweeps away until it is removed: it stays open, and locked.
func (a *attachments) temporary(dir string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(dir, "minimirror-attached-*")
		if err != nil {
			return nil, err
		}
		if atomicfile.TryLock(f) && atomicfile.Current(f) { // else another build was faster
			a.files = append(a.files, f)
			return f, nil
		}
		f.Close()
	}
}

// spool writes a blob, which may be large, into a temporary file.
func (a *attachments) spool(dir, mediaType string, write func(io.Writer) error) (blob attached.Blob, err error) {
	f, err := a.temporary(dir)
	if err != nil {
		return blob, err
	}
	hash := sha256.New()
	err = write(io.MultiWriter(f, hash))
	size, seekErr := f.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, seekErr); err != nil {
		return blob, err
	}
	return attached.Blob{Descriptor: ocispec.Descriptor{MediaType: mediaType, Digest: digest.NewDigest(digest.SHA256, hash), Size: size}, File: f.Name()}, nil
}

// subject is what lists of software describe, before there is an image.
func (p *plan) subject(ctx context.Context, layers []*tarlayer.Layer) (*sbom.Subject, error) {
	last := layers[len(layers)-1]
	var content bytes.Buffer
	if _, err := last.Copy(ctx, &content, func(int) {}); err != nil {
		return nil, err
	}
	sizes := make([]int64, len(layers))
	for i, l := range layers {
		sizes[i] = l.Size()
	}
	part := func(at, size int64) []byte { return content.Bytes()[at : at+size] }
	place, err := catalog.Locate(map[string]string{layout.CatalogLabel: p.label}, sizes)
	if err != nil {
		return nil, err
	}
	r, err := catalog.NewReader(part(place.Head.Offset, place.Head.Size), place.Records.Size, sizes, func(_ context.Context, offset, size int64) ([]byte, error) {
		return part(place.Records.Offset+offset, size), nil
	})
	if err != nil {
		return nil, err
	}
	var licences []byte
	for _, f := range p.files {
		if f.Path == layout.LicencesName {
			licences = f.Data
		}
	}
	return sbom.FromCatalog(ctx, r, p.kinds, licences)
}
