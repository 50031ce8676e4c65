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
	"github.com/minimirror/minimirror/server/servertest"
)

// apt sends ten requests before it reads the first answer.
func TestPipelining(t *testing.T) {
	address, _ := servertest.Start(t, server.Options{})
	c, err := net.Dial("tcp", address)
	servertest.Must(t, err)
	defer c.Close()
	targets := []string{"big.bin", "a_1.0.bin", "none", "empty.bin", "b%2bb_1%253a1%7erc%2b1.bin", "big.bin", "big.bin", "a_1.0.bin", "none", "big.bin"}
	var requests bytes.Buffer
	for i, target := range targets {
		fmt.Fprintf(&requests, "GET /files/pool/%s HTTP/1.1\r\nHost: mirror\r\n", target)
		if i == 6 {
			fmt.Fprint(&requests, "Range: bytes=90000-\r\n")
		}
		fmt.Fprint(&requests, "\r\n")
	}
	_, err = requests.WriteTo(c)
	servertest.Must(t, err)
	r := bufio.NewReader(c)
	for i, target := range targets {
		got, err := http.ReadResponse(r, nil)
		servertest.Must(t, err)
		text := servertest.Body(t, got)
		want := map[string]string{"big.bin": servertest.Big, "a_1.0.bin": "the letter a", "empty.bin": "", "b%2bb_1%253a1%7erc%2b1.bin": "plus and tilde"}
		switch {
		case i == 6:
			if got.StatusCode != 206 || text != servertest.Big[90000:] {
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
	address, _ := servertest.Start(t, server.Options{})
	for _, test := range []struct{ request, want string }{
		{"GET /files/pool/a_1.0.bin HTTP/1.0\r\n\r\n", "HTTP/1.0 200 "},
		{"GET http://other/files/pool/a_1.0.bin HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
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
		servertest.Must(t, err)
		_, err = io.WriteString(c, test.request)
		servertest.Must(t, err)
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
	for form, img := range servertest.Open(t) {
		t.Run(form, func(t *testing.T) {
			handler := servertest.New(t, server.Options{Image: img}).Handler()
			for ranges, want := range map[string]string{"": servertest.Big, "bytes=90000-": servertest.Big[90000:]} {
				r := httptest.NewRequest("GET", "/files/pool/big.bin", nil)
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
	m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"huge.bin": strings.Repeat("0123456789abcdef", 2<<20)}})
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
	servertest.Must(t, err)
	t.Cleanup(func() { img.Close() })
	o.Image = img
	address, stop := servertest.Start(t, o)
	c, err = net.Dial("tcp", address)
	servertest.Must(t, err)
	t.Cleanup(func() { c.Close() })
	fmt.Fprint(c, "GET /files/huge.bin HTTP/1.1\r\nHost: mirror\r\n\r\n")
	r = bufio.NewReader(c)
	_, err = r.Peek(1)
	servertest.Must(t, err)
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
	servertest.Must(t, err)
	if text := servertest.Body(t, got); len(text) != 32<<20 || got.StatusCode != 200 {
		t.Errorf("%s, %d bytes", got.Status, len(text))
	}
	<-ended
	awaitGoroutines(t, before)
}

// The grace time holds where there is no room for more connections, too. What is cut is in the audit trail.
func TestCut(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, connections := range []int{0, 1} {
		file := filepath.Join(t.TempDir(), "audit")
		log, err := audit.Open(file, nil)
		servertest.Must(t, err)
		_, r, stop := slow(t, server.Options{Audit: log, Grace: time.Millisecond, Limits: access.Limits{Connections: connections}})
		stop()
		servertest.Must(t, log.Close())
		if lines, err := os.ReadFile(file); err != nil || bytes.Count(lines, []byte("huge.bin")) == 0 || bytes.Count(lines, []byte("\n")) != 1 {
			t.Errorf("%v, the audit trail: %s", err, lines)
		}
		if n, err := io.Copy(io.Discard, r); err == nil && n >= 32<<20 {
			t.Error("the download ran to its end")
		}
	}
	awaitGoroutines(t, before)
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
	awaitGoroutines(t, goroutines)
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	servertest.Must(t, err)
	return len(files)
}

// awaitGoroutines waits for goroutines to end: those of cut connections do so on their own.
func awaitGoroutines(t *testing.T, before int) {
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
	s := servertest.New(t, server.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	servertest.Must(t, s.Run(ctx, l))
	if got := servertest.Ask(t, s.Handler(), "GET", "/readyz"); got.StatusCode != 503 || servertest.Body(t, got) != "draining\n" {
		t.Error(got.Status)
	}
	if got := servertest.Ask(t, s.Handler(), "GET", "/healthz"); got.StatusCode != 200 {
		t.Error(got.Status)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Must(t, err)
	l.Close()
	if err := servertest.New(t, server.Options{}).Run(t.Context(), l); err == nil {
		t.Error("no error")
	}
}
