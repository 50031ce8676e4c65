package buildkit

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A testRegistry is a registry in this process.
type testRegistry struct {
	host    string
	handler atomic.Pointer[http.Handler]
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	r.clear()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// clear empties the registry.
func (r *testRegistry) clear() {
	handler := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	r.handler.Store(&handler)
}

func (r *testRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	(*r.handler.Load()).ServeHTTP(w, request)
}

func TestPush(t *testing.T) {
	r := newRegistry(t)
	secure := httptest.NewTLSServer(r) // on localhost, no certificate is asked for
	defer secure.Close()
	// crypto/tls keeps a parsed certificate for all connections. The race detector does not see how it hands the certificate
	// over from one first handshake to another at the same time; so one comes before all others, and keeps it.
	first, err := secure.Client().Get(secure.URL + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	first.Body.Close()
	defer runtime.KeepAlive(first)
	for _, host := range []string{r.host, strings.Replace(r.host, "127.0.0.1", "localhost", 1), secure.Listener.Addr().String()} {
		r.clear()
		o, _ := options(t, "docker://"+host+"/site/tiny:1")
		for range 2 {
			if sum := bakeTo(t, o); sum != goldenDigest {
				t.Errorf("%s: digest %s, want %s", host, sum, goldenDigest)
			}
		}
		checkPushed(t, host+"/site/tiny:1")
	}
}

func checkPushed(t *testing.T, text string) {
	t.Helper()
	ref, err := name.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	img, err := remote.Image(ref, remote.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := img.Digest(); err != nil || sum.String() != string(goldenDigest) {
		t.Errorf("%s: digest %s, %v, want %s", text, sum, err, goldenDigest)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%s: %d layers, %v", text, len(layers), err)
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil { // verifies
			t.Errorf("%s: %v", text, err)
		}
		r.Close()
	}
}

// TestPushLogsIn pushes to a registry that wants a password, with and without one
// in the Docker configuration.
func TestPushLogsIn(t *testing.T) {
	r := newRegistry(t)
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if user, password, _ := request.BasicAuth(); user != "joe" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.ServeHTTP(w, request)
	}))
	defer guarded.Close()
	host := guarded.Listener.Addr().String()
	o, _ := options(t, "docker://"+host+"/site/tiny:1")

	_, err := Bake(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "401 Unauthorized") || !strings.Contains(err.Error(), "docker login "+host) {
		t.Errorf("without a password: %v", err)
	}
	dir := os.Getenv("DOCKER_CONFIG") // as TestMain set it
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths":{%q:{"auth":"am9lOnNlY3JldA=="}}}`, host), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s", sum)
	}
	// What podman login keeps counts, too, and for one repository before the host.
	podman := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "containers/auth.json")
	if err := os.MkdirAll(filepath.Dir(podman), 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(podman))
	for _, auths := range []string{`{"auths":{%[1]q:{"auth":"am9lOnNlY3JldA=="}}}`, `{"auths":{"%[1]s/site":{"auth":"am9lOnNlY3JldA=="},%[1]q:{"auth":"am9lOndyb25n"}}}`} {
		if err := errors.Join(os.WriteFile(podman, fmt.Appendf(nil, auths, host), 0o600), os.WriteFile(file, fmt.Appendf(nil, `{"auths":{%q:{"auth":"am9lOndyb25n"}}}`, host), 0o600)); err != nil {
			t.Fatal(err)
		}
		r.clear()
		if sum := bakeTo(t, o); sum != goldenDigest {
			t.Errorf("digest %s", sum)
		}
	}
	if err := os.Remove(podman); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("the Docker configuration has now %q", got)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Bake(t.Context(), o); err == nil || !strings.Contains(err.Error(), "REGISTRY_AUTH_FILE") {
		t.Errorf("with a broken configuration: %v", err)
	}
}

// TestPushByHosts pushes to a registry that a hosts.toml leads to, over TLS with an authority of its own.
func TestPushByHosts(t *testing.T) {
	r := newRegistry(t)
	secure := httptest.NewTLSServer(r)
	defer secure.Close()
	dir := t.TempDir()
	write := func(file, text string) string {
		file = filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ca := write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	write("hosts/registry.example.org/hosts.toml", fmt.Sprintf("server = %q\n[host.\"http://127.0.0.1:1\"]\n  capabilities = [\"pull\"]\n", secure.URL))
	write("hosts/other.example.org/hosts.toml", fmt.Sprintf("server = %q\n", secure.URL))
	o, _ := options(t, "docker://registry.example.org/site/tiny:1")
	o.Registry = registry.Options{HostsDir: filepath.Join(dir, "hosts"), CAFile: ca}
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s", sum)
	}
	checkPushed(t, secure.Listener.Addr().String()+"/site/tiny:1")

	o, _ = options(t, "docker://other.example.org/site/tiny:1") // BuildKit remembers the connections of the other
	o.Registry = registry.Options{HostsDir: filepath.Join(dir, "hosts")}
	if _, err := Bake(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--registry-ca FILE") {
		t.Errorf("an unknown authority: %v", err)
	}
	o.Registry.CAFile = filepath.Join(dir, "none")
	if _, err := Bake(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file of authorities: %v", err)
	}
	o.Addr = "unix:///nonexistent"
	if _, err := Bake(t.Context(), o); !errors.Is(err, artifact.ErrUsage) {
		t.Errorf("settings for a daemon: %v", err)
	}
}

// TestStateIsSmall measures what the embedded BuildKit keeps while it pushes
// layers: it must not copy them.
func TestStateIsSmall(t *testing.T) {
	r := newRegistry(t)
	o, dir := options(t, "docker://"+r.host+"/site/tiny:1")
	for i := range 20 {
		var names []string
		for k := range 5 {
			names = append(names, fmt.Sprintf("mirror/%050d.deb", 5*i+k))
		}
		o.Layers = append(o.Layers, layer(t, dir, names...))
	}
	var most, image int64
	o.Progress = func(_, total int64) {
		most, image = max(most, size(t, o.StateDir)), total/2
	}
	bakeTo(t, o)
	if most == 0 || most > 1<<20 {
		t.Errorf("%d bytes of state for an image of %d", most, image)
	}
}

// size is what the files below dir occupy.
func size(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
