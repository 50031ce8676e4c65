// Bucket is a store that speaks the protocol of Amazon S3, on loopback and in memory, for the end-to-end scripts. It has the bucket "site", and goes
// wrong if it is asked to:
//
//	bucket
//
// It prints its own address. GET /-/bytes answers with the bytes of objects that it has received and sent so far, GET /-/unfinished with the number of
// unfinished uploads. GET /-/trouble?how=HOW&times=N makes it answer the next N requests in that way: busy, limit (429), broken (500), cut (in the
// middle of a body), denied, strange (unknown credentials), expired (a token), clock, full, none. GET /-/change?key=KEY changes a byte in the middle of
// an object, and GET /-/truncate?key=KEY cuts it off there.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// cutAfter is how many bytes of a body pass before it is cut.
const cutAfter = 1_000_000

func main() {
	backend := s3mem.New()
	if err := backend.CreateBucket("site"); err != nil {
		log.Fatal(err)
	}
	b := &bucket{store: gofakes3.New(backend, gofakes3.WithIntegrityCheck(true), gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stdout, "http://"+l.Addr().String())
	server := http.Server{Handler: b, ErrorLog: log.New(io.Discard, "", 0)}
	log.Fatal(server.Serve(l))
}

type bucket struct {
	store          http.Handler
	received, sent atomic.Int64

	mu    sync.Mutex
	how   string
	times int
}

// ServeHTTP implements http.Handler.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/-/bytes":
		fmt.Fprintln(w, b.received.Load(), b.sent.Load())
	case "/-/unfinished":
		fmt.Fprintln(w, strings.Count(b.get("/site?uploads"), "<Upload>"))
	case "/-/trouble":
		times, err := strconv.Atoi(r.FormValue("times"))
		if err != nil {
			times = 1 << 30
		}
		b.mu.Lock()
		b.how, b.times = r.FormValue("how"), times
		b.mu.Unlock()
	case "/-/change":
		b.change("/site/"+r.FormValue("key"), func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
	case "/-/truncate":
		b.change("/site/"+r.FormValue("key"), func(data []byte) []byte { return data[:len(data)/2] })
	default:
		b.serve(w, r)
	}
}

// get reads from the store, past all trouble.
func (b *bucket) get(path string) string {
	w := httptest.NewRecorder()
	b.store.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}

func (b *bucket) change(path string, how func(data []byte) []byte) {
	data := how([]byte(b.get(path)))
	r := httptest.NewRequest(http.MethodPut, path, bytes.NewReader(data))
	r.Header.Set("Content-Length", strconv.Itoa(len(data)))
	b.store.ServeHTTP(httptest.NewRecorder(), r)
}

// trouble is how the next request goes wrong.
func (b *bucket) trouble() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times <= 0 || b.how == "none" {
		return ""
	}
	b.times--
	return b.how
}

func (b *bucket) serve(w http.ResponseWriter, r *http.Request) {
	left := int64(1 << 62)
	fail := func(status int, code, message string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
	}
	switch b.trouble() {
	case "busy":
		fail(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		return
	case "limit":
		fail(http.StatusTooManyRequests, "TooManyRequests", "Please reduce your request rate.")
		return
	case "broken":
		fail(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
		return
	case "expired":
		fail(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
		return
	case "denied":
		fail(http.StatusForbidden, "AccessDenied", "Access Denied.")
		return
	case "strange":
		fail(http.StatusForbidden, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
		return
	case "clock":
		w.Header().Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		fail(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
		return
	case "full":
		fail(http.StatusInsufficientStorage, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed.")
		return
	case "cut":
		left = cutAfter
	}
	if r.Method == http.MethodPut {
		r.Body = &body{r.Body, &b.received, left}
		b.store.ServeHTTP(w, r)
		return
	}
	b.store.ServeHTTP(&answer{w, &b.sent, left}, r)
}

// A body counts what the store receives, and may be cut.
type body struct {
	io.ReadCloser
	n    *atomic.Int64
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.n.Add(int64(n))
	b.left -= int64(n)
	return n, err
}

// An answer counts what the store sends, and may be cut.
type answer struct {
	http.ResponseWriter
	n    *atomic.Int64
	left int64
}

func (a *answer) Write(p []byte) (int, error) {
	if a.left <= 0 {
		_ = http.NewResponseController(a.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := a.ResponseWriter.Write(p[:min(int64(len(p)), a.left)])
	a.n.Add(int64(n))
	a.left -= int64(n)
	if err == nil && n < len(p) {
		_ = http.NewResponseController(a.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}
