// Package servertest runs servers of small images for the tests of package server and of what is below it: a Kind that every
// part of the server has something to do for, an image that it serves, and another whose items have much to say.
package servertest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/server"
)

// New makes a server; by default of Spec's image and with Kind.
func New(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	if o.Image == nil {
		o.Image = Open(t)[image.OCI]
	}
	if o.Kinds == nil {
		o.Kinds = []artifact.Kind{Kind{}}
	}
	s, err := server.New(o)
	Must(t, err)
	return s
}

// Ask sends one request through the handler. A header is given as "Name: value".
func Ask(t testing.TB, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// Body reads an answer's body.
func Body(t testing.TB, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	Must(t, err)
	return string(data)
}

// Start runs a server on a loopback port; stop ends it and waits.
func Start(t testing.TB, o server.Options) (address string, stop func()) {
	t.Helper()
	return Run(t, New(t, o))
}

// Run runs a server that exists already.
func Run(t testing.TB, s *server.Server) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// Must ends the test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Dial connects to a server; the connection ends with the test.
func Dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// StartAdmin serves what is for operators on a loopback port.
func StartAdmin(t testing.TB, s *server.Server) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.RunAdmin(ctx, l, false) }()
	return l.Addr().String(), func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		Must(t, <-done)
	}
}

// Await waits until something is so, on a busy machine, too.
func Await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for range 2400 {
		if so() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// Hashed is a password as a file of passwords has it.
func Hashed(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	Must(t, err)
	return string(hash)
}

// WriteFile replaces a file atomically, as what is read again must be.
func WriteFile(t testing.TB, file, text string) {
	t.Helper()
	Must(t, os.WriteFile(file+".new", []byte(text), 0o644))
	Must(t, os.Rename(file+".new", file))
}

// A Buffer is written and read by several goroutines.
type Buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Sum is the SHA-256 of a text.
func Sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
