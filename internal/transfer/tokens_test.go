package transfer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// login stores a name and password for registries, as docker login does.
func login(t *testing.T, name, password string, hosts ...string) {
	t.Helper()
	var auths []string
	for _, host := range hosts {
		auths = append(auths, fmt.Sprintf(`%q:{"auth":%q}`, host, base64.StdEncoding.EncodeToString([]byte(name+":"+password))))
	}
	text := `{"auths":{` + strings.Join(auths, ",") + `}}`
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REGISTRY_AUTH_FILE", file)
}

func hostOf(address string) string { return address[strings.Index(address, "//")+2:] }

// A service gives tokens, or does not. asked counts its requests from 0.
type service func(n int, w http.ResponseWriter, r *http.Request)

// TestTokens has users read from a registry whose token service is honest, busy, wrong or lies.
func TestTokens(t *testing.T) {
	quiet(t)
	var elsewhere atomic.Int32 // requests to another server with a password
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if _, password, _ := r.BasicAuth(); password != "" || r.Form.Get("password") != "" {
			elsewhere.Add(1)
		}
		io.WriteString(w, `{"token":"good"}`)
	}))
	defer other.Close()
	give := func(text string) service {
		return func(n int, w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
	}
	for name, c := range map[string]struct {
		service service
		realm   string // instead of the service's own
		scope   string // instead of the repository's; "-": none
		want    string // part of the error; empty: the file
		hint    string
		asked   int // requests for tokens, at most
	}{
		"honest": {service: give(`{"token":"good","expires_in":300}`), asked: 2},
		"with the password only": {service: func(n int, w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.Method != "POST" || r.Form.Get("username") != "me" || r.Form.Get("password") != "secret" || r.Form.Get("scope") != "repository:site/a:pull" {
				w.WriteHeader(401)
				return
			}
			io.WriteString(w, `{"access_token":"good"}`)
		}, asked: 1},
		"knows no POST": {service: func(n int, w http.ResponseWriter, r *http.Request) {
			if name, password, _ := r.BasicAuth(); r.Method != "GET" || name != "me" || password != "secret" {
				w.WriteHeader(405)
				return
			}
			io.WriteString(w, `{"token":"good"}`)
		}, asked: 2},
		"states no scope": {service: func(n int, w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.Form.Get("scope") != "repository:site/a:pull" {
				w.WriteHeader(401)
				return
			}
			io.WriteString(w, `{"token":"good","access_token":"good"}`)
		}, scope: "-", asked: 1},
		"busy, once": {service: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(503)
				return
			}
			io.WriteString(w, `{"access_token":"good"}`)
		}, asked: 2},
		"busy for ever":          {service: func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) }, want: "429", asked: 5},
		"hangs up":               {service: func(n int, w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, want: "EOF", asked: 12},
		"refuses":                {service: func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, want: "401", hint: "docker login", asked: 2},
		"forbids":                {service: func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, want: "403", hint: "docker login", asked: 2},
		"wrong token":            {service: give(`{"token":"bad","access_token":"bad"}`), want: "401", hint: "docker login", asked: 2},
		"no token":               {service: give(`{}`), want: "did not include a token", asked: 2},
		"a web page":             {service: give(`<html>Please log in`), want: "token", asked: 1},
		"a token of two lines":   {service: give(`{"access_token":"good\r\nX: y"}`), want: "not a token", asked: 1},
		"expired before it came": {service: give(`{"access_token":"good","expires_in":-1}`), asked: 1},
		"lives for ever":         {service: give(`{"access_token":"good","expires_in":9223372036854775807}`), asked: 2},
		"endless": {service: func(n int, w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"access_token":"`)
			for r.Context().Err() == nil {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}, want: "unexpected EOF", asked: 1},
		"leads elsewhere": {service: func(n int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, 307) },
			want: "not followed", asked: 1},
		"no realm":            {service: give(""), realm: "-", want: "no realm", asked: 0},
		"realm is a file":     {service: give(""), realm: "file:///etc/hostname", want: "not a safe place", asked: 0},
		"realm is no address": {service: give(""), realm: "http://%zz", want: "log in", asked: 0},
	} {
		for _, u := range users() {
			t.Run(name+"/"+u.name, func(t *testing.T) {
				var asked atomic.Int32
				var server *httptest.Server
				server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.Path == "/token":
						c.service(int(asked.Add(1))-1, w, r)
					case r.Header.Get("Authorization") == "Bearer good":
						content(w, r)
					default:
						challenge := `Bearer service="x"`
						switch c.realm {
						case "":
							challenge += fmt.Sprintf(`,realm="%s/token"`, server.URL)
						case "-":
						default:
							challenge += fmt.Sprintf(`,realm=%q`, c.realm)
						}
						if c.scope == "" {
							challenge += `,scope="repository:site/a:pull"`
						}
						w.Header().Set("WWW-Authenticate", challenge)
						w.WriteHeader(401)
					}
				}))
				defer server.Close()
				login(t, "me", "secret", hostOf(server.URL)+"/site", "other.example.org")
				data, err := u.read(t, server.URL, settings{0, func(context.Context, time.Duration) error { return nil }})
				if c.want == "" && (err != nil || len(data) < len(file)-2000) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%d bytes, %v; want %q", len(data), err, c.want)
				}
				var hint *artifact.HintError
				if c.hint != "" && (!errors.As(err, &hint) || !strings.Contains(hint.Hint, c.hint)) {
					t.Errorf("%v: no hint %q", err, c.hint)
				}
				if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "good")) {
					t.Errorf("the error tells a secret: %v", err)
				}
				if int(asked.Load()) > c.asked {
					t.Errorf("asked %d times for a token, want %d at most", asked.Load(), c.asked)
				}
			})
		}
	}
	if elsewhere.Load() > 0 {
		t.Errorf("the password was sent to another server %d times", elsewhere.Load())
	}
}

