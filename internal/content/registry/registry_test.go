package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/registry"
	remote "github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

var options = remote.Options{Wait: func(context.Context, time.Duration) error { return nil }}

func quiet(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, dir)
	}
}

// fill adds an image with odd bytes in its manifest, and what is attached to it.
func fill(r *imagestest.Registry, repository, tag string, layers ...string) v1.Descriptor {
	config := r.Blob(repository, v1.MediaTypeImageConfig, fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","created":"2026-11-%02dT00:00:00Z","rootfs":{"type":"layers","diff_ids":[]}}`, 1+len(tag)%28))
	text := fmt.Sprintf(" {\n\t\"schemaVersion\":2, \"mediaType\":%q,\"x-unknown\":[1,  2], \"config\":%s, \"layers\":[", v1.MediaTypeImageManifest, described(config))
	for i, data := range layers {
		if i > 0 {
			text += " , "
		}
		text += described(r.Blob(repository, v1.MediaTypeImageLayer, []byte(data)))
	}
	return r.Manifest(repository, v1.MediaTypeImageManifest, []byte(text+"] }\n\n"))
}

func described(d v1.Descriptor) string {
	return fmt.Sprintf(`{"mediaType":%q, "digest":%q,"size":%d,"x-odd":true}`, d.MediaType, d.Digest, d.Size)
}

func index(r *imagestest.Registry, repository string, children ...v1.Descriptor) v1.Descriptor {
	var texts []string
	for _, d := range children {
		texts = append(texts, described(d))
	}
	return r.Manifest(repository, v1.MediaTypeImageIndex, fmt.Appendf(nil, "{\"schemaVersion\":2,\"x\":null,\n\"mediaType\":%q, \"manifests\":[%s]}\n", v1.MediaTypeImageIndex, strings.Join(texts, ",\n  ")))
}

func attach(r *imagestest.Registry, repository, artifactType string, subject v1.Descriptor) v1.Descriptor {
	config := r.Blob(repository, v1.MediaTypeEmptyJSON, []byte("{}"))
	layer := r.Blob(repository, artifactType, []byte(artifactType+subject.Digest.String()))
	return r.Manifest(repository, v1.MediaTypeImageManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":%s,"layers":[%s],"subject":%s, "annotations":{"a":"b"}}`,
		v1.MediaTypeImageManifest, artifactType, described(config), described(layer), described(subject)))
}

// site fills a registry, and returns the names that a dump must have, apart from those of referrers.
func site(r *imagestest.Registry) (names []string) {
	for i := range 4 {
		repository := fmt.Sprintf("team%d/app", i)
		for k := range 3 {
			tag := fmt.Sprintf("1.%d", k)
			r.Tag(repository, tag, fill(r, repository, tag, "base", fmt.Sprint(i, k)))
			names = append(names, repository+":"+tag)
		}
		amd, arm := fill(r, repository, "amd64", "base", "amd"), fill(r, repository, "arm64", "base", "arm")
		inner := index(r, repository, amd, arm)
		outer := index(r, repository, inner, fill(r, repository, "s390x", "s390"))
		r.Tag(repository, "nested", outer)
		sbom := attach(r, repository, "application/sbom", arm)
		attach(r, repository, "application/signature", sbom)
		attach(r, repository, "application/provenance", outer)
		tag := "sha256-" + inner.Digest.Encoded() + ".sig"
		r.Tag(repository, tag, fill(r, repository, "signature", "signed"))
		names = append(names, repository+":nested", repository+":"+tag)
	}
	return names
}

// carry copies, as a bundle does.
func carry(t *testing.T, src content.Source, open func(images []content.Image) (content.Sink, error)) ([]content.Image, error) {
	t.Helper()
	images, err := src.Images(t.Context())
	if err != nil {
		return nil, err
	}
	graph, err := content.Walk(t.Context(), src, images)
	if err != nil {
		return images, err
	}
	sink, err := open(images)
	if err != nil {
		return images, err
	}
	defer sink.Close()
	for _, b := range graph.Blobs {
		im := images[b.Image]
		if has, err := sink.Has(t.Context(), im, b); err != nil {
			return images, err
		} else if has {
			continue
		}
		body, err := src.Open(t.Context(), im, b, 0)
		if err != nil {
			return images, err
		}
		if err := errors.Join(sink.Put(t.Context(), im, b, body), body.Close()); err != nil {
			return images, err
		}
	}
	return images, sink.Finish(t.Context(), images)
}

