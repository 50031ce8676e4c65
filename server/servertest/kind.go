package servertest

import (
	"context"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A Kind serves the files of imagetest's one source as they are.
type Kind struct{ artifact.Kind }

func (Kind) Name() string { return imagetest.Kind }

func (Kind) Mount(site artifact.Site) (routes []artifact.Route) {
	for _, s := range site.Mirror().Sources {
		routes = append(routes, artifact.Route{Path: "/" + s.Name + "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".bin") {
				w.Header().Set("Content-Type", "application/x-plain")
			}
			site.ServeFile(w, r, strings.TrimPrefix(r.URL.Path, "/"))
		})})
	}
	return routes
}

func (Kind) Usage(m artifact.Mirror, base string) string {
	return "curl " + base + "/files/<name>"
}

func (Kind) Clients(artifact.Mirror, artifact.ClientOptions) []artifact.Client { return nil }

func (Kind) Identify(path, _ string) *artifact.Item {
	if name, found := strings.CutPrefix(path, "/files/pool/"); found {
		return &artifact.Item{Name: name}
	}
	return nil
}

// Channels are x, whose news is its index, and y, which nobody has read.
func (Kind) Channels(sources []artifact.Source) (all []artifact.Channel) {
	for _, s := range sources {
		for _, name := range []string{"x", "y"} {
			all = append(all, artifact.Channel{Kind: imagetest.Kind, Source: s.Name, Name: name, Paths: []string{"/" + s.Name + "/dists/" + name + "/Index"}})
		}
	}
	return all
}

func (Kind) Properties() []string { return []string{"folder"} }

func (Kind) PropertiesOf(a *artifact.Item) [][]string {
	return [][]string{{strings.Split(a.Files[0].Path, "/")[0]}}
}

func (Kind) ParseVersions(condition string) (func(string) bool, error) {
	return func(version string) bool { return version == condition }, nil
}

func (Kind) Describe(a *artifact.Item) artifact.Description {
	return artifact.Description{Summary: "the file <" + a.Name + ">", Text: "One.\n\nTwo."}
}

func (Kind) Needs(*artifact.Item) []string { return []string{"pool/big.bin"} }

// Filter lists what is left in dists/x/Index, and signs the list.
func (Kind) Filter(_ context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	list := ""
	for _, path := range slices.Sorted(maps.Keys(Spec.Artifacts)) {
		if !req.Absent("files/" + path) {
			list += path + "\n"
		}
	}
	signed, err := req.Signer.ClearSign([]byte(list))
	return []artifact.Generated{
		{Path: "files/dists/x/Index", Data: signed, Modified: req.Date},
		{Path: "files/dists/x/half", Modified: req.Date, Pieces: &artifact.Pieces{
			Path: "files/pool/big.bin", Parts: []artifact.Range{{Offset: 1, Size: 3}, {Offset: 15, Size: 2}, {Offset: 0, Size: 1}}, Size: 6, SHA256: Sum("123f00")}},
	}, err
}

// A Signer signs nothing.
type Signer struct {
	artifact.Signer
	Date time.Time
}

func (s Signer) ClearSign(text []byte) ([]byte, error) {
	return append(text, s.Date.Format(time.RFC3339)...), nil
}

func (Signer) PublicKey() []byte { return []byte("a public key") }

// Spec is the image that New serves. One of its files is Big.
var (
	Big  = strings.Repeat("0123456789abcdef", 6000) // 96,000 bytes
	Spec = imagetest.Spec{
		Artifacts: map[string]string{
			"pool/a_1.0.bin":           "the letter a",
			"pool/b+b_1%3a1~rc+1.bin":  "plus and tilde",
			"pool/big.bin":             Big,
			"pool/empty.bin":           "",
			"pool/with space/ü.tar.xz": "spaces",
		},
		Generated: map[string]string{
			"files/dists/x/Index":    "Package: a\n",
			"files/dists/x/Index.gz": "\x1f\x8b not really",
			"files/dists/x/by-hash/SHA256/b3413bf9b0fd0a44cd0d0f4c1b7c5a5fd7e3cf3f8f9f6e2a05a8b5b0b4d9f8a1": "not named by its digest",
		},
		Sets: map[string][]string{"one": {"pool/a_1.0.bin"}},
	}
)

// Open opens an image of Spec from every kind of place: by the transport of its reference, and "root".
func Open(t testing.TB) map[string]*image.Image {
	t.Helper()
	dir, m := t.TempDir(), imagetest.New(t, Spec)
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
		Must(t, err)
		t.Cleanup(func() { img.Close() })
		images[ref.Transport] = img
	}
	img, err := image.OpenRoot(filepath.Join(dir, "root"))
	Must(t, err)
	t.Cleanup(func() { img.Close() })
	images["root"] = img
	images[image.Docker] = Remote(t, imagetest.NewRegistry(t, m.Layout(t), nil), filepath.Join(dir, "cache"), 1<<20)
	return images
}

// Remote opens the image of a registry in place, with a cache of so many bytes.
func Remote(t testing.TB, r *imagetest.Registry, dir string, size int64) *image.Image {
	t.Helper()
	cache, err := filecache.Open(filecache.Options{Dir: dir, Size: size})
	Must(t, err)
	t.Cleanup(func() { cache.Close() })
	img, err := image.OpenRemote(t.Context(), r.Reference(), image.RemoteOptions{
		Registry: registry.Options{Wait: func(context.Context, time.Duration) error { return nil }}, Cache: cache})
	Must(t, err)
	t.Cleanup(func() { img.Close() })
	return img
}

// Signers makes a Signer of a date, for server.Options.
func Signers(date time.Time) (artifact.Signer, error) { return Signer{Date: date}, nil }
