package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/parallel"
	"github.com/minimirror/minimirror/internal/transfer"
)

// Finish implements content.Sink: each repository gets the blobs that only others have, then its manifests, and last the tags. What is there is
// not sent.
func (s *Sink) Finish(ctx context.Context, images []content.Image) error {
	if err := s.pushes.all(); err != nil {
		return err
	}
	var order []string
	byRepository := map[string][]content.Image{}
	for _, im := range images {
		p, err := s.place(im)
		if err != nil {
			return err
		}
		if byRepository[p.repository] == nil {
			order = append(order, p.repository)
		}
		byRepository[p.repository] = append(byRepository[p.repository], im)
	}
	pushes := make([]*push, len(order))
	err := parallel.Each(len(order), atOnce, func(i int) error {
		pushes[i] = &push{sink: s, Repository: s.host.Repository(order[i]), done: map[digest.Digest]bool{}, subjects: map[digest.Digest][]v1.Descriptor{}}
		for _, im := range byRepository[order[i]] {
			if err := pushes[i].manifest(ctx, im.Descriptor, 0); err != nil {
				return fmt.Errorf("%s/%s: %w", s.host, order[i], err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = parallel.Each(len(order), atOnce, func(i int) error {
		for _, im := range byRepository[order[i]] {
			if err := pushes[i].tag(ctx, im); err != nil {
				return fmt.Errorf("%s/%s: %w", s.host, order[i], err)
			}
		}
		if err := pushes[i].referrers(ctx); err != nil {
			return fmt.Errorf("%s/%s: %w", s.host, order[i], err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.removeStaging()
}

// A push completes one repository.
type push struct {
	*registry.Repository
	sink     *Sink
	done     map[digest.Digest]bool
	subjects map[digest.Digest][]v1.Descriptor // manifests that the registry may not have listed as referrers
}

// maxDepth is how deep indexes may list indexes.
const maxDepth = 8

// manifest pushes a manifest, after what it consists of. fs.ErrNotExist: it was left out.
func (p *push) manifest(ctx context.Context, d v1.Descriptor, depth int) error {
	if p.done[d.Digest] {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: indexes within indexes, more than %d deep", d.Digest, maxDepth)
	}
	data, err := p.read(ctx, d.Digest)
	if err != nil {
		return err
	}
	m, err := content.ReadManifest(data)
	if err != nil {
		return artifact.Verifyf("%s: %w", d.Digest, err)
	}
	there, err := p.sink.hasIn(ctx, p.Name(), content.BlobOf(d))
	if err != nil {
		return err
	}
	for _, child := range m.Manifests {
		if err := p.child(ctx, child, depth); err != nil {
			return err
		}
	}
	if !there {
		for _, blob := range blobsOf(m) {
			if err := p.blob(ctx, blob); err != nil {
				return fmt.Errorf("%s: %w", d.Digest, transfer.Present(err))
			}
		}
		listed, err := p.PutManifest(ctx, d.Digest.String(), mediaTypeOf(d.MediaType, data), data)
		if err != nil {
			return err
		}
		p.sink.known(p.Name(), d.Digest)
		there = listed
	} else {
		there = false // it is not known whether the registry lists it as a referrer
	}
	if m.Subject != nil && !there {
		p.subjects[m.Subject.Digest] = append(p.subjects[m.Subject.Digest], referrerOf(d, data))
	}
	p.done[d.Digest] = true
	return nil
}

// child pushes what an index lists, unless it was left out.
func (p *push) child(ctx context.Context, d v1.Descriptor, depth int) error {
	var err error
	if content.IsManifest(d.MediaType) {
		err = p.manifest(ctx, d, depth+1)
	} else {
		err = p.blob(ctx, d)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// read reads a manifest: a staged one, or one that the registry has.
func (p *push) read(ctx context.Context, d digest.Digest) ([]byte, error) {
	data, err := p.sink.staged(d)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	from := p.Repository
	if where := p.sink.where(d); where != "" && !p.sink.isKnown(p.Name(), d) {
		from = p.sink.host.Repository(where)
	}
	data, _, _, err = from.Manifest(ctx, d.String())
	return data, err
}

func blobsOf(m *content.Manifest) []v1.Descriptor {
	var all []v1.Descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	return append(all, m.Layers...)
}

// blob lets the repository have a blob that the registry has: by mounting it, or else by a copy. fs.ErrNotExist: the registry does not have it.
func (p *push) blob(ctx context.Context, d v1.Descriptor) error {
	b := content.BlobOf(d)
	b.MediaType = "" // whatever it is called, it is a blob
	if has, err := p.sink.hasIn(ctx, p.Name(), b); has || err != nil {
		return err
	}
	from := p.sink.where(d.Digest)
	if from == "" {
		if len(d.URLs) > 0 {
			return nil // clients fetch it elsewhere
		}
		return fmt.Errorf("the blob %s did not come: %w", d.Digest, fs.ErrNotExist)
	}
	mounted, err := p.Mount(ctx, blobOf(b), from)
	if err != nil {
		return err
	}
	if !mounted {
		body, err := p.sink.host.Repository(from).OpenBlob(ctx, blobOf(b))
		if err != nil {
			return err
		}
		if err := errors.Join(p.PutBlob(ctx, blobOf(b), body), body.Close()); err != nil {
			return err
		}
	}
	p.sink.known(p.Name(), d.Digest)
	return nil
}

// tag lets the tag of an image lead to it.
func (p *push) tag(ctx context.Context, im content.Image) error {
	at, err := p.sink.place(im)
	if err != nil || strings.Contains(at.reference, ":") {
		return err
	}
	if there, err := p.HasManifest(ctx, at.reference, im.Digest); there || err != nil {
		return err
	}
	data, err := p.read(ctx, im.Digest)
	if err != nil {
		return err
	}
	_, err = p.PutManifest(ctx, at.reference, mediaTypeOf(im.MediaType, data), data)
	return err
}

// referrers lists attached manifests at tags, where the registry does not list them itself.
func (p *push) referrers(ctx context.Context) error {
	for _, subject := range slices.Sorted(maps.Keys(p.subjects)) {
		_, listed, err := p.ListedReferrers(ctx, subject.String())
		if err != nil {
			return err
		}
		if listed {
			continue
		}
		if err := p.AddReferrers(ctx, subject, p.subjects[subject]); err != nil {
			return err
		}
	}
	return nil
}

// referrerOf is the descriptor of an attached manifest in a list of referrers.
func referrerOf(d v1.Descriptor, data []byte) v1.Descriptor {
	var m struct {
		ArtifactType string            `json:"artifactType"`
		Config       *v1.Descriptor    `json:"config"`
		Annotations  map[string]string `json:"annotations"`
	}
	json.Unmarshal(data, &m) //nolint:errcheck // it was parsed before
	if m.ArtifactType == "" && m.Config != nil {
		m.ArtifactType = m.Config.MediaType
	}
	return v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: m.ArtifactType, Annotations: m.Annotations}
}
