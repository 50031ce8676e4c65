package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A taker takes uploads, and may fail.
type taker struct {
	mu       sync.Mutex
	data     []byte
	received int64
	requests []string
	stored   map[string][]byte
	least    int
	// trouble answers a request, or changes what the registry takes of a chunk; n counts the requests of the method.
	trouble func(w http.ResponseWriter, r *http.Request, n int) bool
	counts  map[string]int
}

func (k *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.counts == nil {
		k.counts, k.stored = map[string]int{}, map[string][]byte{}
	}
	k.counts[r.Method]++
	k.requests = append(k.requests, r.Method)
	if k.trouble != nil && k.trouble(w, r, k.counts[r.Method]) {
		return
	}
	location := func() {
		w.Header().Set("Location", "/v2/site/a/blobs/uploads/1?state="+fmt.Sprint(len(k.requests)))
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(len(k.data)-1, 0)))
	}
	switch r.Method {
	case http.MethodHead:
		data, is := k.stored[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
		if !is {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	case http.MethodPost:
		k.data = nil
		if k.least > 0 {
			w.Header().Set("OCI-Chunk-Min-Length", fmt.Sprint(k.least))
		}
		location()
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPatch, http.MethodPut:
		if begin, _, _ := strings.Cut(r.Header.Get("Content-Range"), "-"); r.Method == http.MethodPatch && begin != fmt.Sprint(len(k.data)) {
			location()
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		body, err := io.ReadAll(r.Body)
		k.data, k.received = append(k.data, body...), k.received+int64(len(body))
		if err != nil {
			return
		}
		location()
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if wanted := digest.Digest(r.URL.Query().Get("digest")); wanted != wanted.Algorithm().FromBytes(k.data) {
			http.Error(w, `{"errors":[{"code":"DIGEST_INVALID"}]}`, http.StatusBadRequest)
			return
		}
		k.stored[r.URL.Query().Get("digest")] = k.data
		w.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		location()
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	}
}

// half takes a part of the body, and closes the connection.
func (k *taker) half(r *http.Request, n int64) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, n))
	k.data, k.received = append(k.data, body...), k.received+int64(len(body))
	panic(http.ErrAbortHandler)
}

const chunk = 8 << 20

