// Troubled is a proxy before a registry on loopback that goes wrong in one way, for the
// end-to-end scripts:
//
//	troubled http://127.0.0.1:5000 none|cut|busy|drip|stall|norange|shifted|wrong|manifest|liar|push
//
// It prints its own address. GET /sent answers with the requests so far, the bytes of all bodies that it has sent, and of those that it has received.
// GET /mend ends the trouble.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
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
	p := &proxy{trouble: os.Args[2]}
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

	mu       sync.Mutex
	requests int
	blobs    int   // requests for blobs
	sent     int64 // bytes of bodies, counted before they are passed on
	received int64 // bytes of bodies of requests
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
	gone := p.trouble == "push" && p.received > pushAfter
	p.mu.Unlock()
	if gone {
		panic(http.ErrAbortHandler)
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
	if u.proxy.received += int64(n); u.proxy.trouble == "push" && u.proxy.received > pushAfter {
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
	b.proxy.mu.Unlock()
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
