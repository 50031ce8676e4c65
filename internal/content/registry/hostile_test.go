package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/registry"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// clean fails if a request leaves the path that it should have.
func clean(t *testing.T, requests []string) {
	t.Helper()
	for _, request := range requests {
		_, address, _ := strings.Cut(request, " ")
		if address, _, _ = strings.Cut(address, "?"); strings.Contains(address, "..") || path.Clean(address) != strings.TrimSuffix(address, "/") && address != "/v2/" {
			t.Errorf("request: %s", request)
		}
	}
}

// What a hostile registry sends is refused, and named.
func TestHostileSource(t *testing.T) {
	quiet(t)
	for name, test := range map[string]struct {
		answer func(r *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool
		want   []string // in the error
	}{
		"a repository with ..": {func(_ *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			return strings.HasSuffix(req.URL.Path, "/_catalog") && send(w, "application/json", `{"repositories":["team1/../../app"]}`)
		}, []string{"team1/../../app", "not a valid name"}},
		"a tag that is a path": {func(_ *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			return strings.HasSuffix(req.URL.Path, "team1/app/tags/list") && send(w, "application/json", `{"name":"team1/app","tags":["../../team2/app/manifests/1.0"]}`)
		}, []string{"team1/app", "not a valid name"}},
		"a manifest of 10 MB": {func(_ *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			return strings.HasSuffix(req.URL.Path, "/team2/app/manifests/1.1") && send(w, v1.MediaTypeImageManifest, strings.Repeat(" ", 10<<20)+"{}")
		}, []string{"team2/app", "1.1", "larger than"}},
		"a referrer that is a tag": {func(_ *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			return strings.Contains(req.URL.Path, "/team1/app/referrers/") && send(w, v1.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[{"digest":"1.0","size":2}]}`)
		}, []string{"team1/app", `digest "1.0"`}},
		"a referrer that is a path": {func(_ *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			return strings.Contains(req.URL.Path, "/team1/app/referrers/") && send(w, v1.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[{"digest":"../../../token","size":2}]}`)
		}, []string{"team1/app", `digest "../../../token"`}},
		"an artifact attached to every artifact": {func(r *imagestest.Registry, w http.ResponseWriter, req *http.Request) bool {
			_, subject, is := strings.Cut(req.URL.Path, "/team1/app/referrers/")
			if !is {
				return false
			}
			d := attach(r, "team1/app", "application/x", v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.Digest(subject), Size: 2})
			return send(w, v1.MediaTypeImageIndex, fmt.Sprintf(`{"schemaVersion":2,"manifests":[%s]}`, described(d)))
		}, []string{"team1/app", "one below the other"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := imagestest.New(t)
			site(r)
			r.Set(imagestest.Options{Before: func(w http.ResponseWriter, req *http.Request) bool { return test.answer(r, w, req) }})
			_, err := all(t, r.Host, registry.Selection{}).Images(t.Context())
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			clean(t, r.Requests())
		})
	}
}

func send(w http.ResponseWriter, mediaType, text string) bool {
	w.Header().Set("Content-Type", mediaType)
	io.WriteString(w, text)
	return true
}