func TestPutBlob(t *testing.T) {
	quiet(t)
	big := make([]byte, 2*chunk+12345)
	rand.NewChaCha8([32]byte{1}).Read(big)
	small := big[:1000]
	answer := func(w http.ResponseWriter, status int) bool {
		w.WriteHeader(status)
		return true
	}
	var k *taker
	for name, test := range map[string]struct {
		data    []byte
		least   int
		trouble func(w http.ResponseWriter, r *http.Request, n int) bool
		want    string // an error
		twice   int64  // bytes that may be sent again
		not     string // a method that must not be used
	}{
		"small": {data: small, not: http.MethodPatch},
		"none":  {data: nil, not: http.MethodPatch},
		"big":   {data: big},
		"cut": {data: big, twice: 0, trouble: func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == http.MethodPatch && n == 2 {
				k.half(r, 3_000_000)
			}
			return false
		}},
		"busy": {data: big, twice: chunk, trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return n == 1 && r.Method != http.MethodHead && r.Method != http.MethodGet && answer(w, http.StatusServiceUnavailable)
		}},
		"too many requests": {data: small, twice: 1000, trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return n <= 2 && answer(w, http.StatusTooManyRequests)
		}},
		"an answer that is lost": {data: big, trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == http.MethodPut && n == 1 {
				k.stored[r.URL.Query().Get("digest")] = k.data
				panic(http.ErrAbortHandler)
			}
			return false
		}},
		"no chunks": {data: big, twice: chunk, trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == http.MethodPatch && answer(w, http.StatusMethodNotAllowed)
		}},
		"large chunks": {data: big, least: 100 << 20, not: http.MethodPatch},
		"denied": {data: big, want: "403", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == http.MethodPost && answer(w, http.StatusForbidden)
		}},
		"full": {data: big, want: "the disk is full", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method != http.MethodPatch || n == 1 {
				return false
			}
			http.Error(w, `{"errors":[{"code":"DENIED","message":"the disk is full"}]}`, http.StatusInsufficientStorage)
			return true
		}},
		"forgotten": {data: big, want: "does not know the upload any more", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == http.MethodPatch && n == 2 && answer(w, http.StatusServiceUnavailable) || r.Method == http.MethodGet && answer(w, http.StatusNotFound)
		}},
		"lost": {data: big, want: "the registry has 0 bytes", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == http.MethodPatch && n == 2 {
				k.data = nil
				return answer(w, http.StatusServiceUnavailable)
			}
			return false
		}},
		"elsewhere": {data: small, want: "sends the upload to", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method == http.MethodPost {
				w.Header().Set("Location", "ftp://other.example.org/upload")
				return answer(w, http.StatusAccepted)
			}
			return false
		}},
		"nowhere": {data: small, want: "names no address", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == http.MethodPost && answer(w, http.StatusAccepted)
		}},
		"a web page": {data: small, want: "200 OK", trouble: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method != http.MethodPost {
				return false
			}
			io.WriteString(w, "<html>")
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k = &taker{trouble: test.trouble, least: test.least}
			server := httptest.NewServer(k)
			defer server.Close()
			h, err := registry.OpenHost(host(server), registry.Options{Wait: noWait})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			blob := registry.Blob{Digest: digest.FromBytes(test.data).String(), Size: int64(len(test.data))}
			r := h.Repository("site/a")
			err = r.PutBlob(t.Context(), blob, bytes.NewReader(test.data))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			if err != nil || !bytes.Equal(k.stored[blob.Digest], test.data) {
				t.Fatalf("%d bytes, %v", len(k.stored[blob.Digest]), err)
			}
			if k.received > blob.Size+test.twice || test.not != "" && k.counts[test.not] > 0 {
				t.Errorf("%d bytes of %d, %v", k.received, blob.Size, k.requests)
			}
			if there, err := r.HasBlob(t.Context(), blob); err != nil || !there {
				t.Errorf("%v, %v", there, err)
			}
		})
	}
}

// Content that is not what its digest says is an error, and not stored.
func TestPutWrongBlob(t *testing.T) {
	quiet(t)
	big := make([]byte, 2*chunk+12345)
	for name, test := range map[string]struct{ is, body []byte }{
		"small":       {[]byte("abc"), []byte("abd")},
		"short":       {[]byte("abc"), []byte("ab")},
		"long":        {[]byte("abc"), []byte("abcd")},
		"big":         {append([]byte{1}, big...), append([]byte{2}, big...)},
		"big, short":  {append([]byte{1}, big...), append([]byte{1}, big[1:]...)},
		"big, long":   {append([]byte{1}, big...), append([]byte{1, 0}, big...)},
		"one chunk":   {big[:chunk], append([]byte{3}, big[1:chunk]...)},
		"two, short":  {big[:2*chunk], big[:chunk]},
		"a byte more": {big[:2*chunk], big[:2*chunk+1]},
	} {
		for _, least := range []int{0, 100 << 20} {
			k := &taker{least: least}
			server := httptest.NewServer(k)
			r, err := registry.Open(host(server)+"/site/a", registry.Options{Wait: noWait})
			if err != nil {
				t.Fatal(err)
			}
			err = r.PutBlob(t.Context(), registry.Blob{Digest: digest.FromBytes(test.is).String(), Size: int64(len(test.is))}, bytes.NewReader(test.body))
			server.Close() // it may answer yet
			if !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("%s: %v", name, err)
			}
			for d, data := range k.stored { // the right bytes may be there, if more followed
				if !bytes.Equal(data, test.is) {
					t.Errorf("%s: %s is stored, with %d bytes", name, d, len(data))
				}
			}
		}
	}
	r, err := registry.Open("127.0.0.1:1/site/a", registry.Options{Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PutBlob(t.Context(), registry.Blob{Digest: "md5:abc"}, nil); !errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}
