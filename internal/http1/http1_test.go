package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/http1"
)

// start serves on loopback and returns the address.
func start(t testing.TB, s *http1.Server) string {
	t.Helper()
	s.HeaderSize, s.HeaderTime, s.AnswerTime, s.IdleTime = 8<<10, time.Minute, time.Minute, time.Minute
	s.Log = slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Error(err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// How long an answer is follows from what its handler does.
func TestFraming(t *testing.T) {
	long := strings.Repeat("0123456789", 5000)
	handlers := map[string]http.HandlerFunc{
		"/none":  func(w http.ResponseWriter, r *http.Request) {},
		"/short": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "short") },
		"/long":  func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long) },
		"/parts": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, long[:3]); fmt.Fprint(w, long[3:]) },
		"/flushed": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "a")
			http.NewResponseController(w).Flush()
			fmt.Fprint(w, "b")
		},
		"/known": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "known")
		},
		"/204": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"/304": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) },
		"/bye": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "bye")
		},
	}
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.URL.Path](w, r) })})
	for _, test := range []struct {
		request, body, framing string // "": the connection's end
		again                  bool
	}{
		{"GET /none HTTP/1.1", "", "0", true},
		{"GET /short HTTP/1.1", "short", "5", true},
		{"HEAD /short HTTP/1.1", "", "5", true},
		{"GET /short HTTP/1.0", "short", "5", false},
		{"GET /short HTTP/1.0\r\nConnection: keep-alive", "short", "5", true},
		{"GET /short HTTP/1.1\r\nConnection: close", "short", "5", false},
		{"GET /long HTTP/1.1", long, "chunked", true},
		{"GET /parts HTTP/1.1", long, "chunked", true},
		{"GET /flushed HTTP/1.1", "ab", "chunked", true},
		{"GET /long HTTP/1.0\r\nConnection: keep-alive", long, "", false},
		{"GET /known HTTP/1.1", "known", "5", true},
		{"HEAD /known HTTP/1.1", "", "5", true},
		{"GET /204 HTTP/1.1", "", "", true},
		{"GET /304 HTTP/1.1", "", "", true},
		{"GET /bye HTTP/1.1", "bye", "3", false},
		{"POST /short HTTP/1.1\r\nContent-Length: 3", "short", "5", false},
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s\r\nHost: x\r\n\r\n", test.request)
		r := bufio.NewReader(c)
		method, _, _ := strings.Cut(test.request, " ")
		got, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%s: %v", test.request, err)
		}
		body, err := io.ReadAll(got.Body)
		framing := got.Header.Get("Content-Length")
		if len(got.TransferEncoding) > 0 {
			framing = got.TransferEncoding[0]
		}
		if err != nil || string(body) != test.body || framing != test.framing || got.Header.Get("Date") == "" {
			t.Errorf("%q: %d bytes, framing %q, want %d and %q; %v, %v", test.request, len(body), framing, len(test.body), test.framing, got.Header, err)
		}
		if again := !got.Close; again != test.again {
			t.Errorf("%q: the connection stays: %t", test.request, again)
		}
		if test.again {
			fmt.Fprint(c, "GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
			if got, err := http.ReadResponse(r, nil); err != nil || got.StatusCode != 200 {
				t.Errorf("%q: afterwards: %v", test.request, err)
			}
		} else if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%q: afterwards: %v", test.request, err)
		}
		c.Close()
	}
}

// The reason phrase is what a handler says, whatever it says, on one line that clients can read.
func TestReason(t *testing.T) {
	reason := make(chan string, 2)
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := w.(interface{ SetReason(string) })
		said.SetReason(<-reason)
		w.WriteHeader(403)
		said.SetReason("too late")
		io.WriteString(w, "no")
	})})
	for given, want := range map[string]string{
		"":                                  "Forbidden",
		"Denied: policy 4.2 (rules:7)":      "Denied: policy 4.2 (rules:7)",
		"a\r\nX: y\r\n\r\nb\x00\x7f\x1b[1m": "a??X: y????b???[1m",
		"Ä\u202e":                           strings.Repeat("?", 5),
		strings.Repeat("a", 70_000):         strings.Repeat("a", 300),
	} {
		for request, proto := range map[string]string{"GET / HTTP/1.1": "HTTP/1.1", "HEAD / HTTP/1.1": "HTTP/1.1", "GET / HTTP/1.0": "HTTP/1.0"} {
			c := dial(t, address)
			reason <- given
			c.say(request)
			method, _, _ := strings.Cut(request, " ")
			got, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
			if err != nil || got.Proto != proto || got.Status != "403 "+want || got.ContentLength != 2 || got.Header.Get("X") != "" {
				t.Fatalf("%s: %.20q: %v, %+v", request, given, err, got)
			}
		}
	}
}

// A handler can ask whether its client has gone, and what the client sent before it went does not hide it.
func TestGone(t *testing.T) {
	asked, went := make(chan struct{}), make(chan struct{})
	said := make(chan [2]bool)
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := w.(interface{ Gone() bool })
		before := g.Gone()
		asked <- struct{}{}
		<-went
		after := g.Gone()
		for !after { // the packet is on its way
			after = g.Gone()
		}
		said <- [2]bool{before, after}
	})})
	for _, linger := range []int{0, -1} { // with a reset, and in order
		for _, behind := range []string{"", "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"} {
			c := dial(t, address)
			c.say("GET / HTTP/1.1")
			<-asked
			io.WriteString(c.Conn, behind)
			c.Conn.(*net.TCPConn).SetLinger(linger)
			c.Conn.Close()
			went <- struct{}{}
			if got := <-said; got != [2]bool{false, true} {
				t.Errorf("gone before and after: %v", got)
			}
			if behind != "" && linger < 0 {
				<-asked // the request behind it
				went <- struct{}{}
				<-said
			}
		}
	}
}
