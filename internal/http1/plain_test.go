package http1

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// A plain request is what http.ReadRequest makes of it, and as long. What http.ReadRequest refuses, or what has a
// body or ends its connection, is no plain request.
func FuzzPlain(f *testing.F) {
	const host = " HTTP/1.1\r\nHost: mirror.example.org:8080\r\n"
	for _, seed := range plainRequests {
		f.Add([]byte(seed))
	}
	for _, seed := range []string{
		"GET /" + host + "Content-Length: 3\r\n\r\nabc", "GET /" + host + "content-length: 3\r\n\r\nabc", "GET /" + host + "Transfer-encoding: chunked\r\n\r\n",
		"GET /" + host + "Connection: close\r\n\r\n", "GET /" + host + "Pragma: no-cache\r\n\r\n", "GET /" + host + "A: b\r\n c\r\n\r\n", "GET /" + host + "A: b\nC: d\r\n\r\n",
		"GET /" + host + "Host: y\r\n\r\n", "GET /" + host + "A : b\r\n\r\n", "GET /%zz" + host + "\r\n", "GET /a?b=%zz#c" + host + "\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET /" + host + "A: \x00\r\n\r\n", "GET /" + host + "A: b\rC: d\r\n\r\n", "POST /" + host + "\r\n", "GET //a/../b" + host + "\r\n",
		"GET /" + host + "x-a: 1\r\nX-A: 2\r\n\r\n", "GET /" + host + "-: 1\r\nA-: 2\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	c := &conn{ctx: context.Background()}
	c.plain.init(c)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, n := c.plain.read(data)
		if got == nil {
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(data), len(data)+16)
		want, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("http.ReadRequest refuses %q: %v", data, err)
		}
		if err := check(want); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if err := checkTarget(want, false); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if left := in.Buffered(); len(data)-left != n {
			t.Errorf("%q: %d bytes, want %d", data, n, len(data)-left)
		}
		if want.Close || want.ContentLength != 0 || want.TransferEncoding != nil || want.Trailer != nil {
			t.Errorf("%q is not plain", data)
		}
		want.Body = http.NoBody
		if want.Host != got.Host || !reflect.DeepEqual(want.Header, got.Header) || !reflect.DeepEqual(want.URL, got.URL) || !reflect.DeepEqual(want.WithContext(c.ctx), got) {
			t.Errorf("%q:\n%+v\nwant\n%+v", data, got, want)
		}
	})
}

// plainRequests are as apt, curl, pip, containerd and others send them.
var plainRequests = []string{
	"GET /debian/dists/bookworm/InRelease HTTP/1.1\r\nHost: mirror.example.org\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\nCache-Control: max-age=0\r\nAccept: text/*\r\nIf-Modified-Since: Sat, 13 Jul 2024 09:46:01 GMT\r\n\r\n",
	"GET /debian/pool/main/c/curl/curl_7.88.1-10%2bdeb12u5_amd64.deb HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n\r\n",
	"GET /files/kubernetes/kubelet HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nRange: bytes=100-\r\n\r\n",
	"HEAD /v2/a/manifests/1 HTTP/1.1\r\nhost: x\r\nuser-agent: containerd/1.6.20\r\naccept: a, b\r\naccept-encoding: gzip\r\nconnection: keep-alive\r\n\r\n",
	"GET /minimirror.sources?codename=bookworm&x=%20 HTTP/1.1\r\nHost: x\r\nUser-Agent: Wget/1.21.3\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256:   abc  \r\nAuthorization:Basic eA==\r\n\r\n",
}

// What clients usually send is plain; the memory of one request serves the next.
func TestPlain(t *testing.T) {
	c := &conn{ctx: context.Background()}
	c.plain.init(c)
	for _, text := range append(plainRequests, plainRequests...) {
		r, n := c.plain.read([]byte(text + "GET /next"))
		if r == nil || n != len(text) {
			t.Errorf("%q: %v, %d bytes of %d", text, r, n, len(text))
			continue
		}
		if has := strings.Contains(text, "Range:"); has != (r.Header.Get("Range") != "") {
			t.Errorf("%q: header %v", text, r.Header)
		}
	}
	data := []byte(plainRequests[0])
	if garbage := testing.AllocsPerRun(100, func() { c.plain.read(data) }); garbage > 1 {
		t.Errorf("%v allocations, want 1: the text of the header", garbage)
	}
}
