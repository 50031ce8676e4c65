package http1_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/http1"
)

// What clients may send, and what comes of it: the answers' status, and that the connection ends after them without a
// reset, however much has been sent behind.
func TestRequests(t *testing.T) {
	var refused, wanted atomic.Int32
	told := func(_ net.Conn, status int, why string, sent int64) {
		refused.Add(1)
		if status < 400 || why == "" || sent <= int64(len(why)) {
			t.Errorf("refused with %d, %q, %d bytes", status, why, sent)
		}
	}
	t.Cleanup(func() {
		if refused.Load() != wanted.Load() {
			t.Errorf("%d were refused, and %d told of", wanted.Load(), refused.Load())
		}
	})
	address := start(t, &http1.Server{Refused: told, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: a body of %d bytes, %v", r.RequestURI, n, err)
		}
		w.Header().Set("X", "a\r\nContent-Length: 3\r\n\r\nb\x00")
		w.Header().Set("X\r\nY", "z")
		w.Header().Set("Transfer-Encoding", "chunked")
		w.Header().Set("Keep-Alive", "timeout=1")
		fmt.Fprint(w, r.URL.Path)
	})})
	const ok, old, host, next = "GET / HTTP/1.1\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n", "Host: x\r\n\r\n", "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, test := range []struct {
		sent string
		want []int
	}{
		// In order.
		{next + next, []int{200, 200}},
		{strings.Repeat(next, 1000), slices.Repeat([]int{200}, 1000)},
		{"\r\n" + next + "\r\n" + next, []int{200, 200}},
		{"GET http://other/ HTTP/1.1\r\n" + host + next, []int{200, 200}},
		{"GET / HTTP/1.1\nHost: x\n\n" + next, []int{200, 200}},
		{ok + "A: b\r\n c\r\n" + host + next, []int{200, 200}},
		{"GET / HTTP/1.0\r\n\r\n" + next, []int{200}},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + next, []int{200, 200}},
		{"GET http://other HTTP/1.1\r\n" + host + next, []int{200, 200}},
		{"GET HTTP://other?q HTTP/1.1\r\n" + host + next, []int{200, 200}},
		{"OPTIONS * HTTP/1.1\r\n" + host + next, []int{200, 200}},
		// By HTTP/1.0, with a body's end that others may see elsewhere.
		{old + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, []int{200}},
		{old + "transfer-encoding:\tchunked\r\n\r\n" + next, []int{200}},
		{old + "A: b\nTRANSFER-ENCODING:\n identity\n\n" + next, []int{200}},
		{old + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + next, []int{200}},
		{old + "Content-Length: 0\r\n\r\n" + next, []int{200, 200}},
		{old + "A: Transfer-Encoding: chunked\r\n\r\n" + next, []int{200, 200}},
		{old + "A: " + strings.Repeat("a", 5000) + "\r\nTransfer-Encoding: chunked\r\n\r\n" + next, []int{200}},
		{next + old + strings.Repeat("A: b\r\n", 500) + "\r\n" + old + "Transfer-Encoding: chunked\r\n\r\n" + next, []int{200, 200, 200}},
		{old + "Transfer-Encoding : chunked\r\n\r\n" + next, []int{400}},
		{ok + "Connection: close\r\n" + host + next, []int{200}},
		{ok + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + host + next, []int{200, 200}},
		// With a body, which is the last.
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + host + "abc" + next, []int{200}},
		{"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + host, []int{200}},
		{"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n" + host + strings.Repeat("a", 3_000_000) + next, []int{200}},
		{"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + host, []int{200}},
		{ok + "Transfer-Encoding: chunked\r\n" + host + "0\r\n\r\n" + next, []int{200}},
		{ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + host + "0\r\n\r\n" + next, []int{200}},
		{ok + "Content-Length: 3\r\nContent-Length: 3\r\n" + host + next, []int{200}},
		{ok + "Content-Length: 0\r\n" + host + next, []int{200, 200}},
		// Refused, which is the last, too.
		{ok + "Content-Length: 3\r\nContent-Length: 4\r\n" + host + next, []int{400}},
		{ok + "Content-Length: -1\r\n" + host + next, []int{400}},
		{ok + "Content-Length: +1\r\n" + host + next, []int{400}},
		{ok + "Content-Length: 1, 1\r\n" + host + next, []int{400}},
		{ok + "Content-Length: 99999999999999999999\r\n" + host + next, []int{400}},
		{ok + "Transfer-Encoding: gzip, chunked\r\n" + host + next, []int{501}},
		{ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + host + next, []int{501}},
		{ok + "Transfer-Encoding: chunked, gzip\r\n" + host + next, []int{501}},
		{ok + "Transfer-Encoding: identity\r\n" + host + next, []int{501}},
		{ok + "Transfer-Encoding:\r\n" + host + next, []int{501}},
		{ok + "Transfer-Encoding : chunked\r\n" + host + next, []int{400}},
		{ok + " A: b\r\n" + host + next, []int{400}},
		{ok + "A\r\n" + host + next, []int{400}},
		{ok + "A\x00: b\r\n" + host + next, []int{400}},
		{ok + "A: b\x00\r\n" + host + next, []int{400}},
		{ok + "A: b\rC: d\r\n" + host + next, []int{400}},
		{ok + "Host: y\r\n" + host + next, []int{400}},
		{ok + "Host: a b\r\n\r\n" + next, []int{400}},
		{ok + "\r\n" + next, []int{400}},
		{ok + "Expect: wonders\r\n" + host + next, []int{417}},
		{"GET * HTTP/1.1\r\n" + host + next, []int{400}},
		{"HEAD * HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET * HTTP/1.0\r\n\r\n" + next, []int{400}},
		{"OPTIONS ** HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET other:80 HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET 192.0.2.1:80 HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET other HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET ?q HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET ftp://other/ HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET file:///etc/passwd HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET http:/// HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET http:/a HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET http:a HTTP/1.1\r\n" + host + next, []int{400}},
		{"GET https://other/ HTTP/1.1\r\n" + host + next, []int{421}},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next, []int{505}},
		{"GET / HTTP/2.0\r\n" + host + next, []int{505}},
		{"GET /\r\n" + next, []int{400}},
		{"GET  / HTTP/1.1\r\n" + host + next, []int{400}},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + next, []int{400}},
		{"\r\n\r\n\r\n" + next, []int{400}},
		{"GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\n" + host + next, []int{431}},
		{ok + strings.Repeat("A: b\r\n", 20_000) + host + next, []int{431}},
		{next + ok + "A: " + strings.Repeat("a", 100_000) + "\r\n" + host + next, []int{200, 431}},
		{ok + strings.Repeat("A: b\r\n", 1000) + host + next, []int{200, 200}},
		// Cut off.
		{"", nil},
		{next, []int{200}},
		{ok + "Host: x\r\n", []int{400}},
		{next + "\r\n", []int{200}},
	} {
		for _, half := range []bool{true, false} { // the client ends its side before it reads
			if !half && !strings.HasSuffix(test.sent, "\r\n\r\n") {
				continue
			}
			c := dial(t, address)
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(c.Conn, test.sent)
				if half {
					c.Conn.(*net.TCPConn).CloseWrite()
				}
				sent <- err
			}()
			var got []int
			for len(got) < len(test.want) {
				resp, err := http.ReadResponse(c.Reader, nil)
				if err != nil {
					t.Errorf("%.60q: %v", test.sent, err)
					break
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode == 200 && (len(resp.Header["X"]) != 1 || len(resp.Header) > 4 || !strings.HasPrefix(string(body), "/") && string(body) != "*") {
					t.Errorf("%.60q: %v, %q, %v", test.sent, resp.Header, body, err)
				}
				if got = append(got, resp.StatusCode); resp.StatusCode >= 400 {
					wanted.Add(1)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%.60q: %v, want %v", test.sent, got, test.want)
			}
			if half {
				c.ended()
				if err := <-sent; err != nil {
					t.Errorf("%.60q: %v", test.sent, err)
				}
			}
			c.Conn.Close()
		}
	}
}
