package http1_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/minimirror/minimirror/internal/http1"
)

// startTLS serves by TLS, and returns how a client does it.
func startTLS(t *testing.T, handler http.HandlerFunc) (address string, client *tls.Config) {
	t.Helper()
	pair := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(pair.Close)
	client = pair.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName, client.NextProtos = "example.com", nil
	return start(t, &http1.Server{Handler: handler, TLS: &tls.Config{Certificates: pair.TLS.Certificates, NextProtos: []string{"http/1.1"}}}), client
}

// records remember what is read.
type records struct {
	net.Conn
	read []byte
}

func (r *records) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.read = append(r.read, p[:n]...)
	return n, err
}

// last is the type of the last record (RFC 5246, section 6.2.1).
func (r *records) last() (kind byte) {
	for rest := r.read; len(rest) >= 5; {
		kind = rest[0]
		rest = rest[min(len(rest), 5+int(binary.BigEndian.Uint16(rest[3:]))):]
	}
	return kind
}

// By TLS an answer's end is said; only what has been cut ends without.
func TestTLS(t *testing.T) {
	f, content := testFile(t, 2<<20)
	address, config := startTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || !r.TLS.HandshakeComplete {
			t.Error("the request does not know of TLS")
		}
		switch r.URL.Path {
		case "/file":
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.(sender).SendFile(f, 0, 1000)
			w.(sender).SendFile(f, 1000, int64(len(content))-1000)
		case "/open": // without a Content-Length
			w.Write(content)
		case "/bye":
			w.Header().Set("Connection", "close")
		case "/cut":
			w.Write(content)
			panic(http.ErrAbortHandler)
		}
	})
	config.MaxVersion = tls.VersionTLS12 // whose alerts can be seen from outside
	for _, test := range []struct {
		request   string
		body, end bool
	}{
		{"GET /file HTTP/1.1", true, false}, // the connection stays
		{"GET /file HTTP/1.0", true, true},
		{"GET /open HTTP/1.0", true, true},
		{"GET /bye HTTP/1.1", false, true},
		{"GET /none HTTP/1.1\r\nConnection: close", false, true},
		{"POST /none HTTP/1.1\r\nContent-Length: 10", false, true},
		{"GET /none HTTP/4.0", false, true},
		{"GET /cut HTTP/1.0", true, false},
	} {
		below := &records{Conn: dial(t, address).Conn}
		c := tls.Client(below, config)
		fmt.Fprintf(c, "%s\r\nHost: x\r\n\r\n", test.request)
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%q: %v", test.request, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || test.body && !bytes.Equal(body, content) {
			t.Errorf("%q: %d bytes, %v", test.request, len(body), err)
		}
		if test.request == "GET /file HTTP/1.1" {
			fmt.Fprint(c, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
			if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
				t.Errorf("%q: afterwards: %v", test.request, err)
			}
			continue
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%q: at the end: %v", test.request, err)
		}
		if alert := below.last() == 21; alert != test.end {
			t.Errorf("%q: the end is said: %t", test.request, alert)
		}
	}

	// Whoever speaks plain HTTP is told so, and whoever speaks nothing gets nothing.
	c := dial(t, address)
	c.say("GET /" + string(bytes.Repeat([]byte("x"), 5000)) + " HTTP/1.1")
	if resp, _ := c.hear(); resp.StatusCode != 400 {
		t.Error(resp.Status)
	}
	c.ended()
	for _, text := range []string{"", "nonsense that is no record", "\x16\x03\x01\xff\xff"} {
		c := dial(t, address)
		io.WriteString(c.Conn, text)
		c.Conn.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c.Reader); len(got) > 0 && got[0] != 0x15 { // 0x15: an alert
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