// TestRealmOfTLS holds that a registry behind TLS cannot have a password sent in the clear.
func TestRealmOfTLS(t *testing.T) {
	quiet(t)
	var asked atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1) }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, plain.URL))
		w.WriteHeader(401)
	}))
	defer secure.Close()
	login(t, "me", "secret", hostOf(secure.URL))
	c, err := transfer.New(transfer.Options{Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), transfer.Request{Address: transfer.Address{URL: secure.URL + path, Transport: secure.Client().Transport}})
	if err == nil || !strings.Contains(err.Error(), "not a safe place") || asked.Load() > 0 {
		t.Errorf("%v, %d requests for a token", err, asked.Load())
	}
}

// TestSecretsStayAtTheirHost has one server lead to another: what was meant for the first must not get there.
func TestSecretsStayAtTheirHost(t *testing.T) {
	quiet(t)
	for name, c := range map[string]struct {
		challenge string // of the first server; %s: its address
		header    http.Header
	}{
		"basic":                     {challenge: `Basic realm="x"`},
		"token":                     {challenge: `Bearer realm="%s/token",service="x"`},
		"the caller's own":          {header: http.Header{"Authorization": {"Bearer secret"}}},
		"the caller's other header": {header: http.Header{"Private-Token": {"secret"}, "Cookie": {"secret"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen http.Header
			second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = r.Header.Clone()
				content(w, r)
			}))
			defer second.Close()
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, password, _ := r.BasicAuth()
				switch {
				case r.URL.Path == "/token":
					io.WriteString(w, `{"access_token":"secret"}`)
				case c.challenge == "", password == "secret", r.Header.Get("Authorization") == "Bearer secret":
					http.Redirect(w, r, second.URL+path, 307) // another port of the same machine is another server, too
				default:
					w.Header().Set("WWW-Authenticate", strings.ReplaceAll(c.challenge, "%s", server.URL))
					w.WriteHeader(401)
				}
			}))
			defer server.Close()
			login(t, "me", "secret", hostOf(server.URL))
			client, err := transfer.New(transfer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{"Accept": {"text/plain"}}
			for key, values := range c.header {
				header[key] = values
			}
			resp, err := client.Do(t.Context(), transfer.Request{Address: transfer.Address{URL: server.URL + path, Header: header}})
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if seen.Get("Accept") != "text/plain" {
				t.Errorf("Accept is lost: %v", seen)
			}
			if text := fmt.Sprint(seen); strings.Contains(text, "secret") || strings.Contains(text, "Basic") {
				t.Errorf("the second server sees %v", text)
			}
		})
	}
}

// TestRegistryLoginOverHTTP holds that whoever can change plain HTTP cannot ask for what is stored for a registry.
func TestRegistryLoginOverHTTP(t *testing.T) {
	quiet(t)
	var got atomic.Bool
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			got.Store(true)
		}
		if r.URL.Path == "/on" {
			http.Redirect(w, r, path, 302)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
	}))
	defer registry.Close()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/twice" {
			http.Redirect(w, r, registry.URL+"/on", 302)
			return
		}
		http.Redirect(w, r, registry.URL+path, 302)
	}))
	defer away.Close()
	login(t, "me", "secret", hostOf(registry.URL))
	client, err := transfer.New(transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{registry.URL + "/a/file", away.URL + "/a/file", away.URL + path, away.URL + "/twice"} {
		if _, err := client.Do(t.Context(), transfer.Request{Address: transfer.Address{URL: address}}); err == nil || got.Load() {
			t.Errorf("%s: %v; the login was sent: %t", address, err, got.Load())
		}
	}
	if _, err := client.Do(t.Context(), transfer.Request{Address: transfer.Address{URL: registry.URL + path}}); err == nil || !got.Load() {
		t.Errorf("the registry itself: %v; the login was sent: %t", err, got.Load())
	}
}

// TestTokenIsKept counts what a login costs: one request that is refused, and one for the token, for all files of a repository.
func TestTokenIsKept(t *testing.T) {
	quiet(t)
	var tokens, refused atomic.Int32
	var good atomic.Value
	good.Store("1")
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			tokens.Add(1)
			fmt.Fprintf(w, `{"token":%q,"expires_in":300}`, good.Load())
		case r.Header.Get("Authorization") != "Bearer "+good.Load().(string):
			refused.Add(1)
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x",scope="repository:site/a:pull"`, server.URL))
			w.WriteHeader(401)
		default:
			content(w, r)
		}
	}))
	defer server.Close()
	client, err := transfer.New(transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) {
		t.Helper()
		resp, err := client.Do(t.Context(), transfer.Request{Address: transfer.Address{URL: server.URL + path}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for range 3 {
		ask(path)
		ask("/v2/site/a/manifests/1")
	}
	if tokens.Load() != 1 || refused.Load() != 1 {
		t.Errorf("%d tokens, %d refused", tokens.Load(), refused.Load())
	}
	good.Store("2") // the service has forgotten the first
	ask(path)
	if tokens.Load() != 2 || refused.Load() != 2 {
		t.Errorf("%d tokens, %d refused", tokens.Load(), refused.Load())
	}
	ask("/v2/site/b/manifests/1") // another repository
	if tokens.Load() != 3 || refused.Load() != 3 {
		t.Errorf("%d tokens, %d refused", tokens.Load(), refused.Load())
	}
}
