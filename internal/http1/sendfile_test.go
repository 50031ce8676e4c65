package http1_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/http1"
)

// A sender is a response that sends files.
type sender interface {
	SendFile(f *os.File, offset, n int64) (int64, error)
}

// testFile is a file of so many bytes, no two pages of which are the same.
func testFile(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(content)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, content
}

// Whatever a file's size, it arrives whole, and the answers after it, too.
func TestSendFile(t *testing.T) {
	f, content := testFile(t, 3<<20)
	const offset = 777
	handler := func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		before, after := "before", "after"
		if r.URL.Path == "/alone" {
			before, after = "", ""
		}
		if r.URL.Query().Get("chunked") == "" {
			w.Header().Set("Content-Length", fmt.Sprint(len(before)+int(size)+len(after)))
		}
		io.WriteString(w, before)
		for at := int64(0); at < size || at == 0; at += 512 << 10 {
			n := min(512<<10, size-at)
			if sent, err := w.(sender).SendFile(f, offset+at, n); sent != n || err != nil {
				t.Errorf("%s: sent %d of %d, %v", r.RequestURI, sent, n, err)
			}
		}
		io.WriteString(w, after)
	}
	server := &http1.Server{Handler: http.HandlerFunc(handler)}
	address := start(t, server)
	sizes := []int{0, 1, 5000, 4 << 10, 30_000, 60 << 10, 60<<10 + 1, 90_000, 512 << 10, 512<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2_900_000}
	for n := 20<<10 - 400; n <= 20<<10; n += 7 { // around what is gathered
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		var requests []string
		for _, path := range []string{"/alone", "/between", "/alone?chunked=1", "/between?chunked=1"} {
			sep := "?"
			if path[len(path)-1] == '1' {
				sep = "&"
			}
			requests = append(requests, fmt.Sprintf("GET %s%sn=%d HTTP/1.1", path, sep, n))
		}
		c := dial(t, address)
		go c.say(requests...)
		for i, request := range requests {
			want := content[offset : offset+n]
			if i%2 == 1 {
				want = append(append([]byte("before"), want...), "after"...)
			}
			if _, got := c.hear(); !bytes.Equal(got, want) {
				t.Fatalf("%s: %d other bytes, want %d", request, len(got), len(want))
			}
		}
		c.say(fmt.Sprintf("GET /between?chunked=1&n=%d HTTP/1.0", n))
		if _, got := c.hear(); len(got) != n+len("beforeafter") {
			t.Errorf("HTTP/1.0: %d bytes, want %d", len(got), n)
		}
		c.ended()

		c = dial(t, address)
		c.say(fmt.Sprintf("HEAD /alone?n=%d HTTP/1.1", n), "GET /alone?n=0 HTTP/1.1\r\nConnection: close")
		resp, err := http.ReadResponse(c.Reader, &http.Request{Method: "HEAD"})
		if err != nil || resp.ContentLength != int64(n) {
			t.Errorf("HEAD of %d: %v, %v", n, resp, err)
		}
		c.hear()
		c.ended()
	}
}

// What cannot be sent as the header says ends the connection, and the handler is told why.
func TestSendFileFails(t *testing.T) {
	f, content := testFile(t, 3<<20)
	gone, _ := testFile(t, 100)
	gone.Close()
	said := make(chan error, 1)
	handlers := map[string]http.HandlerFunc{}
	for name, n := range map[string]int64{"short": 10, "middle": 50_000, "long": 2 << 20} { // more than the rest of the file
		for _, known := range []bool{true, false} {
			handlers[fmt.Sprintf("/%s-%t", name, known)] = func(w http.ResponseWriter, r *http.Request) {
				if known {
					w.Header().Set("Content-Length", fmt.Sprint(n))
				}
				_, err := w.(sender).SendFile(f, int64(len(content))-n/2, n)
				said <- err
			}
		}
	}
	handlers["/closed"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, err := w.(sender).SendFile(gone, 0, 50)
		said <- err
	}
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.URL.Path](w, r) })})
	for path := range handlers {
		c := dial(t, address)
		c.say("GET "+path+" HTTP/1.1", "GET /never HTTP/1.1")
		resp, err := http.ReadResponse(c.Reader, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		if err == nil {
			t.Errorf("%s: the answer looks whole", path)
		}
		want := io.ErrUnexpectedEOF
		if path == "/closed" {
			want = os.ErrClosed
		}
		if err := <-said; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// No more is sent than the header says.
func TestMoreThanSaid(t *testing.T) {
	f, content := testFile(t, 30_000)
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "29990")
		if n, err := w.(sender).SendFile(f, 0, 30_000); n != 0 || err != http.ErrContentLength {
			t.Errorf("too long a file: %d, %v", n, err)
		}
		w.(sender).SendFile(f, 0, 29_980)
		if n, err := io.WriteString(w, "0123456789a"); n != 0 || err != http.ErrContentLength {
			t.Errorf("too long a text: %d, %v", n, err)
		}
		w.(sender).SendFile(f, 29_980, 10)
	})})
	c := dial(t, address)
	for range 2 {
		c.say("GET / HTTP/1.1")
		if _, got := c.hear(); !bytes.Equal(got, content[:29_990]) {
			t.Errorf("%d other bytes", len(got))
		}
	}
}

