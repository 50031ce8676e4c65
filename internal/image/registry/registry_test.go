package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/registry"
)

const manifest = `{"schemaVersion":2}`

// registryOf serves a manifest and a blob of 1,000 bytes as site/a/mirror.
func registryOf() http.Handler {
	blob := bytes.Repeat([]byte("0123456789"), 100)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/site/a/mirror/manifests/1"), strings.HasSuffix(r.URL.Path, "/site/a/mirror/manifests/"+digestOf([]byte(manifest))):
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json; charset=utf-8")
			io.WriteString(w, manifest)
		case strings.HasSuffix(r.URL.Path, "/site/a/mirror/blobs/"+digestOf(blob)):
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
		default:
			http.NotFound(w, r)
		}
	})
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// quiet takes away the credentials of the one who runs the test.
func quiet(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, dir)
	}
	t.Setenv("REGISTRY_AUTH_FILE", "")
	t.Setenv("DOCKER_AUTH_CONFIG", "")
}

func noWait(context.Context, time.Duration) error { return nil }

func ask(t *testing.T, path string, o registry.Options) error {
	t.Helper()
	o.Wait = noWait
	r, err := registry.Open(path, o)
	if err != nil {
		return err
	}
	defer r.Close()
	data, mediaType, digest, err := r.Manifest(t.Context(), "1")
	if err == nil && (string(data) != manifest || mediaType != "application/vnd.oci.image.manifest.v1+json" || digest != digestOf(data)) {
		t.Errorf("%s, %s, %s", data, mediaType, digest)
	}
	return err
}

func hintOf(err error) string {
	var hint *artifact.HintError
	if errors.As(err, &hint) {
		return hint.Hint
	}
	return ""
}

func host(s *httptest.Server) string { return s.URL[strings.Index(s.URL, "//")+2:] }

