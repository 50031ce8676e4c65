package transfer

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 10_000)

func noWait(context.Context, time.Duration) error { return nil }

func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Wait == nil {
		o.Wait = noWait
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
}

// TestManifestsAreAcceptable: a registry that is asked for a manifest, by whoever has nothing but its address, must not send or convert it to a type
// that nobody takes.
func TestManifestsAreAcceptable(t *testing.T) {
	accepted := make(map[string]string)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		accepted[r.URL.Path] = r.Header.Get("Accept")
		whole(w, r)
	})
	c := client(t, Options{})
	ask := func(path string, header http.Header) {
		resp, err := c.Do(t.Context(), Request{Address: Address{URL: address + path, Header: header}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	ask("/prefix/v2/a/manifests/1", nil)
	ask("/v2/a/manifests/2", http.Header{"Accept": {"text/x"}})
	ask("/v2/a/blobs/3", nil)
	ask("/manifests/4", nil)
	for path, want := range map[string]string{"/prefix/v2/a/manifests/1": manifestTypes, "/v2/a/manifests/2": "text/x", "/v2/a/blobs/3": "", "/manifests/4": ""} {
		if accepted[path] != want {
			t.Errorf("%s: %q, want %q", path, accepted[path], want)
		}
	}
}

// TestLimited shows what becomes of 429: a short wait is waited for, a long one is told at once.
func TestLimited(t *testing.T) {
	for name, c := range map[string]struct {
		header   http.Header
		path     string
		requests int
		want     []string
	}{
		"soon":         {http.Header{"Retry-After": {"7"}}, "/v2/a/manifests/1", attempts, []string{"429", "try again in 7s, or log in", "docker login 127.0.0.1:"}},
		"in hours":     {http.Header{"Retry-After": {"7200"}, "Ratelimit-Limit": {"100;w=21600"}}, "/v2/a/manifests/1", 1, []string{"it allows 100 requests in 6h0m0s", "try again in 2h0m0s, or log in"}},
		"used up":      {http.Header{"Ratelimit-Remaining": {"0;w=21600"}}, "/v2/a/blobs/1", attempts, []string{"try again within 6h0m0s"}},
		"no registry":  {http.Header{"Retry-After": {"99999999999999999999"}}, "/x", 1, []string{"try again in 168h0m0s; --parallel 1"}},
		"says nothing": {http.Header{"Ratelimit-Limit": {"many;w=x"}}, "/x", attempts, []string{"try again later"}},
	} {
		requests := 0
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			for key, values := range c.header {
				w.Header()[key] = values
			}
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := read(t, Download{Addresses: URLs([]string{address + c.path}), Size: -1})
		if requests != c.requests {
			t.Errorf("%s: %d requests, want %d", name, requests, c.requests)
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}
