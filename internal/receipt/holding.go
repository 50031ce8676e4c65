package receipt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
)

// A Holding is what a site has. The zero value is nothing.
type Holding struct {
	// Read is called with the number of bytes that were read; nil: nothing is called.
	Read func(n int64)

	blobs   Blobs
	unread  map[digest.Digest]bool // of blobs, those that a registry only says to have
	damaged map[digest.Digest]string
	images  []held
}

// held is an image and the digests that it consists of, as far as they are there.
type held struct {
	Image
	descriptor v1.Descriptor
	parts      []content.Blob
}

// AddSource adds the images of a source. A blob counts if it can be read and has its digest; with presence, if the source says that it has it.
func (h *Holding) AddSource(ctx context.Context, src content.Source, presence bool) error {
	images, err := src.Images(ctx)
	if err != nil {
		return err
	}
	bad := make(map[digest.Digest]bool)
	for _, im := range images {
		if err := h.add(ctx, src, im, presence, bad); err != nil {
			return fmt.Errorf("%s: %s: %w", src, im.Title(), err)
		}
	}
	return nil
}

// add adds an image, complete or not. bad are the blobs of the source that are known to be damaged.
func (h *Holding) add(ctx context.Context, src content.Source, im content.Image, presence bool, bad map[digest.Digest]bool) error {
	w := &look{h: h, src: src, image: im, presence: presence, bad: bad, seen: make(map[digest.Digest]bool)}
	w.held.Name, w.held.Digest, w.held.Unread = im.Name, im.Digest, presence
	w.held.descriptor = im.Descriptor
	if err := w.blob(ctx, im.Descriptor, 0); err != nil {
		return err
	}
	slices.Sort(w.held.Lacks)
	w.held.Complete = len(w.held.Lacks) == 0 && w.held.LeftOut == 0
	same := func(o held) bool { return o.Name == im.Name && o.Digest == im.Digest }
	if at := slices.IndexFunc(h.images, same); at < 0 {
		h.images = append(h.images, w.held)
	} else if w.held.Blobs > h.images[at].Blobs { // elsewhere, there is less of it
		h.images[at] = w.held
	}
	return nil
}

// look looks at what an image consists of.
type look struct {
	h        *Holding
	src      content.Source
	image    content.Image
	presence bool
	bad      map[digest.Digest]bool // of the source
	seen     map[digest.Digest]bool
	held     held
}

// maxDepth is how deep indexes may list indexes.
const maxDepth = 8

// blob looks at a blob, and if it is a manifest at what it lists. depth is 0 for the image itself.
func (w *look) blob(ctx context.Context, d v1.Descriptor, depth int) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	b := content.BlobOf(d)
	if err := content.CheckBlob(b); err != nil {
		return err
	}
	data, there, err := w.check(ctx, b)
	if err != nil {
		return err
	}
	if !there {
		w.held.Lacks = append(w.held.Lacks, d.Digest)
		return nil
	}
	w.held.Blobs++
	w.held.Bytes += d.Size
	w.held.parts = append(w.held.parts, b)
	if data == nil {
		return nil
	}
	m, err := content.ReadManifest(data)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Digest, err)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: indexes within indexes, more than %d deep", d.Digest, maxDepth)
	}
	return w.below(ctx, m, depth)
}

func (w *look) below(ctx context.Context, m *content.Manifest, depth int) error {
	for _, child := range m.Manifests {
		if _, there, err := w.check(ctx, content.BlobOf(child)); err != nil {
			return err
		} else if !there && !w.bad[child.Digest] {
			w.held.LeftOut++
			continue
		}
		if err := w.blob(ctx, child, depth+1); err != nil {
			return err
		}
	}
	layers := m.Layers
	if m.Config != nil {
		layers = append([]v1.Descriptor{*m.Config}, layers...)
	}
	for _, layer := range layers {
		if len(layer.URLs) > 0 { // clients fetch it from elsewhere, unless it is here nevertheless
			if _, there, err := w.check(ctx, content.BlobOf(layer)); err != nil {
				return err
			} else if !there {
				w.held.LeftOut++
				continue
			}
		}
		if err := w.blob(ctx, layer, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// check reports whether a blob is there, and adds it to what the site has. data is the content if it is a manifest.
func (w *look) check(ctx context.Context, b content.Blob) (data []byte, there bool, err error) {
	manifest := content.IsManifest(b.MediaType)
	if w.bad[b.Digest] {
		return nil, false, nil
	}
	if w.h.blobs.Has(b.Digest) && !manifest && (w.presence || !w.h.unread[b.Digest]) {
		return nil, true, nil
	}
	body, err := w.src.Open(ctx, w.image, b, 0)
	if err == nil {
		switch {
		case manifest:
			data, err = content.ReadAll(body, b)
		case !w.presence:
			_, err = io.Copy(io.Discard, &counter{content.NewVerifier(body, b), w.h.Read})
		}
		err = errors.Join(err, body.Close())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case errors.Is(err, artifact.ErrVerify):
		w.bad[b.Digest] = true
		w.h.damage(b.Digest, err)
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	w.h.have(b.Digest, b.Size, w.presence && !manifest)
	return data, true, nil
}

// have notes a blob that is there.
func (h *Holding) have(d digest.Digest, size int64, unread bool) {
	if unread && !h.blobs.Has(d) {
		if h.unread == nil {
			h.unread = make(map[digest.Digest]bool)
		}
		h.unread[d] = true
	} else if !unread {
		delete(h.unread, d)
	}
	h.blobs.Add(d, size)
	delete(h.damaged, d) // elsewhere, it is not damaged
}

// damage notes a blob that is not what it should be, unless it is good elsewhere.
func (h *Holding) damage(d digest.Digest, err error) {
	if h.blobs.Has(d) {
		return
	}
	if h.damaged == nil {
		h.damaged = make(map[digest.Digest]string)
	}
	h.damaged[d] = strings.TrimPrefix(strings.ReplaceAll(message(err), d.String()+": ", ""), ": ")
}

// message is the first line of an error.
func message(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// A counter tells how much was read.
type counter struct {
	io.Reader
	read func(n int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.read != nil {
		c.read(int64(n))
	}
	return n, err
}

// Fill writes what the site has into a receipt. A brief receipt leaves out the blobs of complete images.
func (h *Holding) Fill(r *Receipt, brief bool) {
	listed := Blobs{}
	for d, size := range h.blobs.sizes {
		listed.Add(d, size)
	}
	r.Images = make([]Image, 0, len(h.images))
	for _, im := range h.images {
		if im.Implied = brief && im.Complete; im.Implied {
			im.MediaType, im.Size = im.descriptor.MediaType, im.descriptor.Size
			for _, part := range im.parts {
				listed.remove(part.Digest)
			}
		}
		r.Images = append(r.Images, im.Image)
	}
	slices.SortFunc(r.Images, func(a, b Image) int { return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest)) })
	for d, why := range h.damaged {
		r.Damaged = append(r.Damaged, Damage{d, why})
	}
	slices.SortFunc(r.Damaged, func(a, b Damage) int { return cmp.Compare(a.Digest, b.Digest) })
	r.Blobs = listed
}
