package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/http1"
)

// A pair is a listener with one connection, made of a socket pair.
type pair struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pair) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pair) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pair) Addr() net.Addr { return &net.UnixAddr{} }

// newPair returns the client's side of the connection, too.
func newPair(t testing.TB) (*pair, *net.UnixConn) {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]net.Conn
	for i, end := range ends {
		f := os.NewFile(uintptr(end), "")
		conns[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := &pair{conns: make(chan net.Conn, 1)}
	p.conns <- conns[0]
	return p, conns[1].(*net.UnixConn)
}

// An asked request is what a handler was given.
type asked struct {
	method, uri, host, proto string
	absolute                 bool
	length                   int64
}

// An answer is what a client was given; body: "" of what no handler has answered.
type answer struct {
	status int
	body   string
}

// play sends bytes to a server, and ends the client's side.
func play(t testing.TB, data []byte, serve func(net.Listener, http.Handler) (stop func())) (requests []asked, answers []answer) {
	var mu sync.Mutex
	l, client := newPair(t)
	defer client.Close()
	stop := serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests = append(requests, asked{r.Method, r.RequestURI, r.Host, r.Proto, r.URL.Host != "" && r.Method != "CONNECT", r.ContentLength})
		mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		switch {
		case strings.HasSuffix(r.URL.Path, "/204"):
			w.WriteHeader(204)
		case strings.HasSuffix(r.URL.Path, "/304"):
			w.WriteHeader(304)
		case strings.HasSuffix(r.URL.Path, "/none"):
		case strings.HasSuffix(r.URL.Path, "/chunked"):
			for range 3 {
				io.WriteString(w, r.URL.Path)
				http.NewResponseController(w).Flush()
			}
		case strings.HasSuffix(r.URL.Path, "/long"):
			io.WriteString(w, strings.Repeat("long", 10_000))
		case strings.HasSuffix(r.URL.Path, "/known"):
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "known")
		default:
			fmt.Fprintf(w, "%q %q %q %q\n", r.Method, r.URL, r.Host, r.Header)
		}
	}))
	go func() {
		client.Write(data)
		client.CloseWrite()
	}()
	heard, _ := io.ReadAll(client)
	stop()
	for r := bufio.NewReader(bytes.NewReader(heard)); ; {
		var request *http.Request
		if len(answers) < len(requests) {
			request = &http.Request{Method: requests[len(answers)].method}
		}
		resp, err := http.ReadResponse(r, request)
		if err == io.ErrUnexpectedEOF && r.Buffered() == 0 || err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("sent %q, heard %q: %v", data, heard, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("sent %q, heard %q: %v", data, heard, err)
		}
		if request == nil {
			body = nil
		}
		answers = append(answers, answer{resp.StatusCode, string(body)})
	}
	if len(answers) < len(requests) || len(answers) > len(requests)+1 {
		t.Fatalf("sent %q: %d requests, %d answers in %q", data, len(requests), len(answers), heard)
	}
	return requests, answers
}

func serveOurs(l net.Listener, h http.Handler) func() {
	s := &http1.Server{Handler: h, HeaderSize: 32 << 10, HeaderTime: time.Hour, AnswerTime: time.Hour, IdleTime: time.Hour, Log: slog.New(slog.DiscardHandler)}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	return func() { s.Close(); <-done }
}

func serveTheirs(l net.Listener, h http.Handler) func() {
	s := &http.Server{Handler: h, MaxHeaderBytes: 32 << 10, DisableGeneralOptionsHandler: true, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	return func() { s.Close(); <-done }
}

// emptyLine is one before a request, which net/http takes for a request that is malformed.
var emptyLine = regexp.MustCompile(`(?:^|\n\r?\n)\r\n`)

// Clients hear the same as from the server of net/http, but for what the package says.
func FuzzAsNetHTTP(f *testing.F) {
	const host = " HTTP/1.1\r\nHost: x\r\n"
	for _, seed := range []string{
		"GET /a" + host + "\r\nGET /b" + host + "\r\nHEAD /c" + host + "Connection: close\r\n\r\nGET /d" + host + "\r\n",
		"GET /204" + host + "\r\nGET /304" + host + "\r\nGET /none" + host + "\r\nGET /chunked" + host + "\r\nGET /long" + host + "\r\nGET /known" + host + "\r\n",
		"HEAD /204" + host + "\r\nHEAD /304" + host + "\r\nHEAD /none" + host + "\r\nHEAD /chunked" + host + "\r\nHEAD /long" + host + "\r\nHEAD /known" + host + "\r\n",
		"GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /long HTTP/1.0\r\n\r\n", "GET /known HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST /a" + host + "Content-Length: 3\r\n\r\nabcGET /b" + host + "\r\n", "GET /a" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET /b" + host + "\r\n",
		"GET /a" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "GET /a" + host + "Transfer-Encoding: gzip\r\n\r\n", "GET /a" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
		"POST /a" + host + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "GET /a" + host + "Expect: wonders\r\n\r\n", "GET http://y/a" + host + "\r\nGET /b HTTP/1.1\r\n\r\n",
		"CONNECT a:1" + host + "\r\n", "OPTIONS *" + host + "\r\n", "GET *" + host + "\r\n", "GET https://y/" + host + "\r\n", "GET y:80" + host + "\r\n", "GET http://y" + host + "\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /a\nHost: x\n\n", "GET /a" + host + "A: b\r\n c\r\n\r\n", "GET /a" + host + "Host: y\r\n\r\n",
		"GET /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", "\r\nGET /a" + host + "\r\n", "GET /a" + host + "\r\nGE", "\x16\x03\x01\x00", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 || emptyLine.Match(data) {
			return
		}
		requests, ours := play(t, data, serveOurs)
		theirRequests, theirs := play(t, data, serveTheirs)
		for i := range max(len(ours), len(theirs)) {
			var our, their asked
			if i < len(requests) {
				our = requests[i]
			}
			if i < len(theirRequests) {
				their = theirRequests[i]
			}
			switch {
			case i > 0 && i <= len(requests) && requests[i-1].length != 0 && len(ours) == i:
				return // after a body
			case i > 0 && i <= len(requests) && requests[i-1].proto == "HTTP/1.0" && len(ours) == i && (len(data) > 4096 || bytes.Contains(bytes.ToLower(data), []byte("transfer-encoding"))):
				return // after a framing that is faulty
			case i < len(ours) && ours[i].status == 400 && i == len(theirs) && len(data)-1-bytes.LastIndexByte(data, '\n') < 4:
				return // a rest that is shorter than any request
			case i == len(ours) || i == len(theirs):
			case their.uri != "" && their.uri[0] != '/' && (ours[i].status == 400 || ours[i].status == 421):
				return // no target for a mirror
			case their.absolute && our.absolute && ours[i].status == theirs[i].status && !strings.HasPrefix(our.uri, "/"):
				continue // "/" for an empty path
			case our.absolute && theirs[i].status == 400 && i >= len(theirRequests):
				return // whatever its Host
			case their.host == "" && theirs[i].status < 400 && ours[i].status == 400:
				return // an empty Host
			case their.method == "PRI" && ours[i].status == 505:
				return // HTTP/2
			case ours[i].status == 417, theirs[i].status == 417:
				return // Expect
			case ours[i] == theirs[i]:
				continue
			}
			t.Fatalf("sent %q\nours:   %+v %+v\ntheirs: %+v %+v", data, requests, ours, theirRequests, theirs)
		}
	})
}
