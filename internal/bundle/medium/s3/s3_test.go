package s3

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
)

var _ bundle.Shelf = (*Store)(nil)

const testChunk = smallestChunk

// A server is a store, and what happens before it.
type server struct {
	*httptest.Server
	sent atomic.Int64 // bytes of chunks and of small objects

	mu     sync.Mutex
	before func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	asked  []string
}

// requests are the methods and queries since the last call.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *server) set(before func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func newServer(t *testing.T) *server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("site"); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend, gofakes3.WithIntegrityCheck(true), gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before := s.before
		s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
		s.mu.Unlock()
		if r.Method == http.MethodPut {
			r.Body = counted{r.Body, &s.sent}
		}
		if before == nil || !before(w, r) {
			fake.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// setEnvironment has credentials, and nothing of the user who runs the test.
func setEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_ACCESS_KEY_ID", "tester")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
}

func open(t *testing.T, endpoint, address string) *Store {
	t.Helper()
	s, err := Open(address, Options{Endpoint: endpoint, Region: "us-east-1", ChunkSize: testChunk, Stall: 5 * time.Second, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// content is data that nothing compresses and that differs by seed.
func content(seed byte, n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

func write(t *testing.T, s *Store, name string, data []byte) {
	t.Helper()
	w, err := s.Create(t.Context(), name, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 100_003)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Abort()
}

func read(t *testing.T, s *Store, name string, offset int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unfinished(t *testing.T, s *Store) int {
	t.Helper()
	left, err := s.unfinished(t.Context(), s.prefix)
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func TestRoundTrip(t *testing.T) {
	setEnvironment(t)
	server := newServer(t)
	s := open(t, server.URL, "s3://site/month/1")
	for _, size := range []int{0, 1, smallBuffer, smallBuffer + 1, testChunk - 1, testChunk, testChunk + 1, 3*testChunk + 5} {
		name, data := fmt.Sprintf("part-%d", size), content(1, size)
		write(t, s, name, data)
		for _, offset := range []int{0, 1, size / 2, size} {
			if offset <= size && !bytes.Equal(read(t, s, name, int64(offset)), data[offset:]) {
				t.Errorf("%d bytes from %d: not what was written", size, offset)
			}
		}
		if _, err := s.Open(t.Context(), name, int64(size)+1); !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("beyond %d bytes: %v", size, err)
		}
	}
	write(t, s, "blobs/sha256/aa", []byte("a"))
	write(t, s, "blobs/sha256/bb", []byte("bb"))
	write(t, s, ".hidden", nil)
	write(t, open(t, server.URL, "s3://site/month/1/other"), "part-0001", nil)
	files, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 10 || files[0] != (medium.File{Name: "blobs/sha256/aa", Size: 1}) || files[9].Name != "part-"+fmt.Sprint(testChunk+1) && files[9].Name != "part-65537" {
		t.Errorf("%v", files)
	}
	if below, err := open(t, server.URL, "s3://site/month").Prefixes(t.Context()); err != nil || strings.Join(below, " ") != "1" {
		t.Errorf("%q, %v", below, err)
	}
	if err := errors.Join(s.Remove(t.Context(), "part-1"), s.Remove(t.Context(), "part-1")); err != nil {
		t.Error(err)
	}
	if _, err := s.Open(t.Context(), "part-1", 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "s3://site/month/1/part-1") {
		t.Errorf("removed: %v", err)
	}
	if s.String() != "s3://site/month/1" || unfinished(t, s) != 0 {
		t.Errorf("%s, %d uploads are unfinished", s, unfinished(t, s))
	}
}

// A writer that was killed is continued: what the store has is not sent again. With other bytes, nothing of the first remains.
func TestResumed(t *testing.T) {
	setEnvironment(t)
	server := newServer(t)
	data, other := content(1, 5*testChunk+9), content(2, 2*testChunk+9)
	killed := func() *Store {
		s := open(t, server.URL, "s3://site/x")
		w, err := s.Create(t.Context(), "part-0001", -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data[:4*testChunk+1]); err != nil {
			t.Fatal(err)
		}
		if err := w.(*writer).wait(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := killed()
	if files, err := s.List(t.Context()); err != nil || len(files) != 0 || unfinished(t, s) != 1 {
		t.Fatalf("before it is complete: %v, %v, %d uploads", files, err, unfinished(t, s))
	}
	server.sent.Store(0)
	write(t, s, "part-0001", data)
	if sent := server.sent.Load(); sent != testChunk+9 {
		t.Errorf("resumed: %d bytes were sent, not %d", sent, testChunk+9)
	}
	if !bytes.Equal(read(t, s, "part-0001", 0), data) || unfinished(t, s) != 0 {
		t.Error("resumed: not what was written, or an upload is left")
	}

	s = killed()
	write(t, s, "part-0001", other)
	if !bytes.Equal(read(t, s, "part-0001", 0), other) || unfinished(t, s) != 0 {
		t.Error("other bytes: not what was written, or an upload is left")
	}

	// Another bundle, which has no such part, clears it away when it is complete, and not before; what others left is not ours.
	s = killed()
	write(t, s, "part-0002", other[:1])
	if _, err := s.core.NewMultipartUpload(t.Context(), "site", "x/database.dump", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := unfinished(t, s); n != 2 {
		t.Errorf("%d uploads", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := unfinished(t, s); n != 1 {
		t.Errorf("after Close: %d uploads, not the one of another program", n)
	}
}

// What fails leaves nothing behind.
func TestAborted(t *testing.T) {
	setEnvironment(t)
	server := newServer(t)
	s := open(t, server.URL, "s3://site/x")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, "part-0001", -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(1, 2*testChunk+1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err = w.Write(content(1, 2*testChunk)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	w.Abort()
	if n := unfinished(t, s); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	if files, err := s.List(t.Context()); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// A writer keeps two chunks, whatever the size of the object.
func TestMemory(t *testing.T) {
	setEnvironment(t)
	server := newServer(t)
	var stored atomic.Int64
	server.set(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Query().Has("partNumber"):
			n, _ := io.Copy(io.Discard, r.Body)
			stored.Add(n)
			w.Header().Set("ETag", `"x"`)
		case r.URL.Query().Has("uploadId"):
			fmt.Fprint(w, "<CompleteMultipartUploadResult><Bucket>site</Bucket><ETag>x</ETag></CompleteMultipartUploadResult>")
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", fmt.Sprint(stored.Load()))
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		default:
			return false
		}
		return true
	})
	s := open(t, server.URL, "s3://site/x")
	data := content(1, 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, name := range []string{"part-0001", "part-0002"} {
		stored.Store(0)
		w, err := s.Create(t.Context(), name, -1)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 5*testChunk {
		t.Errorf("for two objects of 200 MiB, %d bytes were allocated", used)
	}
}

// fail answers as a store does.
func fail(w http.ResponseWriter, status int, code, message string) bool {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><Region>eu-west-7</Region></Error>`, code, message)
	return true
}

// once answers the first n requests that match in its way.
func once(n int, matches func(r *http.Request) bool, answer func(w http.ResponseWriter, r *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		now := n > 0 && matches(r)
		if now {
			n--
		}
		mu.Unlock()
		return now && answer(w, r)
	}
}

func isChunk(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}
func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "part-")
}

func cut(w http.ResponseWriter, r *http.Request) bool {
	_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
	panic(http.ErrAbortHandler)
}

// What passes is survived, and the bytes are right.
func TestPassingTrouble(t *testing.T) {
	setEnvironment(t)
	data := content(1, 3*testChunk+5)
	for name, before := range map[string]func(*server) func(http.ResponseWriter, *http.Request) bool{
		"busy": func(*server) func(http.ResponseWriter, *http.Request) bool {
			return once(5, func(*http.Request) bool { return true }, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Retry-After", "1")
				return fail(w, 503, "SlowDown", "Reduce your request rate")
			})
		},
		"cut while writing": func(*server) func(http.ResponseWriter, *http.Request) bool { return once(3, isChunk, cut) },
		"damaged on the way to the store": func(*server) func(http.ResponseWriter, *http.Request) bool {
			return once(2, isChunk, func(_ http.ResponseWriter, r *http.Request) bool {
				body, _ := io.ReadAll(r.Body)
				body[len(body)/2] ^= 1
				r.Body = io.NopCloser(bytes.NewReader(body))
				return false
			})
		},
		"lost answer": func(s *server) func(http.ResponseWriter, *http.Request) bool {
			return once(1, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }, func(_ http.ResponseWriter, r *http.Request) bool {
				body, _ := io.ReadAll(r.Body)
				again, _ := http.NewRequest(r.Method, s.URL+r.URL.RequestURI(), bytes.NewReader(body)) //nolint:noctx // of a test
				if answer, err := http.DefaultClient.Do(again); err == nil {
					answer.Body.Close()
				}
				panic(http.ErrAbortHandler)
			})
		},
		"cut while reading": func(s *server) func(http.ResponseWriter, *http.Request) bool {
			return once(6, isRead, func(w http.ResponseWriter, r *http.Request) bool {
				from := 0
				_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				w.Header().Set("ETag", `"x"`)
				w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
				w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
				if from > 0 {
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write(data[from:min(from+1<<20, len(data))])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
		},
		"no ranges": func(*server) func(http.ResponseWriter, *http.Request) bool {
			return once(1000, isRead, func(_ http.ResponseWriter, r *http.Request) bool {
				r.Header.Del("Range")
				r.Header.Del("If-Match")
				return false
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.set(before(server))
			s := open(t, server.URL, "s3://site/x")
			write(t, s, "part-0001", data)
			if name == "cut while reading" {
				server.set(func(w http.ResponseWriter, r *http.Request) bool {
					r.Header.Del("If-Match") // the answers before had another ETag
					return before(server)(w, r)
				})
			}
			for _, offset := range []int{0, testChunk + 1} {
				if !bytes.Equal(read(t, s, "part-0001", int64(offset)), data[offset:]) {
					t.Errorf("from %d: not what was written", offset)
				}
			}
			if n := unfinished(t, s); n != 0 {
				t.Errorf("%d uploads are left", n)
			}
		})
	}
}

// What does not pass ends with an error that says what to do.
func TestLastingTrouble(t *testing.T) {
	setEnvironment(t)
	always := func(answer func(w http.ResponseWriter) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { return answer(w) }
	}
	code := func(status int, code, message string) func(http.ResponseWriter, *http.Request) bool {
		return always(func(w http.ResponseWriter) bool { return fail(w, status, code, message) })
	}
	for name, test := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		want   []string
		asked  int // requests to write a small object
	}{
		"busy":       {code(503, "SlowDown", "Reduce your request rate."), []string{"s3://site/x/SHA256SUMS: the store is overloaded or failing, after 8 attempts (SlowDown: Reduce your request rate)", "hint: run the same command again later"}, 8},
		"denied":     {code(403, "AccessDenied", "Access Denied"), []string{"the store denies access", "hint: the credentials, from AWS_ACCESS_KEY_ID, need the rights to list the bucket"}, 1},
		"strange":    {code(403, "InvalidAccessKeyId", "The key does not exist"), []string{"the store refuses the credentials (InvalidAccessKeyId: The key does not exist)", "hint: they are from AWS_ACCESS_KEY_ID"}, 1},
		"secret":     {code(403, "SignatureDoesNotMatch", ""), []string{"the store refuses the credentials"}, 1},
		"old token":  {code(400, "ExpiredToken", "The token has expired"), []string{"the store refuses the credentials (ExpiredToken: The token has expired)"}, 1},
		"no bucket":  {code(404, "NoSuchBucket", "none"), []string{`has no bucket "site"`, "hint: create the bucket"}, 1},
		"full":       {code(507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."), []string{"the store has no room", "goes on from here"}, 1},
		"quota":      {code(403, "QuotaExceeded", "over"), []string{"the store has no room"}, 1},
		"region":     {code(301, "PermanentRedirect", "elsewhere"), []string{"the bucket is in another region", "hint: --s3-region eu-west-7"}, 1},
		"wrong sign": {code(400, "AuthorizationHeaderMalformed", "the region is wrong"), []string{"hint: --s3-region eu-west-7"}, 1},
		"clock": {always(func(w http.ResponseWriter) bool {
			w.Header().Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
			return fail(w, 403, "RequestTimeTooSkewed", "The difference is too large.")
		}), []string{"the clocks differ: here it is 20", "at the store 2006-01-02T15:04:05Z", "hint: set the clock that is wrong"}, 1},
		"page": {always(func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<html>console</html>")
			return true
		}), []string{"answers with a page for people, status 404: it is not an S3 store", "hint: name the address of the S3 API"}, 1},
		"cut":      {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, []string{"s3://site/x/SHA256SUMS: ", "goes on from here"}, 8},
		"other":    {code(400, "TeaPot", "short and stout"), []string{"the store answers 400 (TeaPot: short and stout)"}, 1},
		"not done": {code(501, "NotImplemented", "A header is not implemented"), []string{"the store answers 501"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.set(test.before)
			s := open(t, server.URL, "s3://site/x")
			w, err := s.Create(t.Context(), "SHA256SUMS", 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			err = w.Commit(t.Context())
			w.Abort()
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v\nwant %s", err, want)
				}
			}
			if asked := server.requests(); len(asked) != test.asked {
				t.Errorf("%d requests, not %d: %s", len(asked), test.asked, asked)
			}
			if _, err := s.List(t.Context()); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("list: %v", err)
			}
		})
	}
}

// An object that is replaced while it is read is not mixed with its successor.
func TestReplacedWhileRead(t *testing.T) {
	setEnvironment(t)
	server := newServer(t)
	s := open(t, server.URL, "s3://site/x")
	first, second := content(1, 2<<20), content(2, 2<<20)
	write(t, s, "part-0001", first)
	server.set(once(1, isRead, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("ETag", `"9a0364b9e99bb480dd25e1f0284c8555"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("Content-Length", fmt.Sprint(len(first)))
		_, _ = w.Write(first[:1<<20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	r, err := s.Open(t.Context(), "part-0001", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	server.set(func(w http.ResponseWriter, r *http.Request) bool {
		if isRead(r) && r.Header.Get("If-Match") != "" {
			return fail(w, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		}
		return false
	})
	write(t, s, "part-0001", second)
	if got, err := io.ReadAll(r); !errors.Is(err, artifact.ErrVerify) || !bytes.HasPrefix(first, got) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestConnections(t *testing.T) {
	setEnvironment(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	server := newServer(t)
	secure := httptest.NewUnstartedServer(server.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	list := func(o Options) error {
		o.Wait, o.Region, o.Attempts = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, "us-east-1", 2
		s, err := Open("s3://site/x", o)
		if err == nil {
			_, err = s.List(t.Context())
		}
		return err
	}
	fails := func(o Options, wants ...string) {
		t.Helper()
		err := list(o)
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		}
	}
	fails(Options{Endpoint: "http://" + nobody.Addr().String()}, "connection refused", "hint: check --s3-endpoint")
	fails(Options{Endpoint: secure.URL}, "certificate", "hint: name the certificate authority", "--s3-ca")
	fails(Options{Endpoint: strings.Replace(server.URL, "http://", "https://", 1)}, "hint: the store has no TLS: is its address --s3-endpoint http://127.0.0.1")
	fails(Options{Endpoint: "http://" + silent.Addr().String(), Stall: 50 * time.Millisecond}, "i/o timeout", "hint: the connection made no progress for 50ms")
	if err := list(Options{Endpoint: secure.URL, Insecure: true}); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := list(Options{Endpoint: secure.URL, CAFile: file}); err != nil {
		t.Error(err)
	}
	t.Setenv("AWS_CA_BUNDLE", file)
	t.Setenv("AWS_ENDPOINT_URL", secure.URL)
	if err := list(Options{}); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	setEnvironment(t)
	home := os.Getenv("HOME")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	is := func(o Options, id, region, endpoint string) {
		t.Helper()
		s, err := readSettings(o)
		if err != nil {
			t.Error(err)
			return
		}
		value, err := s.keys.credentials.GetWithContext(nil)
		if err != nil || value.AccessKeyID != id || s.region != region || s.endpoint != endpoint {
			t.Errorf("%q in %q at %q, %v; want %q, %q, %q", value.AccessKeyID, s.region, s.endpoint, err, id, region, endpoint)
		}
	}
	fails := func(want string) {
		t.Helper()
		if _, err := readSettings(Options{}); !errors.Is(err, artifact.ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	is(Options{}, "tester", "", amazon)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	fails("AWS_SECRET_ACCESS_KEY is not")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	fails("there are no credentials for the S3 store\nhint: set AWS_ACCESS_KEY_ID")
	write("config", "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n[profile gap]\nregion=eu-west-2\nendpoint_url = https://s3.example.org\naws_access_key_id=gapper\naws_secret_access_key=s\n")
	fails("has no credentials")
	write("credentials", "[default]\naws_access_key_id = filed\naws_secret_access_key = s\n")
	is(Options{}, "filed", "eu-west-1", amazon)
	t.Setenv("AWS_PROFILE", "gap")
	is(Options{}, "gapper", "eu-west-2", "https://s3.example.org")
	is(Options{Endpoint: "https://a", Region: "r"}, "gapper", "r", "https://a")
	t.Setenv("AWS_REGION", "eu-west-3")
	t.Setenv("AWS_ENDPOINT_URL", "https://b")
	is(Options{}, "gapper", "eu-west-3", "https://b")
	t.Setenv("AWS_PROFILE", "none")
	fails(`there is no profile "none"`)
}

func TestParse(t *testing.T) {
	for address, want := range map[string]string{
		"s3://site": "site|", "s3://site/": "site|", "s3://site/a/b": "site|a/b/", "s3://site/a b/": "site|a b/",
		"s3://": "names no bucket", "s3:///a": "names no bucket", "s3://a@b/c": "not the name of a bucket", "s3://site/a/../b": "none that are", "s3://site/a//b": "no empty parts", "s3://site/a\nb": "control characters",
	} {
		bucket, prefix, err := parse(address)
		got := bucket + "|" + prefix
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", address, got, want)
		}
	}
	for address, want := range map[string]string{
		"s3.example.org": "s3.example.org true", "http://a:9000": "a:9000 false", "https://a/": "a true",
		"ftp://a": "not the address", "http://a/path": "not the address", "http://u:p@a": "not the address", "": "not the address", "http://": "not the address",
	} {
		host, secure, err := endpoint(address)
		got := fmt.Sprint(host, " ", secure)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || strings.Contains(got, "u:p") {
			t.Errorf("%q: got %s, want %s", address, got, want)
		}
	}
}