func all(t *testing.T, host string, s registry.Selection) *registry.Source {
	t.Helper()
	src, err := registry.OpenAll(host, s, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// counted is a registry of another program, which counts what it receives.
type counted struct {
	http.Handler
	mu       sync.Mutex
	requests map[string]int
	seen     []string // "METHOD ADDRESS"
	received int64
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests[r.Method]++
	c.seen = append(c.seen, r.Method+" "+r.RequestURI)
	c.received += max(r.ContentLength, 0)
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func other(t *testing.T, referrers bool) (host string, c *counted) {
	c = &counted{Handler: ggcr.New(ggcr.WithReferrersSupport(referrers), ggcr.Logger(log.New(io.Discard, "", 0))), requests: map[string]int{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), c
}

func TestDumpAndRestore(t *testing.T) {
	quiet(t)
	for _, lists := range []imagestest.Options{{}, {NoReferrers: true}, {PageSize: 2}, {NoDigestHeader: true}} {
		for _, listed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%+v, to one that lists: %v", lists.NoReferrers, listed), func(t *testing.T) {
				from := imagestest.New(t)
				from.Set(lists)
				names := site(from)
				host, c := other(t, listed)
				target := registry.Target{Host: host, Prefix: "mirror/"}
				staging := t.TempDir()
				open := func(images []content.Image) (content.Sink, error) {
					return registry.NewSink(target, options, images, nil, staging)
				}
				images, err := carry(t, all(t, from.Host, registry.Selection{}), open)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, im := range images {
					got = append(got, im.Name)
				}
				for _, name := range names {
					if !slices.Contains(got, name) {
						t.Errorf("%s is missing in %q", name, got)
					}
				}
				h, err := remote.OpenHost(host, options)
				if err != nil {
					t.Fatal(err)
				}
				original, err := remote.OpenHost(from.Host, options)
				if err != nil {
					t.Fatal(err)
				}
				for _, im := range images {
					repository, reference, _ := strings.Cut(strings.Replace(im.Name, "@", ":", 1), ":")
					data, mediaType, _, err := h.Repository("mirror/"+repository).Manifest(t.Context(), reference)
					want, wantType, _, wrong := original.Repository(repository).Manifest(t.Context(), reference)
					if err != nil || wrong != nil || mediaType != wantType || !bytes.Equal(data, want) {
						t.Errorf("%s: %s, %v, %v", im.Name, mediaType, err, wrong)
					}
					if strings.Contains(reference, ":") && im.Subject != "" {
						found, err := h.Repository("mirror/"+repository).Referrers(t.Context(), im.Subject.String())
						if err != nil || !slices.ContainsFunc(found, func(d v1.Descriptor) bool { return d.Digest == im.Digest }) {
							t.Errorf("%s is not attached to %s: %v", im.Name, im.Subject, err)
						}
					}
				}
				attached := 0
				for _, name := range got {
					if strings.Contains(name, "@") {
						attached++
					}
				}
				if !lists.NoReferrers && attached != 4*3 {
					t.Errorf("%d referrers, want 12: %q", attached, got)
				}
				// Again: nothing is sent.
				before, received := c.requests[http.MethodPut], c.received
				if _, err := carry(t, all(t, from.Host, registry.Selection{}), open); err != nil {
					t.Fatal(err)
				}
				if c.requests[http.MethodPut] != before || c.received != received {
					t.Errorf("%d requests, %d bytes are sent again", c.requests[http.MethodPut]-before, c.received-received)
				}
			})
		}
	}
}

func TestSelection(t *testing.T) {
	quiet(t)
	r := imagestest.New(t)
	site(r)
	for i, tag := range []string{"v1.9", "v1.10", "v1.10-rc.1", "latest"} {
		r.Tag("dated", tag, fill(r, "dated", strings.Repeat("x", 10-i), fmt.Sprint("layer", i))) // created in the reverse order
		r.Tag("same", tag, fill(r, "same", "x", fmt.Sprint("layer", i)))
	}
	for name, test := range map[string]struct {
		repositories, tags []string
		newest             int
		want               string
		err                string
	}{
		"a repository":   {[]string{"team1/*"}, []string{"1.*"}, 0, "team1/app:1.0 team1/app:1.1 team1/app:1.2", ""},
		"two":            {[]string{"team1/*", "team2/*"}, []string{"1.0"}, 0, "team1/app:1.0 team2/app:1.0", ""},
		"without one":    {[]string{"team*", "!team[13]/*", "!team0/*"}, []string{"1.?", "!*.2"}, 0, "team2/app:1.0 team2/app:1.1", ""},
		"newest by date": {[]string{"dated"}, nil, 2, "dated:v1.10 dated:v1.9", ""},
		"by version":     {[]string{"same"}, []string{"v*"}, 2, "same:v1.10 same:v1.10-rc.1", ""},
		"with the index": {[]string{"team1/*"}, []string{"nested"}, 0, "team1/app:nested + 1 at tags + 3", ""},
		"none":           {[]string{"none"}, nil, 0, "", "none of its 6 repositories"},
		"no tag":         {nil, []string{"none"}, 0, "", "there are no images"},
	} {
		repositories, err := registry.ParseGlobs(test.repositories)
		if err != nil {
			t.Fatal(err)
		}
		tags, err := registry.ParseGlobs(test.tags)
		if err != nil {
			t.Fatal(err)
		}
		images, err := all(t, r.Host, registry.Selection{Repositories: repositories, Tags: tags, Newest: test.newest}).Images(t.Context())
		var own []string
		atTags, attached := 0, 0
		for _, im := range images {
			switch {
			case strings.Contains(im.Name, "@"):
				attached++
			case im.Subject != "":
				atTags++
			default:
				own = append(own, im.Name)
			}
		}
		got := strings.Join(own, " ")
		if attached+atTags > 0 {
			got += fmt.Sprintf(" + %d at tags + %d", atTags, attached)
		}
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := registry.ParseGlobs([]string{"[a"}); !errors.Is(err, artifact.ErrUsage) {
		t.Error(err)
	}
}

// One image comes with what is attached to it, also from a registry that does not list its tags.
func TestOneImage(t *testing.T) {
	quiet(t)
	r := imagestest.New(t)
	site(r)
	for _, o := range []imagestest.Options{{}, {NoReferrers: true}, {NoCatalog: true, Before: func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}}} {
		r.Set(o)
		src, err := registry.OpenImage(r.Host+"/team1/app", "nested", options)
		if err != nil {
			t.Fatal(err)
		}
		host, _ := other(t, true)
		images, err := carry(t, src, func(images []content.Image) (content.Sink, error) {
			return registry.NewSink(registry.Target{Host: host, Repository: "site/renamed", Reference: "v1"}, options, images, nil, t.TempDir())
		})
		if err != nil || len(images) < 5 || images[0].Name != "team1/app:nested" {
			t.Fatalf("%d images, %v", len(images), err)
		}
		there, err := remote.Open(host+"/site/renamed", options)
		if err != nil {
			t.Fatal(err)
		}
		data, _, sum, err := there.Manifest(t.Context(), "v1")
		if err != nil || !bytes.Equal(data, r.Content("team1/app", "nested")) {
			t.Error(err)
		}
		if found, err := there.Referrers(t.Context(), sum); err != nil || len(found) != 1 {
			t.Errorf("%d referrers, %v", len(found), err)
		}
		src.Close()
	}
}

func TestSHA512(t *testing.T) {
	quiet(t)
	r := imagestest.New(t)
	r.Algorithm = digest.SHA512
	d := fill(r, "site/a", "x", "one", "two")
	r.Tag("site/a", "1", d)
	attach(r, "site/a", "application/x", d)
	src := all(t, r.Host, registry.Selection{})
	images, err := src.Images(t.Context())
	if err != nil || len(images) != 2 || images[0].Digest.Algorithm() != digest.SHA512 {
		t.Fatalf("%+v, %v", images, err)
	}
	graph, err := content.Walk(t.Context(), src, images)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range graph.Blobs {
		for _, offset := range []int64{0, 1, b.Size} {
			body, err := src.Open(t.Context(), images[b.Image], b, offset)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(body)
			if want := r.Content("site/a", b.Digest.String()); err != nil || !bytes.Equal(data, want[offset:]) {
				t.Errorf("%s from %d: %q, %v", b.Digest, offset, data, err)
			}
			body.Close()
		}
	}
}

// A registry that lies or breaks is refused, or asked again, and what is wrong is named.
func TestFaults(t *testing.T) {
	quiet(t)
	var count sync.Map
	first := func(r *http.Request) bool {
		_, again := count.LoadOrStore(r.Method+r.URL.String(), true)
		return !again
	}
	status := func(w http.ResponseWriter, code int) bool {
		w.WriteHeader(code)
		return true
	}
	for name, test := range map[string]struct {
		before func(w http.ResponseWriter, r *http.Request) bool
		want   []string // in the error
	}{
		"each answer is 503 at first": {before: func(w http.ResponseWriter, r *http.Request) bool { return first(r) && status(w, 503) }},
		"each answer is 429 at first": {before: func(w http.ResponseWriter, r *http.Request) bool { return first(r) && status(w, 429) }},
		"two repositories are closed": {func(w http.ResponseWriter, r *http.Request) bool {
			return (strings.Contains(r.URL.Path, "/team1/") || strings.Contains(r.URL.Path, "/team3/")) && status(w, 401)
		}, []string{"/team1/app: ", "/team3/app: ", "401"}},
		"a repository breaks": {func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/team2/app/manifests/1.1") && status(w, 502)
		}, []string{"team2/app", "1.1", "502"}},
		"a tag is not there": {func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/team2/app/manifests/1.1") && status(w, 404)
		}, []string{"team2/app", "1.1", "404"}},
		"referrers are not there": {func(w http.ResponseWriter, r *http.Request) bool {
			none := digest.FromString("minimirror: a manifest that nobody has").String()
			return strings.Contains(r.URL.Path, "/team2/app/referrers/") && !strings.HasSuffix(r.URL.Path, none) && status(w, 404)
		}, []string{"team2/app", "but not to this one"}},
		"web pages": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/1.1") {
				return false
			}
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
			return true
		}, []string{"1.1", "text/html"}},
		"a manifest with a wrong digest": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/team0/app/manifests/1.1") {
				return false
			}
			w.Header().Set("Docker-Content-Digest", digest.FromString("x").String())
			io.WriteString(w, "{}")
			return true
		}, []string{"team0/app", "states the digest"}},
		"a type that is not known": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/team0/app/manifests/1.1") {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
			io.WriteString(w, "{}")
			return true
		}, []string{"team0/app", "manifest.v1+prettyjws", "--tag"}},
		"wrong blobs": {func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/blobs/"+digest.FromString("base").String()) {
				return false
			}
			io.WriteString(w, "bass")
			return true
		}, []string{"mismatch", digest.FromString("base").String()}},
		"blobs that are not there": {func(w http.ResponseWriter, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/blobs/"+digest.FromString("base").String()) && status(w, 404)
		}, []string{digest.FromString("base").String(), "404"}},
	} {
		t.Run(name, func(t *testing.T) {
			count.Clear()
			r := imagestest.New(t)
			site(r)
			r.Set(imagestest.Options{Before: test.before})
			host, _ := other(t, true)
			_, err := carry(t, all(t, r.Host, registry.Selection{}), func(images []content.Image) (content.Sink, error) {
				return registry.NewSink(registry.Target{Host: host}, options, images, nil, t.TempDir())
			})
			if (err == nil) != (test.want == nil) {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if repositories, err := http.Get("http://" + host + "/v2/_catalog"); test.want != nil && err == nil {
				text, _ := io.ReadAll(repositories.Body)
				repositories.Body.Close()
				if strings.Contains(string(text), "team") {
					t.Errorf("something is visible: %s", text)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	named := func(name string, subject string) content.Image {
		im := content.Image{Name: name, Descriptor: v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString(name)}}
		if subject != "" {
			im.Subject = digest.FromString(subject)
		}
		return im
	}
	sig := "sha256-" + digest.FromString("x").Encoded() + ".sig"
	for name, test := range map[string]struct {
		target registry.Target
		images []content.Image
		want   string // an error
	}{
		"prefix":                        {registry.Target{Host: "h", Prefix: "p/"}, []content.Image{named("site/a:1", ""), named("registry.example.org/b:1", ""), named("", "x"), named(sig, "x")}, ""},
		"a layout's":                    {registry.Target{Host: "h"}, []content.Image{named("latest", "")}, "has no name of the form"},
		"unnamed":                       {registry.Target{Host: "h"}, []content.Image{named("", "")}, "has no name of the form"},
		"one":                           {registry.Target{Host: "h", Repository: "a", Reference: "1"}, []content.Image{named("latest", ""), named("", "latest"), named(sig, "latest")}, ""},
		"one of two":                    {registry.Target{Host: "h", Repository: "a", Reference: "1"}, []content.Image{named("a:1", ""), named("a:2", "")}, "is the name of one image"},
		"another digest":                {registry.Target{Host: "h", Repository: "a", Reference: digest.FromString("y").String()}, []content.Image{named("a:1", "")}, "the image has the digest"},
		"not a name":                    {registry.Target{Host: "h", Prefix: "UP/"}, []content.Image{named("a:1", "")}, "not a name in a registry"},
		"a name with ..":                {registry.Target{Host: "h"}, []content.Image{named("../a:1", "")}, "not a name in a registry"},
		"a bad tag":                     {registry.Target{Host: "h"}, []content.Image{named("a:1/../b", "")}, "has no name of the form"},
		"a bad tag of what is attached": {registry.Target{Host: "h", Repository: "a", Reference: "1"}, []content.Image{named("a:1", ""), named("x:../../victim/manifests/latest", "a:1")}, "neither a tag nor a digest"},
		"attached to none":              {registry.Target{Host: "h"}, []content.Image{named("", "x")}, "attached to an image that is not here"},
		"attached, by name":             {registry.Target{Host: "h"}, []content.Image{named("a/b:"+sig, "x"), named("a/b@"+digest.FromString("z").String(), "x")}, ""},
	} {
		s, err := registry.NewSink(test.target, options, test.images, nil, t.TempDir()+"/staging")
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			s.Close()
		}
	}
}
