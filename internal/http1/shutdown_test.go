package http1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/http1"
)

// stopped waits until nobody accepts.
func stopped(t testing.TB, address string) {
	t.Helper()
	for {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		c.Close()
	}
}

// What has begun is answered and ends in order, what is idle is closed, and what is asked afterwards is not answered.
func TestShutdown(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	var opened, closed atomic.Int32
	server := &http1.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				began <- struct{}{}
				<-goOn
			}
			io.WriteString(w, r.URL.Path)
		}),
		Context: func(ctx context.Context, c net.Conn) context.Context { opened.Add(1); return ctx },
		Closed:  func(net.Conn) { closed.Add(1) },
	}
	t.Cleanup(func() { // after the end of Serve, which start sees to
		if opened.Load() != closed.Load() || opened.Load() < 4 {
			t.Errorf("%d connections opened, %d closed", opened.Load(), closed.Load())
		}
	})
	address := start(t, server)
	idle, busy, many, ten := dial(t, address), dial(t, address), dial(t, address), dial(t, address)
	idle.say("GET /idle HTTP/1.1")
	idle.hear()
	busy.say("GET /wait HTTP/1.1")
	<-began
	many.say("GET /wait HTTP/1.1", "GET /second HTTP/1.1", strings.Repeat("GET /late HTTP/1.1\r\nHost: x\r\n\r\n", 300)+"GET /late HTTP/1.1")
	<-began
	ten.say("GET /wait HTTP/1.0\r\nConnection: keep-alive")
	<-began
	shut := make(chan error)
	go func() { shut <- server.Shutdown(context.Background()) }()
	stopped(t, address)
	idle.ended()
	close(goOn)
	// Their headers may say that the connection stays, but it ends after them without a reset.
	for _, c := range []*wire{busy, many, ten} {
		if _, got := c.hear(); string(got) != "/wait" {
			t.Errorf("got %q", got)
		}
		c.ended()
		c.Conn.Close()
	}
	if err := <-shut; err != nil {
		t.Error(err)
	}
}

// When the time is over, Close cuts what is left and ends the contexts.
func TestShutdownTime(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	server := &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		http.NewResponseController(w).Flush()
		_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
		ended <- err
	})}
	address := start(t, server)
	c := dial(t, address)
	c.say("GET / HTTP/1.1")
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	server.Close()
	if <-ended == nil {
		t.Error("a connection that was cut takes an answer")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(l); err != http.ErrServerClosed {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open")
	}
}

// Shutdown and Close may come at any time, and each connection is closed once.
func TestShutdownAtAnyTime(t *testing.T) {
	for i := range 50 {
		var opened, closed atomic.Int32
		server := &http1.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "text") }),
			Context: func(ctx context.Context, c net.Conn) context.Context { opened.Add(1); return ctx },
			Closed:  func(net.Conn) { closed.Add(1) },
		}
		t.Cleanup(func() {
			if opened.Load() != closed.Load() {
				t.Errorf("%d connections opened, %d closed", opened.Load(), closed.Load())
			}
		})
		address := start(t, server)
		for range 4 {
			go func() {
				for {
					resp, err := http.Get("http://" + address)
					if err != nil {
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}()
		}
		for opened.Load() < int32(i%4) {
		}
		if i%2 == 0 {
			server.Close()
		}
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A panic ends its own connection.
func TestPanics(t *testing.T) {
	address := start(t, &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			io.WriteString(w, "fine")
			return
		case "/flushed":
			io.WriteString(w, "part")
			http.NewResponseController(w).Flush()
		case "/text":
			io.WriteString(w, "part")
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		panic([]int{1}) // cannot be compared
	})})
	other := dial(t, address)
	for _, path := range []string{"/flushed", "/text", "/abort", "/none"} {
		c := dial(t, address)
		c.say("GET "+path+" HTTP/1.1", "GET /ok HTTP/1.1")
		if got, err := http.ReadResponse(c.Reader, nil); path != "/flushed" && err == nil {
			t.Errorf("%s: %v", path, got)
		} else if path == "/flushed" {
			if body, err := io.ReadAll(got.Body); err == nil {
				t.Errorf("%s: %q looks whole", path, body)
			}
		}
		other.say("GET /ok HTTP/1.1")
		if _, got := other.hear(); string(got) != "fine" {
			t.Errorf("afterwards: %q", got)
		}
	}
}
