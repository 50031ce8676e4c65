package imagetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
)

// A Registry is a registry in this process with one image, "site/mirror:1", over plain HTTP on localhost.
type Registry struct {
	Address string       // host and port
	Sent    atomic.Int64 // bytes of bodies
	Asked   atomic.Int64 // requests for manifests and blobs
}

// NewRegistry serves the image of an OCI layout. wrap, which may be nil, can change every answer.
func NewRegistry(t testing.TB, layout map[string][]byte, wrap func(http.Handler) http.Handler) *Registry {
	t.Helper()
	r := &Registry{}
	handler := r.handler(t, layout)
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.Asked.Add(1)
		handler.ServeHTTP(&counter{w, r}, req)
	}))
	t.Cleanup(server.Close)
	r.Address = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Reference leads to the image by tag.
func (r *Registry) Reference() image.Reference {
	return image.Reference{Transport: image.Docker, Path: r.Address + "/site/mirror", Name: "1"}
}

// Descriptor returns the digest and the media type of the layout's one image or index.
func Descriptor(t testing.TB, layout map[string][]byte) (digest, mediaType string) {
	t.Helper()
	var index struct {
		Manifests []struct{ Digest, MediaType string }
	}
	must(t, json.Unmarshal(layout["index.json"], &index))
	return index.Manifests[0].Digest, index.Manifests[0].MediaType
}

func (r *Registry) handler(t testing.TB, layout map[string][]byte) http.Handler {
	tagged, mediaType := Descriptor(t, layout)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		kind, name, found := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v2/site/mirror/"), "/")
		if name == "1" {
			name = tagged
		}
		data, known := layout["blobs/sha256/"+strings.TrimPrefix(name, "sha256:")]
		if !found || !known {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if kind == "manifests" {
			w.Header().Set("Content-Type", mediaType)
			w.Header().Set("Docker-Content-Digest", name)
		}
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	})
}

type counter struct {
	http.ResponseWriter
	registry *Registry
}

func (c *counter) Write(p []byte) (int, error) {
	c.registry.Sent.Add(int64(len(p))) // before the client knows
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