// A file that is closed while it is sent is sent to its end.
func TestFileClosedWhileSent(t *testing.T) {
	f, content := testFile(t, 32<<20) // no socket holds as much
	var handling, closed = make(chan struct{}), make(chan struct{})
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		close(handling)
		if n, err := w.(sender).SendFile(f, 0, int64(len(content))); err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})})
	c := dial(t, address)
	c.say("GET / HTTP/1.1")
	<-handling
	if _, err := c.Peek(1000); err != nil { // a part of the body: it is being sent
		t.Fatal(err)
	}
	go func() { f.Close(); close(closed) }()
	<-closed
	if _, got := c.hear(); !bytes.Equal(got, content) {
		t.Errorf("%d other bytes", len(got))
	}
}

// Clients that take nothing, and those that go, end their answer with an error.
func TestClientsThatTakeNothing(t *testing.T) {
	f, content := testFile(t, 32<<20)
	said := make(chan error)
	server := &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/deadline" {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		} else {
			http.NewResponseController(w).SetWriteDeadline(time.Time{})
		}
		var err error
		if r.URL.Query().Has("file") {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, err = w.(sender).SendFile(f, 0, int64(len(content)))
		} else {
			_, err = w.Write(content)
		}
		if _, again := io.WriteString(w, "more"); again == nil {
			t.Errorf("%s: more can be written after %v", r.RequestURI, err)
		}
		if file := (*fs.PathError)(nil); errors.As(err, &file) {
			t.Errorf("%s: the file is blamed: %v", r.RequestURI, err)
		}
		said <- err
	})}
	address := start(t, server)
	for _, query := range []string{"?file", "?text"} {
		c := dial(t, address)
		c.say("GET /deadline" + query + " HTTP/1.1")
		if err := <-said; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", query, err)
		}
		for _, linger := range []int{0, -1} { // with a reset, and in order
			c = dial(t, address)
			c.say("GET /never" + query + " HTTP/1.1")
			if _, err := c.Peek(1); err != nil {
				t.Fatal(err)
			}
			c.Conn.(*net.TCPConn).SetLinger(linger)
			c.Conn.Close()
			if err := <-said; err == nil {
				t.Errorf("%s: no error when the client goes", query)
			}
		}
	}
}

// What is flushed does not wait in the kernel for what follows.
func TestFlushAnnounced(t *testing.T) {
	const size = 50_000
	goOn := make(chan struct{})
	waiting := make(chan int, 1)
	var raw syscall.RawConn
	address := start(t, &http1.Server{
		Context: func(ctx context.Context, c net.Conn) context.Context {
			raw, _ = c.(*net.TCPConn).SyscallConn()
			return ctx
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(make([]byte, 30_000))
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			raw.Control(func(fd uintptr) {
				n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) // bytes that have not been sent: tcp(7)
				if err != nil {
					t.Error(err)
				}
				waiting <- n
			})
			<-goOn
			w.Write(make([]byte, size-30_000))
		}),
	})
	c := dial(t, address)
	c.say("GET / HTTP/1.1")
	if n := <-waiting; n != 0 {
		t.Errorf("%d bytes wait", n)
	}
	close(goOn)
	if _, got := c.hear(); len(got) != size {
		t.Errorf("%d bytes", len(got))
	}
}

// Where a file system has no sendfile(2), a file is read and written.
func TestWithoutSendfile(t *testing.T) {
	f, content := testFile(t, 1<<20)
	http1.WithoutSendfile(t, 300_000)
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		if n, err := w.(sender).SendFile(f, 0, int64(len(content))); n != int64(len(content)) || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})})
	c := dial(t, address)
	for range 2 {
		c.say("GET / HTTP/1.1")
		if _, got := c.hear(); !bytes.Equal(got, content) {
			t.Errorf("%d other bytes", len(got))
		}
	}
}

// It is told apart whether the file or the client fails. What cannot be read is never sent as if it were whole.
func TestFaultyDisk(t *testing.T) {
	f, content := testFile(t, 1<<20)
	http1.WithFaultyDisk(t, 300_000)
	said := make(chan error, 1)
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		n, err := w.(sender).SendFile(f, 0, int64(len(content)))
		if n != 300_000 {
			t.Errorf("%d bytes", n)
		}
		said <- err
	})})
	c := dial(t, address)
	c.say("GET / HTTP/1.1", "GET /never HTTP/1.1")
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != io.ErrUnexpectedEOF || !bytes.Equal(got, content[:300_000]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	var file *fs.PathError
	if err := <-said; !errors.As(err, &file) || !errors.Is(err, unix.EIO) || file.Path != f.Name() {
		t.Errorf("the handler is told: %v", err)
	}
}
