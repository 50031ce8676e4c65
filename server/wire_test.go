package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
)

// apt sends ten requests before it reads the first answer.
func TestPipelining(t *testing.T) {
	address, _ := start(t, server.Options{})
	c, err := net.Dial("tcp", address)
	must(t, err)
	defer c.Close()
	targets := []string{"big.deb", "a_1.0.deb", "none", "empty.deb", "b%2bb_1%253a1%7erc%2b1.deb", "big.deb", "big.deb", "a_1.0.deb", "none", "big.deb"}
	var requests bytes.Buffer
	for i, target := range targets {
		fmt.Fprintf(&requests, "GET /files/pool/%s HTTP/1.1\r\nHost: mirror\r\n", target)
		if i == 6 {
			fmt.Fprint(&requests, "Range: bytes=90000-\r\n")
		}
		fmt.Fprint(&requests, "\r\n")
	}
	_, err = requests.WriteTo(c)
	must(t, err)
	r := bufio.NewReader(c)
	for i, target := range targets {
		got, err := http.ReadResponse(r, nil)
		must(t, err)
		text := body(t, got)
		want := map[string]string{"big.deb": big, "a_1.0.deb": "the letter a", "empty.deb": "", "b%2bb_1%253a1%7erc%2b1.deb": "plus and tilde"}
		switch {
		case i == 6:
			if got.StatusCode != 206 || text != big[90000:] {
				t.Errorf("%d: %s, %d bytes", i, got.Status, len(text))
			}
		case target == "none":
			if got.StatusCode != 404 {
				t.Errorf("%d: %s", i, got.Status)
			}
		case got.StatusCode != 200 || text != want[target]:
			t.Errorf("%d: %s, %d bytes", i, got.Status, len(text))
		}
	}
}

func TestRawRequests(t *testing.T) {
	address, _ := start(t, server.Options{})
	for _, test := range []struct{ request, want string }{
		{"GET /files/pool/a_1.0.deb HTTP/1.0\r\n\r\n", "HTTP/1.0 200 "},
		{"GET http://other/files/pool/a_1.0.deb HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 "},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", "HTTP/1.1 400 "},
		{"GET ../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
		{"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
		{"GET /files/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
		{"GET /files/\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
		{"GET /" + strings.Repeat("a", 60_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431 "},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "},
		{"CONNECT mirror:80 HTTP/1.1\r\nHost: mirror:80\r\n\r\n", "HTTP/1.1 405 "},
		// A body is not waited for.
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "HTTP/1.1 405 "},
		{"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "HTTP/1.1 200 "},
		{"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 "},
		{"nonsense\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
	} {
		c, err := net.Dial("tcp", address)
		must(t, err)
		_, err = io.WriteString(c, test.request)
		must(t, err)
		line, err := bufio.NewReader(c).ReadString('\n')
		if !strings.HasPrefix(line, test.want) {
			t.Errorf("%.60q: %q, %v", test.request, line, err)
		}
		c.Close()
	}
}

// A sender remembers which parts of files it was given.
type sender struct {
	*httptest.ResponseRecorder
	from []string
}

func (s *sender) SendFile(f *os.File, offset, n int64) (int64, error) {
	s.from = append(s.from, fmt.Sprintf("%d bytes", n))
	return io.Copy(s.ResponseRecorder, io.NewSectionReader(f, offset, n))
}

// Nothing between a connection and a file hides one from the other.
func TestSendFile(t *testing.T) {
	for form, img := range openForms(t) {
		t.Run(form, func(t *testing.T) {
			handler := newServer(t, server.Options{Image: img}).Handler()
			for ranges, want := range map[string]string{"": big, "bytes=90000-": big[90000:]} {
				r := httptest.NewRequest("GET", "/files/pool/big.deb", nil)
				if ranges != "" {
					r.Header.Set("Range", ranges)
				}
				w := &sender{ResponseRecorder: httptest.NewRecorder()}
				handler.ServeHTTP(w, r)
				if w.Body.String() != want {
					t.Error("wrong bytes")
				}
				if got := fmt.Sprint(w.from); got != fmt.Sprintf("[%d bytes]", len(want)) {
					t.Errorf("the connection is given %s", got)
				}
			}
		})
	}
}

// slow asks for a file that no socket buffer holds, and reads nothing of the body.
func slow(t *testing.T, o server.Options) (c net.Conn, r *bufio.Reader, stop func()) {
	t.Helper()
	dir := t.TempDir()
	m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"huge.deb": strings.Repeat("0123456789abcdef", 2<<20)}})
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
	must(t, err)
	t.Cleanup(func() { img.Close() })
	o.Image = img
	address, stop := start(t, o)
	c, err = net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	fmt.Fprint(c, "GET /files/huge.deb HTTP/1.1\r\nHost: mirror\r\n\r\n")
	r = bufio.NewReader(c)
	_, err = r.Peek(1)
	must(t, err)
	return c, r, stop
}

func TestDrain(t *testing.T) {
	before := runtime.NumGoroutine()
	c, r, stop := slow(t, server.Options{Grace: time.Hour})
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	for { // until nobody accepts
		probe, err := net.Dial("tcp", c.RemoteAddr().String())
		if err != nil {
			break
		}
		probe.Close()
	}
	got, err := http.ReadResponse(r, nil)
	must(t, err)
	if text := body(t, got); len(text) != 32<<20 || got.StatusCode != 200 {
		t.Errorf("%s, %d bytes", got.Status, len(text))
	}
	<-ended
	settle(t, before)
}

// The grace time holds where there is no room for more connections, too. What is cut is in the audit trail.
func TestCut(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, connections := range []int{0, 1} {
		file := filepath.Join(t.TempDir(), "audit")
		log, err := audit.Open(file, nil)
		must(t, err)
		_, r, stop := slow(t, server.Options{Audit: log, Grace: time.Millisecond, Limits: access.Limits{Connections: connections}})
		stop()
		must(t, log.Close())
		if lines, err := os.ReadFile(file); err != nil || bytes.Count(lines, []byte("huge.deb")) == 0 || bytes.Count(lines, []byte("\n")) != 1 {
			t.Errorf("%v, the audit trail: %s", err, lines)
		}
		if n, err := io.Copy(io.Discard, r); err == nil && n >= 32<<20 {
			t.Error("the download ran to its end")
		}
	}
	settle(t, before)
}

// A client that goes away leaves nothing behind.
func TestClientGoesAway(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 5 {
		t.Run("", func(t *testing.T) {
			c, _, stop := slow(t, server.Options{Grace: time.Hour})
			c.Close()
			stop()
		})
	}
	settle(t, goroutines)
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(files)
}

// settle waits for goroutines to end: those of cut connections do so on their own.
func settle(t *testing.T, before int) {
	t.Helper()
	for range 12000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

func TestReadyWhileDraining(t *testing.T) {
	s := newServer(t, server.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.Run(ctx, l))
	if got := ask(t, s.Handler(), "GET", "/readyz"); got.StatusCode != 503 || body(t, got) != "draining\n" {
		t.Error(got.Status)
	}
	if got := ask(t, s.Handler(), "GET", "/healthz"); got.StatusCode != 200 {
		t.Error(got.Status)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l.Close()
	if err := newServer(t, server.Options{}).Run(t.Context(), l); err == nil {
		t.Error("no error")
	}
}
