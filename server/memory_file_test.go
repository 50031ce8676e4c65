package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// A longKind lists much: so much that no socket's buffer holds it.
type longKind struct{ servertest.Kind }

var long = strings.Repeat("0123456789abcdef", 3<<18) // 12 MiB

func (longKind) Filter(_ context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	return []artifact.Generated{
		{Path: "files/dists/x/Index", Chunks: [][]byte{[]byte(long[:5]), []byte(long[5:])}, Modified: req.Date},
		{Path: "files/dists/x/" + servertest.Sum(long), Link: "files/dists/x/Index", Modified: req.Date},
	}, nil
}

// However often the rules change, no earlier list stays open; who is reading one reads it to its end.
func TestMemoryFilesEnd(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nothing is closed by chance
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules: []\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers, Kinds: []artifact.Kind{longKind{}}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	defer func() { cancel(); servertest.Must(t, <-done) }()
	get := func(header string) (net.Conn, *http.Response) {
		c, err := net.Dial("tcp", l.Addr().String())
		servertest.Must(t, err)
		fmt.Fprintf(c, "%s\r\nHost: x\r\nConnection: close\r\n\r\n", header)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		servertest.Must(t, err)
		return c, r
	}
	const list = "GET /files/dists/x/Index HTTP/1.1"
	slow, early := get(list)
	defer slow.Close()
	before := openFiles(t)
	for range 10 {
		servertest.Must(t, s.Reload(context.Background()))
		for header, want := range map[string]string{
			list: long, list + "\r\nRange: bytes=3-90000": long[3:90001], "GET /files/dists/x/" + servertest.Sum(long) + " HTTP/1.1\r\nRange: bytes=-7": long[len(long)-7:],
		} {
			c, r := get(header)
			if servertest.Body(t, r) != want {
				t.Errorf("%s: other bytes", header)
			}
			_, _ = io.Copy(io.Discard, c) // until the server has closed it, and what it sent
			c.Close()
		}
	}
	servertest.Await(t, "what is open to be closed", func() bool { return openFiles(t) <= before+1 })
	if servertest.Body(t, early) != long {
		t.Error("who began before the rules changed has other bytes")
	}
}