// A manifest whose subject is not a digest is carried as it is, and no request is made of its subject.
func TestWrongSubject(t *testing.T) {
	quiet(t)
	from := imagestest.New(t)
	base := fill(from, "site/a", "1", "layer")
	for i, subject := range []string{"sha256:../../../victim/manifests/latest", "latest", "", "sha256:12"} {
		m := from.Manifest("site/a", v1.MediaTypeImageManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[],"subject":{"mediaType":"x","digest":%q,"size":1}}`,
			v1.MediaTypeImageManifest, described(from.Blob("site/a", v1.MediaTypeEmptyJSON, []byte("{}"))), subject))
		from.Tag("site/a", fmt.Sprintf("alone-%d", i), m)
		from.Tag("site/a", fmt.Sprintf("listed-%d", i), index(from, "site/a", base, m))
	}
	for _, listed := range []bool{true, false} {
		host, c := other(t, listed)
		_, err := carry(t, all(t, from.Host, registry.Selection{}), func(images []content.Image) (content.Sink, error) {
			return registry.NewSink(registry.Target{Host: host}, options, images, nil, t.TempDir())
		})
		if err != nil {
			t.Fatal(err)
		}
		clean(t, c.seen)
		for i := range 4 {
			for _, tag := range []string{fmt.Sprintf("alone-%d", i), fmt.Sprintf("listed-%d", i)} {
				if got := read(t, host, "site/a", tag); !bytes.Equal(got, from.Content("site/a", tag)) {
					t.Errorf("%s: %q", tag, got)
				}
			}
		}
	}
}

// What a registry states about an artifact in its list of referrers does not count: the artifact itself does.
func TestStatedArtifactType(t *testing.T) {
	quiet(t)
	r := imagestest.New(t)
	subject := r.Tag("site/a", "1", fill(r, "site/a", "1", "layer"))
	d := attach(r, "site/a", "application/x", subject)
	r.Set(imagestest.Options{Before: func(w http.ResponseWriter, req *http.Request) bool {
		return strings.HasSuffix(req.URL.Path, "/referrers/"+subject.Digest.String()) &&
			send(w, v1.MediaTypeImageIndex, fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":%q,"size":7,"artifactType":"\u001b]0;title"}]}`, d.Digest))
	}})
	images, err := all(t, r.Host, registry.Selection{}).Images(t.Context())
	if err != nil || len(images) != 2 || images[1].ArtifactType != "application/x" || images[1].Size != d.Size || images[1].MediaType != d.MediaType {
		t.Errorf("%+v, %v", images, err)
	}
}

// A tag that moves while the registry is read leads to the image that it led to when it was read.
func TestMovedTag(t *testing.T) {
	quiet(t)
	from := imagestest.New(t)
	first, second := fill(from, "site/a", "1", "first"), fill(from, "site/a", "1", "second")
	from.Tag("site/a", "latest", first)
	src := all(t, from.Host, registry.Selection{})
	images, err := src.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	from.Tag("site/a", "latest", second)
	graph, err := content.Walk(t.Context(), src, images)
	if err != nil || images[0].Digest != first.Digest {
		t.Fatal(err)
	}
	for _, b := range graph.Blobs {
		body, err := src.Open(t.Context(), images[b.Image], b, 0)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil || b.Check(data) != nil || strings.Contains(string(data), "second") {
			t.Errorf("%s: %q, %v", b.Digest, data, err)
		}
	}
}

// A mirror has the names of other registries in its repositories. They are not taken away.
func TestNamesOfRegistries(t *testing.T) {
	quiet(t)
	from := imagestest.New(t)
	names := []string{"docker.io/library/app", "quay.io/library/app", "localhost/library/app", "library/app"}
	for i, name := range names {
		from.Tag(name, "1", fill(from, name, "1", fmt.Sprint("layer", i)))
	}
	host, _ := other(t, true)
	_, err := carry(t, all(t, from.Host, registry.Selection{}), func(images []content.Image) (content.Sink, error) {
		return registry.NewSink(registry.Target{Host: host, Prefix: "mirror/"}, options, images, nil, t.TempDir())
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if got := read(t, host, "mirror/"+name, "1"); !bytes.Equal(got, from.Content(name, "1")) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// In the names of a layout, they are those of registries.
	_, err = registry.NewSink(registry.Target{Host: host}, options, []content.Image{
		{Name: "docker.io/library/app:1", Descriptor: v1.Descriptor{Digest: digest.FromString("a")}},
		{Name: "quay.io/library/app:1", Descriptor: v1.Descriptor{Digest: digest.FromString("b")}},
	}, nil, t.TempDir())
	if !errors.Is(err, artifact.ErrUsage) || !strings.Contains(err.Error(), "would both be "+host+"/library/app:1") {
		t.Error(err)
	}
}

// read reads a manifest.
func read(t *testing.T, host, repository, reference string) []byte {
	t.Helper()
	resp, err := http.Get("http://" + host + "/v2/" + repository + "/manifests/" + reference)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
