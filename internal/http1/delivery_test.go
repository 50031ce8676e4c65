package http1_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/http1"
)

// A client that takes its time gets the whole answer before Shutdown returns, be it still being written or in the
// kernel's hands alone.
func TestShutdownDelivers(t *testing.T) {
	for _, size := range []int{400_000, 1_000_000} {
		whole := strings.Repeat("0123456789", size/10)
		s := &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			io.WriteString(w, whole)
		})}
		c, err := net.Dial("tcp", start(t, s))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(16 << 10)
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		in := bufio.NewReader(c)
		if _, err := in.Peek(1); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		for {
			if c, err := net.Dial("tcp", c.RemoteAddr().String()); err != nil {
				break // it has stopped to accept
			} else {
				c.Close()
			}
		}
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		for got < int64(size)-100_000 { // what the client's kernel may hold
			n, err := io.CopyN(io.Discard, answer.Body, 50_000)
			if err != nil {
				t.Fatal(err)
			}
			got += n
			select {
			case err := <-ended:
				t.Fatalf("%d bytes: Shutdown has returned (%v) when the client had %d", size, err, got)
			default:
			}
		}
		rest, err := io.Copy(io.Discard, answer.Body)
		if err != nil || got+rest != int64(size) {
			t.Errorf("%d of %d bytes: %v", got+rest, size, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
