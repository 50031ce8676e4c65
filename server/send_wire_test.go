package server_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// A request for a whole file takes a way of its own, past http.ServeContent: its answer is the same, field by field.
func TestWholeFile(t *testing.T) {
	for _, rules := range []string{"", "rules:\n  - deny: { package: b* }\n"} {
		o := server.Options{}
		if rules != "" {
			o.Rules = filepath.Join(t.TempDir(), "rules.yaml")
			servertest.WriteFile(t, o.Rules, rules)
		}
		address, _ := servertest.Start(t, o)
		for _, path := range []string{"/files/pool/big.bin", "/files/pool/a_1.0.bin", "/files/pool/empty.bin", "/files/pool/none", "/files/pool/b%2bb_1%253a1%7erc%2b1.bin", "/minimirror.asc"} {
			for _, method := range []string{"GET", "HEAD"} {
				whole := exchange(t, method, address, path, "")
				if slow := exchange(t, method, address, path, `"another"`); whole != slow {
					t.Errorf("%s %s: %s\nwith a condition: %s", method, path, whole, slow)
				}
			}
		}
	}
}

func exchange(t *testing.T, method, address, path, etag string) string {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, nil)
	servertest.Must(t, err)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	servertest.Must(t, err)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	servertest.Must(t, err)
	got.Header.Del("Date")
	var header strings.Builder
	servertest.Must(t, got.Header.Write(&header))
	return fmt.Sprintf("%s, %d\n%s\n%d bytes", got.Status, got.ContentLength, header.String(), len(body))
}

// A request for a whole file leaves little for the garbage collector: the text of its header, and what echo makes.
func TestGarbage(t *testing.T) {
	address, _ := servertest.Start(t, server.Options{})
	c := servertest.Dial(t, address)
	request := []byte("GET /files/pool/a_1.0.bin HTTP/1.1\r\nHost: mirror.example.org\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n\r\n")
	answer := make([]byte, 4096)
	ask := func() {
		_, err := c.Write(request)
		servertest.Must(t, err)
		_, err = c.Read(answer)
		servertest.Must(t, err)
	}
	ask()
	if got := testing.AllocsPerRun(1000, ask); got > 20 {
		t.Errorf("%v allocations, want 20 at most", got)
	}
}
