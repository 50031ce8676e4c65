package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A registry reads a registry by the OCI distribution specification 1.1. artifact.Upstream logs in and sends the Accept header.
type registry struct {
	root     string // of the addresses of the specification: "https://registry.example.org/v2/"
	prefix   string // of the repositories there, "proxy/", or empty
	upstream artifact.Upstream

	mu      sync.Mutex
	listed  map[string]*tagList // by repository
	found   map[string][]string // tags that were read, by repository
	partial map[string]bool     // repositories whose list lacks one of them
	silent  map[string]*silence // by repository
}

// newRegistry reads "https://HOST/PREFIX": what caches other registries has each in a part of its own, as a prefix of the repositories. With
// "https://HOST/PATH/v2/PREFIX", the registry itself is below a path.
func newRegistry(address string, up artifact.Upstream) *registry {
	r := &registry{upstream: up, listed: make(map[string]*tagList), found: make(map[string][]string), partial: make(map[string]bool), silent: make(map[string]*silence)}
	root, prefix, below := strings.Cut(address+"/", "/v2/")
	if !below {
		scheme, rest, _ := strings.Cut(address+"/", "://")
		var host string
		host, prefix, _ = strings.Cut(rest, "/")
		root = scheme + "://" + host
	}
	r.root, r.prefix = root+"/v2/", prefix
	return r
}

var _ content = (*registry)(nil)

func (r *registry) url(repository, what string) string {
	return r.root + r.prefix + repository + "/" + what
}

// maxMovings is how often a tag may move while it is read.
const maxMovings = 3

// manifest implements content. It resolves a tag to a digest first, and reads everything else by digest: even if the tag moves
// meanwhile, the image is one that the tag named.
func (r *registry) manifest(ctx context.Context, repository, version string) (*manifest, error) {
	if validDigest(version) {
		return r.byDigest(ctx, repository, version, -1)
	}
	m, err := r.byTag(ctx, repository, version)
	if err == nil && !isAttachedTag(version) {
		r.mu.Lock()
		r.found[repository] = append(r.found[repository], version)
		r.mu.Unlock()
	}
	return m, err
}

// byTag reads what a tag leads to.
func (r *registry) byTag(ctx context.Context, repository, tag string) (*manifest, error) {
	address := r.url(repository, manifestFolder+tag)
	for range maxMovings {
		named := r.named(ctx, address)
		var refused error // from reading that digest
		if named != "" {
			m, err := r.byDigest(ctx, repository, named, -1)
			if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, artifact.ErrVerify) {
				return m, err
			}
			refused = err
		}
		// The registry does not state the digest, or does not have it: compute the digest of what it sends.
		data, answer, err := artifact.Get(ctx, r.upstream, artifact.Request{URLs: []string{address}, Keep: true, Limit: maxManifest})
		if err != nil {
			return nil, err
		}
		m, err := r.read(data, answer, sha256Of(data))
		if err != nil {
			return nil, err
		}
		stated := answer.Header.Get(digestHeader)
		switch {
		case stated != "" && stated != sameAlgorithm(stated, data):
			return nil, wrongDigest(stated, m)
		case named == "":
			return m, nil
		case named == sameAlgorithm(named, data):
			return nil, artifact.Verifyf("the registry sends %s for the tag, but not by its digest: %s", named, refused)
		case named == r.named(ctx, address):
			return nil, wrongDigest(named, m)
		}
		// The tag has moved since HEAD was answered.
	}
	return nil, fmt.Errorf("the tag leads to another digest each time, %d times in a row", maxMovings)
}

func wrongDigest(stated string, m *manifest) error {
	return artifact.Verifyf("the registry states the digest %s, but the manifest that it sends has %s", artifact.Printable(stated), m.descriptor.Digest)
}

// named is the digest that the registry states for a tag; empty: it states none. Not every registry answers HEAD; if something is wrong, GET
// says so.
func (r *registry) named(ctx context.Context, address string) string {
	answer, err := r.upstream.Ask(ctx, artifact.Request{URLs: []string{address}, Head: true})
	if err != nil || !validDigest(answer.Header.Get(digestHeader)) {
		return ""
	}
	return answer.Header.Get(digestHeader)
}

