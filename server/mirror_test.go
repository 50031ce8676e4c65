package server_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

// plainKind serves the files of imagetest's one source as they are.
type plainKind struct{ artifact.Kind }

func (plainKind) Name() string { return imagetest.Kind }

func (plainKind) Mount(site artifact.Site) (routes []artifact.Route) {
	for _, s := range site.Mirror().Sources {
		routes = append(routes, artifact.Route{Path: "/" + s.Name + "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".deb") {
				w.Header().Set("Content-Type", "application/vnd.debian.binary-package")
			}
			site.ServeFile(w, r, strings.TrimPrefix(r.URL.Path, "/"))
		})})
	}
	return routes
}

func (plainKind) Usage(m artifact.Mirror, base string) string {
	return "curl " + base + "/files/<name>"
}

func (plainKind) Client(artifact.Mirror, string, bool) artifact.Client { return artifact.Client{} }

func (plainKind) Identify(path string) *artifact.Item {
	if name, found := strings.CutPrefix(path, "/files/pool/"); found {
		return &artifact.Item{Name: name}
	}
	return nil
}

func (plainKind) Properties() []string { return []string{"folder"} }

func (plainKind) PropertiesOf(a *artifact.Item) [][]string {
	return [][]string{{strings.Split(a.Files[0].Path, "/")[0]}}
}

func (plainKind) ParseVersions(condition string) (func(string) bool, error) {
	return func(version string) bool { return version == condition }, nil
}

func (plainKind) Describe(a *artifact.Item) artifact.Description {
	return artifact.Description{Summary: "the file <" + a.Name + ">", Text: "One.\n\nTwo."}
}

func (plainKind) Needs(*artifact.Item) []string { return []string{"pool/big.deb"} }

// Filter lists what is left in dists/x/Packages, and signs the list.
func (plainKind) Filter(_ context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	list := ""
	for _, path := range slices.Sorted(maps.Keys(spec.Artifacts)) {
		if !req.Absent("files/" + path) {
			list += path + "\n"
		}
	}
	signed, err := req.Signer.ClearSign([]byte(list))
	return []artifact.Generated{
		{Path: "files/dists/x/Packages", Data: signed, Modified: req.Date},
		{Path: "files/dists/x/half", Modified: req.Date, Pieces: &artifact.Pieces{
			Path: "files/pool/big.deb", Parts: []artifact.Range{{Offset: 1, Size: 3}, {Offset: 15, Size: 2}, {Offset: 0, Size: 1}}, Size: 6, SHA256: sum("123f00")}},
	}, err
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// A plainSigner signs nothing.
type plainSigner struct {
	artifact.Signer
	date time.Time
}

func (s plainSigner) ClearSign(text []byte) ([]byte, error) {
	return append(text, s.date.Format(time.RFC3339)...), nil
}

func (plainSigner) PublicKey() []byte { return []byte("a public key") }

var (
	big  = strings.Repeat("0123456789abcdef", 6000) // 96,000 bytes
	spec = imagetest.Spec{
		Artifacts: map[string]string{
			"pool/a_1.0.deb":           "the letter a",
			"pool/b+b_1%3a1~rc+1.deb":  "plus and tilde",
			"pool/big.deb":             big,
			"pool/empty.deb":           "",
			"pool/with space/ü.tar.xz": "spaces",
		},
		Generated: map[string]string{
			"files/dists/x/Packages":    "Package: a\n",
			"files/dists/x/Packages.gz": "\x1f\x8b not really",
			"files/dists/x/by-hash/SHA256/b3413bf9b0fd0a44cd0d0f4c1b7c5a5fd7e3cf3f8f9f6e2a05a8b5b0b4d9f8a1": "not named by its digest",
		},
		Sets: map[string][]string{"one": {"pool/a_1.0.deb"}},
	}
)

// openForms opens the same mirror from every kind of place.
func openForms(t testing.TB) map[string]*image.Image {
	t.Helper()
	dir, m := t.TempDir(), imagetest.New(t, spec)
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	imagetest.WriteTar(t, filepath.Join(dir, "oci.tar"), m.Layout(t))
	imagetest.WriteTar(t, filepath.Join(dir, "docker.tar"), m.Docker(t))
	m.WriteRoot(t, filepath.Join(dir, "root"))
	images := map[string]*image.Image{}
	for _, ref := range []image.Reference{
		{Transport: image.OCI, Path: filepath.Join(dir, "oci")},
		{Transport: image.OCIArchive, Path: filepath.Join(dir, "oci.tar")},
		{Transport: image.DockerArchive, Path: filepath.Join(dir, "docker.tar")},
	} {
		img, err := image.Open(ref)
		must(t, err)
		t.Cleanup(func() { img.Close() })
		images[ref.Transport] = img
	}
	img, err := image.OpenRoot(filepath.Join(dir, "root"))
	must(t, err)
	t.Cleanup(func() { img.Close() })
	images["root"] = img
	return images
}

func newServer(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	if o.Image == nil {
		o.Image = openForms(t)[image.OCI]
	}
	if o.Kinds == nil {
		o.Kinds = []artifact.Kind{plainKind{}}
	}
	s, err := server.New(o)
	must(t, err)
	return s
}

// ask sends one request through the handler. A header is given as "Name: value".
func ask(t testing.TB, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	must(t, err)
	return string(data)
}

// start runs a server on a loopback port; stop ends it and waits.
func start(t testing.TB, o server.Options) (address string, stop func()) {
	t.Helper()
	return run(t, newServer(t, o))
}

func run(t testing.TB, s *server.Server) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dialServer(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}
