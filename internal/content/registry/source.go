// Package registry has the source and the sink of package content for registries.
//
//	registry ──Source: repositories, tags, what is attached──▶ package content, package bundle ──Sink: blobs, manifests, tags last──▶ registry
//
// Everything is carried byte for byte: indexes with what they list, signatures and other artifacts, whether the registry lists them as referrers
// or a tag leads to them. An answer that is wrong, refused or cut is an error or asked for again, and never "there is none".
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/parallel"
)

// atOnce is how many requests for manifests and lists are made at a time.
const atOnce = 8

var _ content.Source = (*Source)(nil)

// A Source is a content.Source: one image of a registry, or many.
type Source struct {
	name  string // the reference, for errors
	host  *registry.Host
	slots chan struct{}
	spool *spool
	one   image     // if only that was asked for
	all   Selection // if one is empty

	mu    sync.Mutex
	notes []string
}

// An image is a repository, and a tag or a digest in it.
type image struct{ repository, reference string }

// OpenImage opens one image, HOST/NAME, and a tag or a digest, with what is attached to it. The registry is not contacted.
func OpenImage(path, reference string, o registry.Options) (*Source, error) {
	host, repository, found := strings.Cut(path, "/")
	if !found {
		return nil, artifact.Usagef("%q is not HOST/NAME", path)
	}
	s, err := open(host, o)
	if err != nil {
		return nil, err
	}
	s.one = image{repository, reference}
	s.name += "/" + s.one.name()
	return s, nil
}

// OpenAll opens the selected images of all repositories. The registry is not contacted.
func OpenAll(host string, all Selection, o registry.Options) (*Source, error) {
	s, err := open(host, o)
	if err != nil {
		return nil, err
	}
	s.all = all
	return s, nil
}

func open(host string, o registry.Options) (*Source, error) {
	o.Idle = max(o.Idle, atOnce)
	h, err := registry.OpenHost(host, o)
	if err != nil {
		return nil, err
	}
	p, err := newSpool()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return &Source{name: "docker://" + host, host: h, slots: make(chan struct{}, atOnce), spool: p}, nil
}

// name is that of a content.Image.
func (i image) name() string {
	if strings.Contains(i.reference, ":") {
		return i.repository + "@" + i.reference
	}
	return i.repository + ":" + i.reference
}

// parseName reads the name of a content.Image.
func parseName(name string) (image, bool) {
	if repository, d, is := strings.Cut(name, "@"); is {
		return image{repository, d}, digest.Digest(d).Validate() == nil
	}
	repository, tag, is := strings.Cut(name, ":")
	return image{repository, tag}, is
}

func (s *Source) String() string { return s.name }

// Notes say, after Images, what of the registry is not carried, sorted.
func (s *Source) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.notes))
}

func (s *Source) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, text)
}

// Received is the number of bytes of content received.
func (s *Source) Received() int64 { return s.host.Received() }

// Close ends the connections.
func (s *Source) Close() error { return errors.Join(s.spool.Close(), s.host.Close()) }