// digestHeader is where a registry states the digest of a manifest.
const digestHeader = "Docker-Content-Digest"

// sameAlgorithm is the digest of bytes by the algorithm of another digest; empty if that one is invalid.
func sameAlgorithm(other string, data []byte) string {
	if !validDigest(other) {
		return ""
	}
	return digest.Digest(other).Algorithm().FromBytes(data).String()
}

// byDigest reads a manifest that its digest identifies. size is -1 if it is unknown.
func (r *registry) byDigest(ctx context.Context, repository, digest string, size int64) (*manifest, error) {
	data, answer, err := artifact.Get(ctx, r.upstream, artifact.Request{URLs: []string{r.url(repository, manifestFolder+digest)}, Want: contentOf(digest, size), Limit: maxManifest})
	if err != nil {
		return nil, err
	}
	if stated := answer.Header.Get(digestHeader); stated != "" && stated != digest && stated != sameAlgorithm(stated, data) {
		return nil, artifact.Verifyf("the registry states the digest %s for the manifest %s", artifact.Printable(stated), digest)
	}
	return r.read(data, answer, digest)
}

// read is the manifest of an answer.
func (r *registry) read(data []byte, answer *artifact.Answer, named string) (*manifest, error) {
	stated, err := mediaTypeOf(answer.Header)
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(data, stated)
	if err != nil {
		return nil, err
	}
	return &manifest{v1.Descriptor{MediaType: d.MediaType, Digest: digest.Digest(named), Size: int64(len(data))}, data}, nil
}

// mediaTypeOf is the type that a registry states for a manifest; empty: none, or the answer came from the cache.
func mediaTypeOf(header http.Header) (string, error) {
	text := header.Get("Content-Type")
	if text == "" {
		return "", nil
	}
	mediaType, _, err := mime.ParseMediaType(text)
	switch {
	case err != nil:
		return "", artifact.Verifyf("the registry states an invalid media type, %q", artifact.Printable(text))
	case slices.Contains([]string{"application/json", "application/octet-stream", "text/plain"}, mediaType):
		return "", nil // a plain web server does not know the type
	case !strings.HasPrefix(mediaType, "application/vnd."):
		return "", artifact.Verifyf("the registry answers with %q instead of a manifest", artifact.Printable(mediaType))
	}
	return mediaType, nil
}

// has asks whether the registry still has a manifest; if not, the error is fs.ErrNotExist.
func (r *registry) has(ctx context.Context, repository, digest string) error {
	address := []string{r.url(repository, manifestFolder+digest)}
	_, err := r.upstream.Ask(ctx, artifact.Request{URLs: address, Head: true})
	if err == nil || ctx.Err() != nil {
		return err
	}
	_, _, err = artifact.Get(ctx, r.upstream, artifact.Request{URLs: address, Limit: maxManifest})
	return err
}

// blob implements content.
func (r *registry) blob(ctx context.Context, repository string, d v1.Descriptor, limit int64) ([]byte, error) {
	data, _, err := artifact.Get(ctx, r.upstream, artifact.Request{URLs: r.urls(repository, blobFolder, &d), Want: contentOf(d.Digest.String(), d.Size), Limit: limit})
	return data, err
}

// urls are where a manifest or a blob is. A layer that must not be pushed to registries is at addresses of its own, too.
func (r *registry) urls(repository, folder string, d *v1.Descriptor) []string {
	all := []string{r.url(repository, folder+d.Digest.String())}
	for _, text := range d.URLs {
		if u, err := artifact.ParseAddress(text); err == nil && strings.HasPrefix(u.Scheme, "http") && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// file implements content. What is known by its SHA-512 alone is fetched, to learn its SHA-256.
func (r *registry) file(ctx context.Context, repository, folder string, d v1.Descriptor) (artifact.File, error) {
	f := artifact.File{Path: filePath(folder, d.Digest.String()), Size: d.Size, URLs: r.urls(repository, folder, &d)}
	want := contentOf(d.Digest.String(), d.Size)
	if f.SHA256 = want.SHA256; f.SHA256 != "" {
		return f, nil
	}
	got, err := artifact.Bring(ctx, r.upstream, f.URLs, want)
	f.SHA256 = got.SHA256
	return f, err
}
