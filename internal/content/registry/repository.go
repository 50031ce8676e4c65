package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/parallel"
)

// A repository is read: what its tags lead to, what the indexes list, what is attached.
type repository struct {
	*registry.Repository
	source *Source

	mu        sync.Mutex
	manifests map[digest.Digest]*node
	tags      []string            // all, sorted
	tagged    map[string][]string // those of what is attached, by the tag of the referrers of the manifest
	listed    bool                // tags has all of them
}

// A node is a manifest.
type node struct {
	v1.Descriptor
	children []digest.Digest
	attached []content.Image
}

// maxNesting is how many steps lead from an image to what belongs to it: from an index to what it lists, from a manifest to what is attached to it.
const maxNesting = 32

// maxNodes is how many manifests may belong to the images of one repository.
const maxNodes = 1_000_000

func (s *Source) repository(name string) *repository {
	return &repository{Repository: s.host.Repository(name), source: s, manifests: map[digest.Digest]*node{}, tagged: map[string][]string{}}
}

// images lists the images that choose selects, by tag or digest, each followed by what is attached to it.
func (r *repository) images(ctx context.Context, choose func(ctx context.Context) ([]string, error)) ([]content.Image, error) {
	if err := r.listTags(ctx); err != nil {
		return nil, err
	}
	references, err := choose(ctx)
	if err != nil {
		return nil, err
	}
	images := make([]content.Image, len(references))
	err = parallel.Each(len(references), atOnce, func(i int) (err error) {
		images[i], err = r.image(ctx, references[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	frontier := make([]digest.Digest, len(images))
	for i, im := range images {
		frontier[i] = im.Digest
	}
	if err := r.explore(ctx, frontier); err != nil {
		return nil, err
	}
	return r.arrange(images), nil
}

// listTags notes the tags of what is attached.
func (r *repository) listTags(ctx context.Context) error {
	tags, err := r.Tags(ctx)
	one := r.source.one.repository != ""
	switch {
	case err != nil && one && refused(err):
		return nil // they are asked for one by one
	case isAbsent(err) && !one:
		r.source.note(fmt.Sprintf("%s/%s has no tags, and nothing of it is carried", r.source.host, r.Name()))
	case err != nil:
		return err
	}
	r.tags = tags
	for _, tag := range tags {
		if to := attachedTo(tag); to != "" {
			r.tagged[to] = append(r.tagged[to], tag)
		}
	}
	r.listed = true
	return nil
}

// image is what a tag or a digest leads to.
func (r *repository) image(ctx context.Context, reference string) (content.Image, error) {
	m, err := r.source.fetch(ctx, r.Name(), reference)
	if err != nil {
		return content.Image{}, fmt.Errorf("%s: %w", reference, err)
	}
	im := content.Image{Name: image{r.Name(), reference}.name(), Descriptor: v1.Descriptor{MediaType: m.mediaType, Digest: m.digest, Size: int64(len(m.data))}}
	if !strings.Contains(reference, ":") {
		im.Subject = subjectOf(reference)
	}
	im.InRegistry = true
	if document, err := content.ReadManifest(m.data); err == nil && im.Subject == "" && document.Subject != nil {
		im.Subject = document.Subject.Digest
	}
	return im, nil
}

// explore reads the manifests and everything that belongs to them.
func (r *repository) explore(ctx context.Context, frontier []digest.Digest) error {
	for depth := 0; len(frontier) > 0; depth++ {
		if depth > maxNesting {
			return artifact.Verifyf("more than %d manifests one below the other: what an index lists, or what is attached to another artifact", maxNesting)
		}
		frontier = slices.Compact(slices.Sorted(slices.Values(frontier)))
		frontier = slices.DeleteFunc(frontier, func(d digest.Digest) bool { return r.manifests[d] != nil })
		if len(r.manifests)+len(frontier) > maxNodes {
			return artifact.Verifyf("more than %d manifests belong to its images", maxNodes)
		}
		err := parallel.Each(len(frontier), atOnce, func(i int) error {
			n, err := r.node(ctx, frontier[i])
			r.mu.Lock()
			defer r.mu.Unlock()
			r.manifests[frontier[i]] = n
			return err
		})
		if err != nil {
			return err
		}
		var next []digest.Digest
		for _, d := range frontier {
			n := r.manifests[d]
			next = append(next, n.children...)
			for _, im := range n.attached {
				next = append(next, im.Digest)
			}
		}
		frontier = next
	}
	return nil
}

// node reads a manifest, and finds what is attached to it. A manifest that an index lists and that is not there is left out: package content says
// so.
func (r *repository) node(ctx context.Context, d digest.Digest) (*node, error) {
	n := &node{Descriptor: v1.Descriptor{Digest: d}}
	m, err := r.source.fetch(ctx, r.Name(), d.String())
	if isAbsent(err) {
		return n, r.attachments(ctx, n)
	}
	if err != nil {
		return n, err
	}
	n.MediaType, n.Size = m.mediaType, int64(len(m.data))
	document, err := content.ReadManifest(m.data)
	if err != nil {
		return n, artifact.Verifyf("%s: %w", d, err)
	}
	for _, child := range document.Manifests {
		if content.IsManifest(child.MediaType) || r.isManifest(ctx, child.Digest) {
			n.children = append(n.children, child.Digest)
		}
	}
	return n, r.attachments(ctx, n)
}

// isManifest reports whether the registry has a manifest that an index lists with another type. It is refused then.
func (r *repository) isManifest(ctx context.Context, d digest.Digest) bool {
	_, _, _, err := r.Manifest(ctx, d.String())
	return !isAbsent(err)
}

// attachments finds what is attached to a manifest: in the registry's list, and at tags.
func (r *repository) attachments(ctx context.Context, n *node) error {
	r.source.slots <- struct{}{}
	list, _, err := r.ListedReferrers(ctx, n.Digest.String())
	<-r.source.slots
	if err != nil {
		return fmt.Errorf("what is attached to %s: %w", n.Digest, err)
	}
	tag := tagOf(n.Digest)
	tags := r.tagged[tag]
	if !r.listed {
		tags = nil
		for _, suffix := range suffixes {
			if _, err := r.source.fetch(ctx, r.Name(), tag+suffix); err == nil {
				tags = append(tags, tag+suffix)
			} else if !isAbsent(err) {
				return err
			}
		}
	}
	for _, tag := range tags {
		im, err := r.image(ctx, tag)
		if err != nil {
			return err
		}
		im.Subject = n.Digest
		n.attached = append(n.attached, im)
	}
	slices.SortFunc(list, func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	for _, d := range list {
		im, err := r.image(ctx, d.Digest.String())
		if isAbsent(err) {
			return artifact.Verifyf("the registry lists %s as attached to %s, and does not have it", d.Digest, n.Digest)
		}
		if err != nil {
			return err
		}
		im.Subject = n.Digest
		m, err := r.source.fetch(ctx, r.Name(), im.Digest.String())
		if err != nil {
			return err
		}
		im.ArtifactType = referrerOf(im.Descriptor, m.data).ArtifactType // the list may state anything
		n.attached = append(n.attached, im)
	}
	return nil
}

// arrange lists images, each followed by what is attached to it and to its members. Nothing is listed again.
func (r *repository) arrange(images []content.Image) (all []content.Image) {
	named := map[string]bool{}
	seen := map[digest.Digest]bool{}
	var add func(im content.Image)
	var below func(d digest.Digest)
	below = func(d digest.Digest) {
		n := r.manifests[d]
		if n == nil || seen[d] {
			return
		}
		seen[d] = true
		for _, im := range n.attached {
			add(im)
		}
		for _, child := range n.children {
			below(child)
		}
	}
	add = func(im content.Image) {
		if !named[im.Name] {
			named[im.Name] = true
			all = append(all, im)
			below(im.Digest)
		}
	}
	for _, im := range images {
		add(im)
	}
	return all
}
