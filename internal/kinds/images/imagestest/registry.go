// Package imagestest has a registry for tests, in this process: it can be given images, indexes, artifacts and signatures, and it can be told to
// lie. Only tests import it.
//
//	New ──Image, Index, Artifact, Sign──▶ Registry ──HTTP──▶ what is tested
package imagestest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Registry is a registry over plain HTTP on localhost. Its methods may be called by many goroutines.
type Registry struct {
	URL  string // "http://127.0.0.1:PORT"
	Host string // "127.0.0.1:PORT"
	// Algorithm is that of the digests of what is added from now on; empty: SHA-256.
	Algorithm digest.Algorithm

	t            testing.TB
	mu           sync.Mutex
	options      Options
	repositories map[string]*repository
	requests     []string
}

// Options are what a registry does in its own way, or wrong. The zero value serves all of OCI distribution 1.1 that is needed to read.
type Options struct {
	NoHead         bool // HEAD of a manifest is 405
	NoDigestHeader bool // no answer has Docker-Content-Digest
	NoReferrers    bool // the API of referrers is 404; they are listed at the tag "sha256-HEX", as the specification says
	NoCatalog      bool // _catalog is 404
	PageSize       int  // how many names a list has at most; 0: any number
	// Before may answer a request instead of the registry: then it returns true. It may be called by many goroutines.
	Before func(w http.ResponseWriter, r *http.Request) bool
}

// A repository is what it has. Tags lead to digests.
type repository struct {
	manifests map[digest.Digest]stored
	order     []digest.Digest // in which manifests were added
	blobs     map[digest.Digest][]byte
	tags      map[string]digest.Digest
}

type stored struct {
	v1.Descriptor
	data    []byte
	subject digest.Digest
}

// New starts a registry without images, until the test ends.
func New(t testing.TB) *Registry {
	r := &Registry{t: t, repositories: make(map[string]*repository)}
	server := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(server.Close)
	r.URL, r.Host = server.URL, strings.TrimPrefix(server.URL, "http://")
	return r
}

// Set changes what the registry does from the next request on.
func (r *Registry) Set(o Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options = o
}

// Requests are those since the last call of Reset, "METHOD PATH?QUERY", in the order in which they came.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Count is how many of them have the text in them.
func (r *Registry) Count(text string) (n int) {
	for _, request := range r.Requests() {
		if strings.Contains(request, text) {
			n++
		}
	}
	return n
}

// Reset forgets the requests.
func (r *Registry) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

// repository returns one, which it makes if need be. The caller holds the mutex.
func (r *Registry) repository(name string) *repository {
	if r.repositories[name] == nil {
		r.repositories[name] = &repository{manifests: make(map[digest.Digest]stored), blobs: make(map[digest.Digest][]byte), tags: make(map[string]digest.Digest)}
	}
	return r.repositories[name]
}

// Blob adds a blob to a repository.
func (r *Registry) Blob(name, mediaType string, data []byte) v1.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := v1.Descriptor{MediaType: mediaType, Digest: r.digest(data), Size: int64(len(data))}
	r.repository(name).blobs[d.Digest] = data
	return d
}

func (r *Registry) digest(data []byte) digest.Digest {
	if r.Algorithm == "" {
		return digest.FromBytes(data)
	}
	return r.Algorithm.FromBytes(data)
}

// Manifest adds a manifest, an index or anything that is served as one, byte for byte.
func (r *Registry) Manifest(name, mediaType string, data []byte) v1.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := describe(mediaType, data)
	m.Digest = r.digest(data)
	repository := r.repository(name)
	if _, has := repository.manifests[m.Digest]; !has {
		repository.order = append(repository.order, m.Digest)
	}
	repository.manifests[m.Digest] = m
	return v1.Descriptor{MediaType: mediaType, Digest: m.Digest, Size: m.Size}
}

// Tag makes a tag lead to a manifest. It moves a tag that is there.
func (r *Registry) Tag(name, tag string, d v1.Descriptor) v1.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repository(name).tags[tag] = d.Digest
	return d
}

// Remove removes a manifest, with the tags that lead to it, a blob, or a tag.
func (r *Registry) Remove(name, digestOrTag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repository := r.repository(name)
	delete(repository.tags, digestOrTag)
	d := digest.Digest(digestOrTag)
	delete(repository.manifests, d)
	delete(repository.blobs, d)
	repository.order = slices.DeleteFunc(repository.order, func(o digest.Digest) bool { return o == d })
	for tag, to := range repository.tags {
		if to == d {
			delete(repository.tags, tag)
		}
	}
}

// Content returns the bytes of a manifest or a blob; nil: the repository has neither.
func (r *Registry) Content(name, digestOrTag string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	repository := r.repository(name)
	d := digest.Digest(digestOrTag)
	if to, is := repository.tags[digestOrTag]; is {
		d = to
	}
	if m, is := repository.manifests[d]; is {
		return m.data
	}
	return repository.blobs[d]
}
