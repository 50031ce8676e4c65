package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// A wire is a client's connection.
type wire struct {
	net.Conn
	*bufio.Reader
	testing.TB
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{c, bufio.NewReader(c), t}
}

func (w *wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

// say sends requests, with each a Host.
func (w *wire) say(requests ...string) {
	w.Helper()
	var all bytes.Buffer
	for _, r := range requests {
		fmt.Fprintf(&all, "%s\r\nHost: x\r\n\r\n", r)
	}
	if _, err := all.WriteTo(w.Conn); err != nil {
		w.Error(err)
	}
}

// hear reads an answer to a request that is GET or another that has a body.
func (w *wire) hear() (*http.Response, []byte) {
	w.Helper()
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil {
		w.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Errorf("after %d bytes: %v", len(body), err)
	}
	return resp, body
}

// ended fails unless the connection has ended, and in order.
func (w *wire) ended() {
	w.Helper()
	if b, err := w.ReadByte(); err != io.EOF {
		w.Errorf("not at the end: %q, %v", b, err)
	}
}
