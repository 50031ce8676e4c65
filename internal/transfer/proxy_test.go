package transfer

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// forward is a forward proxy that leads every host to one server.
func forward(t *testing.T, to string) (address string, requests *atomic.Int32) {
	requests = new(atomic.Int32)
	target, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(to, "http://"), "https://"), "/")
	return serve(t, closedToProxy("user", "secret", func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Method != http.MethodConnect {
			r.URL.Host, r.RequestURI = target, ""
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				w.WriteHeader(502)
				return
			}
			defer resp.Body.Close()
			w.WriteHeader(resp.StatusCode)
			io.Copy(w, resp.Body)
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		defer server.Close()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(server, conn)
		io.Copy(conn, server)
	})), requests
}

func closedToProxy(user, password string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
		r.Header.Del("Proxy-Authorization")
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.WriteHeader(407)
			return
		}
		r.Header.Del("Authorization")
		h(w, r)
	}
}

func TestProxy(t *testing.T) {
	pair, ca := certificate(t, "mirror.example.org")
	by := func(address, user string) Options {
		proxy, err := url.Parse(strings.Replace(address, "http://", "http://"+user, 1))
		if err != nil {
			t.Fatal(err)
		}
		return Options{CA: ca, Access: []artifact.Access{{Proxy: func(u *url.URL) (*url.URL, error) {
			if u.Hostname() == "127.0.0.1" {
				return nil, nil
			}
			return proxy, nil
		}}}}
	}
	plain, secure := serve(t, whole), serveTLS(t, pair, "", whole)
	p, requests := forward(t, plain)
	wants(t, "http", get(t, "http://mirror.example.org/x", by(p, "user:secret@")), "")
	wants(t, "direct", get(t, plain, by(p, "user:secret@")), "")
	if requests.Load() != 1 {
		t.Errorf("%d requests through the proxy, want 1", requests.Load())
	}
	s, tunnels := forward(t, secure)
	wants(t, "https", get(t, "https://mirror.example.org/x", by(s, "user:secret@")), "")
	if tunnels.Load() != 1 {
		t.Errorf("%d tunnels, want 1", tunnels.Load())
	}
	for scheme, address := range map[string]string{"http": p, "https": s} {
		err := get(t, scheme+"://mirror.example.org/x", by(address, "user:wrongsecret@"))
		wants(t, scheme+", wrong login", err, "hint: the proxy wants a login")
		if strings.Contains(err.Error(), "wrongsecret") {
			t.Error("the error tells the password:", err)
		}
	}
	wants(t, "no proxy there", get(t, "http://mirror.example.org/x", by("http://127.0.0.1:9", "")), "proxy settings")
}
