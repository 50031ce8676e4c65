// Troubled is a proxy before a registry on loopback that goes wrong in one way, for the
// end-to-end scripts:
//
//	troubled http://127.0.0.1:5000 none|cut|busy|drip|stall|norange|shifted|wrong|manifest|liar|push|once|portal|loop|away|closed|pull
//
// push and pull may have a number of bytes, as push:1000000, after which the registry is gone.
// It prints its own address. GET /sent answers with the requests so far, the bytes of all bodies that it has sent, and of those that it has received.
// GET /mend ends the trouble.
package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// honest is how many requests for blobs a liar answers as it should.
const honest = 8

// Of a body, in bytes.
const (
	cutAfter   = 700_000
	stallAfter = 2_000_000  // a package of 93-registry.sh and a part of the next
	pushAfter  = 50_000_000 // of all bodies that clients send
)

func main() {
	target, err := url.Parse(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	trouble, limit, _ := strings.Cut(os.Args[2], ":")
	p := &proxy{trouble: trouble, limit: pushAfter, asked: map[string]bool{}}
	if limit != "" {
		if p.limit, err = strconv.ParseInt(limit, 10, 64); err != nil {
			log.Fatal(err)
		}
	}
	p.next = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: p.change,
		ErrorLog:       log.New(io.Discard, "", 0), // what is cut is cut on purpose
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	log.Fatal(http.Serve(l, p))
}

type proxy struct {
	next    http.Handler
	trouble string
	limit   int64 // of push and pull

	mu       sync.Mutex
	requests int
	blobs    int   // requests for blobs
	sent     int64 // bytes of bodies, counted before they are passed on
	received int64 // bytes of bodies of requests
	asked    map[string]bool
}

// request is what a request is for. That of an upload is for its blob, not for the name of the upload, which is another each time.
func request(r *http.Request) string {
	path, _, _ := strings.Cut(r.URL.Path, "/uploads/")
	query := r.URL.Query()
	query.Del("_state")
	return r.Method + path + query.Encode()
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/sent" {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintln(w, p.requests, p.sent, p.received)
		return
	}
	p.mu.Lock()
	p.requests++
	if r.URL.Path == "/mend" {
		p.trouble = "none"
	}
	gone := p.trouble == "push" && p.received > p.limit || p.trouble == "pull" && p.sent > p.limit
	what := request(r)
	first := p.trouble == "once" && !p.asked[what]
	p.asked[what] = true
	p.mu.Unlock()
	if gone {
		panic(http.ErrAbortHandler)
	}
	switch sum := crc32.ChecksumIEEE([]byte(what)); {
	case first && sum%8 == 0: // all of them would take minutes: a client waits after each
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case first && sum%8 == 1:
		http.Error(w, "too many", http.StatusTooManyRequests)
		return
	case p.trouble == "closed" && strings.HasPrefix(r.URL.Path, "/v2/team1/"):
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return
	case p.trouble == "portal" && strings.HasSuffix(r.URL.Path, "/tags/list"):
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><title>Log in</title></html>")
		return
	}
	if r.ContentLength != 0 {
		r.Body = &upload{r.Body, p}
	}
	if strings.Contains(r.URL.Path, "/blobs/") && r.Method == http.MethodGet {
		p.mu.Lock()
		n := p.blobs
		p.blobs++
		p.mu.Unlock()
		switch asked := r.Header.Get("Range"); {
		case p.trouble == "busy" && n%2 == 0:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "busy", http.StatusTooManyRequests)
			return
		case p.trouble == "norange":
			r.Header.Del("Range")
		case p.trouble == "shifted" && asked != "":
			r.Header.Set("Range", "bytes=512-")
			r.Header.Set("X-Asked", strings.TrimPrefix(asked, "bytes="))
		case p.trouble == "liar" && asked != "" && n >= honest: // now and then, in turn: wrong bytes, too few, those of another place
			switch n % 6 {
			case 1:
				r.Header.Set("X-Lie", "wrong")
			case 3:
				r.Header.Set("X-Lie", "short")
			case 5:
				r.Header.Set("Range", "bytes=512-")
				r.Header.Set("X-Asked", strings.TrimPrefix(asked, "bytes="))
			}
		}
	}
	p.next.ServeHTTP(w, r)
}

// An upload is a body that a client sends.
type upload struct {
	io.ReadCloser
	proxy *proxy
}

func (u *upload) Read(buffer []byte) (int, error) {
	n, err := u.ReadCloser.Read(buffer)
	u.proxy.mu.Lock()
	defer u.proxy.mu.Unlock()
	if u.proxy.received += int64(n); u.proxy.trouble == "push" && u.proxy.received > u.proxy.limit {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// change makes an answer wrong.
func (p *proxy) change(r *http.Response) error {
	of := func(part string) bool {
		return strings.Contains(r.Request.URL.Path, part) && r.Request.Method == http.MethodGet
	}
	body := &body{ReadCloser: r.Body, proxy: p}
	switch p.trouble {
	case "cut":
		if of("/blobs/") {
			body.left = cutAfter
		}
	case "drip":
		if of("/blobs/") {
			body.pause = 10 * time.Millisecond
		}
	case "stall":
		if of("/blobs/") {
			body.left, body.stalls = stallAfter, r.Request.Context().Done()
		}
	case "liar", "shifted":
		body.wrong = r.Request.Header.Get("X-Lie") == "wrong"
		if r.Request.Header.Get("X-Lie") == "short" {
			body.left = max(r.ContentLength/2, 1)
		}
		if asked := r.Request.Header.Get("X-Asked"); asked != "" {
			r.Header.Set("Content-Range", "bytes "+asked+"/*")
		}
	case "loop", "away":
		if strings.HasSuffix(r.Request.URL.Path, "/_catalog") {
			target := map[string]string{"loop": "?n=1000", "away": "http://other.example.org/v2/_catalog"}[p.trouble]
			r.Header.Set("Link", "<"+target+`>; rel="next"`)
		}
	case "wrong":
		body.spoil = of("/blobs/") && r.ContentLength > cutAfter // packages
	case "manifest":
		body.spoil = of("/manifests/")
	}
	r.Body = body
	return nil
}

// A body is one on its way to the client.
type body struct {
	io.ReadCloser
	proxy  *proxy
	left   int64           // bytes until the connection is cut; 0: it is not
	stalls <-chan struct{} // then it is not cut, but stands still until the client goes
	pause  time.Duration
	spoil  bool // a byte
	wrong  bool // a byte of each piece
}

func (b *body) Read(buffer []byte) (int, error) {
	time.Sleep(b.pause)
	n, err := b.ReadCloser.Read(buffer)
	if (b.spoil || b.wrong) && n > 0 {
		buffer[n/2] ^= 1
		b.spoil = false
	}
	b.proxy.mu.Lock()
	b.proxy.sent += int64(n)
	gone := b.proxy.trouble == "pull" && b.proxy.sent > b.proxy.limit
	b.proxy.mu.Unlock()
	if gone {
		return 0, io.ErrUnexpectedEOF
	}
	if b.left > 0 {
		if b.left -= int64(n); b.left <= 0 {
			if b.stalls != nil {
				<-b.stalls
			}
			return n, io.ErrUnexpectedEOF
		}
	}
	return n, err
}