func TestBlobAndPart(t *testing.T) {
	quiet(t)
	server := httptest.NewServer(registryOf())
	defer server.Close()
	r, err := registry.Open(host(server)+"/site/a/mirror", registry.Options{Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content := bytes.Repeat([]byte("0123456789"), 100)
	blob := registry.Blob{Digest: digestOf(content), Size: 1000}
	body := r.Blob(t.Context(), blob)
	if data, err := io.ReadAll(body); err != nil || !bytes.Equal(data, content) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	body.Close()
	if _, err := body.Read(make([]byte, 1)); err == nil {
		t.Error("read after close")
	}
	for _, p := range [][2]int64{{0, 1000}, {0, 1}, {999, 1}, {13, 500}, {1000, 0}, {0, 0}} {
		part, err := r.Part(t.Context(), blob, p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(part); err != nil || !bytes.Equal(data, content[p[0]:p[0]+p[1]]) {
			t.Errorf("%v: %q, %v", p, data, err)
		}
		part.Close()
	}
	if got := r.Received(); got != 1000+1000+1+1+500 {
		t.Errorf("received %d", got)
	}
	for _, size := range []int64{999, 1001} { // a manifest that lies
		data, err := io.ReadAll(r.Blob(t.Context(), registry.Blob{Digest: blob.Digest, Size: size}))
		if !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%d: %d bytes, %v", size, len(data), err)
		}
	}
	none := registry.Blob{Digest: digestOf(nil), Size: 5}
	if _, err := io.ReadAll(r.Blob(t.Context(), none)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, _, _, err := r.Manifest(t.Context(), "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := io.ReadAll(r.Blob(ended, blob)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Whoever asks for a digest gets that or an error.
func TestManifestByDigest(t *testing.T) {
	quiet(t)
	var lie atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lie.Load() {
			w.Header().Set("Docker-Content-Digest", digestOf([]byte(manifest)))
			io.WriteString(w, manifest+" ")
			return
		}
		registryOf().ServeHTTP(w, r)
	}))
	defer server.Close()
	r, err := registry.Open(host(server)+"/site/a/mirror", registry.Options{Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := r.Manifest(t.Context(), digestOf([]byte(manifest))); err != nil {
		t.Error(err)
	}
	lie.Store(true)
	if _, _, _, err := r.Manifest(t.Context(), digestOf([]byte(manifest))); !errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}

func TestHugeManifest(t *testing.T) {
	quiet(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	if err := ask(t, host(server)+"/site/a/mirror", registry.Options{}); err == nil || !strings.Contains(err.Error(), "manifest") || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

// withLogin wants a token, which a service of its own gives to whoever has the password.
func withLogin(t *testing.T, user, password string) *httptest.Server {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			must := func(err error) {
				if err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
				}
			}
			must(r.ParseForm())
			name, secret, _ := r.BasicAuth()
			if r.Method == http.MethodPost {
				name, secret = r.Form.Get("username"), r.Form.Get("password")
				if r.Form.Get("grant_type") == "refresh_token" {
					name, secret = user, r.Form.Get("refresh_token")
				}
			}
			if name != user || secret != password || r.Form.Get("scope") != "repository:site/a/mirror:pull" {
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"token":"the-token","access_token":"the-token"}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer the-token" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x",scope="repository:site/a/mirror:pull"`, server.URL))
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		registryOf().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestCredentials(t *testing.T) {
	server := withLogin(t, "me", "secret")
	basic := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		registryOf().ServeHTTP(w, r)
	}))
	defer basic.Close()
	auth := func(key, name, password string) string {
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, key, base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	}
	for _, server := range []*httptest.Server{server, basic} {
		h := host(server)
		for name, test := range map[string]struct {
			file, variable, text string
			want                 string // an error
		}{
			"docker":               {"config.json", "DOCKER_CONFIG", auth(h, "me", "secret"), ""},
			"docker, with scheme":  {"config.json", "DOCKER_CONFIG", auth("https://"+h, "me", "secret"), ""},
			"podman, running":      {"containers/auth.json", "XDG_RUNTIME_DIR", auth(h, "me", "secret"), ""},
			"podman":               {"containers/auth.json", "XDG_CONFIG_HOME", auth(h, "me", "secret"), ""},
			"one name":             {"containers/auth.json", "XDG_RUNTIME_DIR", auth(h+"/site/a/mirror", "me", "secret"), ""},
			"a site":               {"containers/auth.json", "XDG_RUNTIME_DIR", auth(h+"/site/a", "me", "secret"), ""},
			"another site":         {"containers/auth.json", "XDG_RUNTIME_DIR", auth(h+"/other", "me", "secret"), "log in"},
			"another host":         {"config.json", "DOCKER_CONFIG", auth("registry.example.org", "me", "secret"), "log in"},
			"wrong":                {"config.json", "DOCKER_CONFIG", auth(h, "me", "wrong"), "401"},
			"none":                 {"config.json", "DOCKER_CONFIG", `{}`, "log in"},
			"not JSON":             {"config.json", "DOCKER_CONFIG", `{`, "config.json"},
			"a helper that is not": {"config.json", "DOCKER_CONFIG", fmt.Sprintf(`{"credHelpers":{%q:"none-such"}}`, h), "none-such"},
		} {
			t.Run(name, func(t *testing.T) {
				quiet(t)
				dir := t.TempDir()
				file := filepath.Join(dir, test.file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(test.text), 0o600)); err != nil {
					t.Fatal(err)
				}
				t.Setenv(test.variable, dir)
				err := ask(t, h+"/site/a/mirror", registry.Options{})
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Error(err)
				}
				if err != nil && hintOf(err) == "" {
					t.Errorf("no hint: %v", err)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("it tells the password: %v", err)
				}
				// A file that is named excludes all others.
				t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "none"))
				if err := ask(t, h+"/site/a/mirror", registry.Options{}); err == nil {
					t.Error("another file was read")
				}
				t.Setenv("REGISTRY_AUTH_FILE", file)
				if err := ask(t, h+"/site/a/mirror", registry.Options{}); (err == nil) != (test.want == "") {
					t.Error(err)
				}
			})
		}
	}
	quiet(t)
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	token := fmt.Sprintf(`{"auths":{%q:{"auth":"eDo=","identitytoken":"secret"}}}`, host(server))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(t, host(server)+"/site/a/mirror", registry.Options{}); err != nil {
		t.Errorf("identity token: %v", err)
	}
}

// hosts.toml sends to mirrors, in their order, and to the registry at last.
func TestHosts(t *testing.T) {
	quiet(t)
	var asked atomic.Int64
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Query().Get("ns") != "registry.example.org" {
			t.Errorf("a mirror is asked for %s", r.URL)
		}
		registryOf().ServeHTTP(w, r)
	}))
	defer mirror.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 503) }))
	defer broken.Close()
	lacks := httptest.NewServer(http.NotFoundHandler())
	defer lacks.Close()
	secure := httptest.NewTLSServer(registryOf())
	defer secure.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	write := func(file, text string) {
		file = filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	write("none.pem", "nothing")
	hosts := func(servers ...string) string {
		text := "server = \"http://127.0.0.1:1\"\n"
		for _, s := range servers {
			text += fmt.Sprintf("[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", s)
		}
		return text
	}
	write("mirrors/registry.example.org/hosts.toml", hosts(broken.URL, lacks.URL, mirror.URL))
	write("tls/registry.example.org/hosts.toml", hosts(secure.URL))
	write("tls-ca/registry.example.org/hosts.toml", hosts(secure.URL)+"  ca = "+fmt.Sprintf("%q", ca)+"\n")
	write("pull/registry.example.org/hosts.toml", strings.ReplaceAll(hosts(mirror.URL), `, "resolve"`, ""))
	write("bad/registry.example.org/hosts.toml", "[[[")

	for name, test := range map[string]struct {
		o    registry.Options
		want string
	}{
		"mirrors":           {registry.Options{HostsDir: filepath.Join(dir, "mirrors")}, ""},
		"authority":         {registry.Options{HostsDir: filepath.Join(dir, "tls-ca")}, ""},
		"authority's file":  {registry.Options{HostsDir: filepath.Join(dir, "tls"), CAFile: ca}, ""},
		"insecure":          {registry.Options{HostsDir: filepath.Join(dir, "tls"), Insecure: true}, ""},
		"unknown authority": {registry.Options{HostsDir: filepath.Join(dir, "tls")}, "certificate"},
		"only to pull":      {registry.Options{HostsDir: filepath.Join(dir, "pull")}, "127.0.0.1:1"},
		"no folder":         {registry.Options{HostsDir: filepath.Join(dir, "none")}, "no such file"},
		"not TOML":          {registry.Options{HostsDir: filepath.Join(dir, "bad")}, "registry.example.org"},
		"no authority":      {registry.Options{CAFile: filepath.Join(dir, "none.pem")}, "holds no certificate"},
		"no file":           {registry.Options{CAFile: filepath.Join(dir, "none")}, "no such file"},
	} {
		err := ask(t, "registry.example.org/site/a/mirror", test.o)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the mirror was asked %d times", asked.Load())
	}
}

func TestOpenRefusesWhatIsNoName(t *testing.T) {
	if _, err := registry.Open("nothing", registry.Options{}); !errors.Is(err, artifact.ErrUsage) {
		t.Error(err)
	}
}