// Images implements content.Source. The images are sorted by repository and tag. If something cannot be read, the error names all of it.
func (s *Source) Images(ctx context.Context) ([]content.Image, error) {
	if s.one.repository != "" {
		r := s.repository(s.one.repository)
		return r.images(ctx, func(context.Context) ([]string, error) { return []string{s.one.reference}, nil })
	}
	names, err := s.all.repositories(ctx, s.host)
	if err != nil {
		return nil, err
	}
	found := make([][]content.Image, len(names))
	err = parallel.Each(len(names), atOnce, func(i int) error {
		r := s.repository(names[i])
		images, err := r.images(ctx, func(ctx context.Context) ([]string, error) { return s.all.tags(ctx, r) })
		found[i] = images
		if err != nil {
			return fmt.Errorf("%s/%s: %w", s.host, names[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []content.Image
	for _, images := range found {
		all = append(all, images...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there are no images, or none that was selected", s)
	}
	return all, nil
}

// Open implements content.Source.
func (s *Source) Open(ctx context.Context, im content.Image, b content.Blob, offset int64) (io.ReadCloser, error) {
	if err := content.CheckBlob(b); err != nil {
		return nil, err
	}
	at, is := parseName(im.Name)
	if !is {
		return nil, fmt.Errorf("%s: %q is not the name of an image there", s, im.Name)
	}
	if m, found, err := s.spool.get(b.Digest); err != nil || found {
		return opened(m.data, b, offset, err)
	}
	r := s.host.Repository(at.repository)
	if content.IsManifest(b.MediaType) {
		data, _, _, err := r.Manifest(ctx, b.Digest.String())
		return opened(data, b, offset, err)
	}
	body, err := openBlob(ctx, r, registry.Blob{Digest: b.Digest.String(), Size: b.Size}, offset)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %s: %w", s.host, at.repository, b.Digest, err)
	}
	return body, nil
}

// opened is a manifest to read.
func opened(data []byte, b content.Blob, offset int64, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != b.Size {
		return nil, artifact.Verifyf("%s: size mismatch: got %d bytes, want %d", b.Digest, len(data), b.Size)
	}
	return io.NopCloser(strings.NewReader(string(data[min(offset, b.Size):]))), nil
}

// openBlob reads a blob from an offset, also where the registry does not serve parts.
func openBlob(ctx context.Context, r *registry.Repository, b registry.Blob, offset int64) (io.ReadCloser, error) {
	if offset > 0 && offset < b.Size {
		body, err := r.Part(ctx, b, offset, b.Size-offset)
		if !errors.Is(err, registry.ErrNoRange) {
			return body, err
		}
	}
	body, err := r.OpenBlob(ctx, b)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, body, offset); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// attachedTag is the form of a tag of what is attached to a manifest: OCI distribution specification 1.1, "Referrers Tag Schema", and cosign's
// sha256-….sig. The first group is the tag of the manifest's referrers.
var attachedTag = regexp.MustCompile(`^((?:sha256|sha512)-[0-9a-f]{64})(?:[.-].*)?$`)

// attachedTo is the tag of the referrers of the manifest to which a tag attaches something; empty: it does not.
func attachedTo(tag string) string {
	if m := attachedTag.FindStringSubmatch(tag); m != nil {
		return m[1]
	}
	return ""
}

// suffixes are of the tags that are asked for if a registry does not list its tags.
var suffixes = []string{"", ".sig", ".att", ".sbom"}

// subjectOf is the digest to which a tag attaches something; empty: the tag does not tell it in whole.
func subjectOf(tag string) digest.Digest {
	digits, is := strings.CutPrefix(attachedTo(tag), "sha256-")
	if !is {
		return ""
	}
	return digest.NewDigestFromEncoded(digest.SHA256, digits)
}

// fetch reads a manifest, and keeps it.
func (s *Source) fetch(ctx context.Context, repository, reference string) (stored, error) {
	if d := digest.Digest(reference); strings.Contains(reference, ":") {
		if m, found, err := s.spool.get(d); err != nil || found {
			return m, err
		}
	}
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	data, mediaType, sum, err := s.host.Repository(repository).Manifest(ctx, reference)
	if err != nil {
		return stored{}, err
	}
	m := stored{digest: digest.Digest(sum), mediaType: mediaTypeOf(mediaType, data), data: data}
	if !content.IsManifest(m.mediaType) {
		return stored{}, artifact.Hint(fmt.Errorf("%s: the type %q is not one of a manifest or an index, so it is not known what it consists of", reference, artifact.Printable(m.mediaType)),
			"leave it out: --repository and --tag select images")
	}
	return m, s.spool.put(m)
}

// mediaTypeOf is what a manifest is: as the registry states it, unless that says nothing; then as the manifest itself does.
func mediaTypeOf(stated string, data []byte) string {
	if content.IsManifest(stated) || strings.HasPrefix(stated, "application/vnd.") {
		return stated
	}
	var m struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Config    json.RawMessage `json:"config"`
	}
	switch err := json.Unmarshal(data, &m); {
	case err != nil:
		return stated
	case m.MediaType != "":
		return m.MediaType
	case m.Manifests != nil:
		return v1.MediaTypeImageIndex
	case m.Config != nil:
		return v1.MediaTypeImageManifest
	}
	return stated
}

// isAbsent reports whether a registry has something not, or does not tell what it has.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// tagOf is the tag at which the referrers of a manifest are listed.
func tagOf(d digest.Digest) string { return attached.Tag(d, "") }
