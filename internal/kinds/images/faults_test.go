package images_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// A lie answers some requests instead of the registry.
type lie func(w http.ResponseWriter, r *http.Request) bool

// about lies to requests whose method and path have the text.
func about(text string, answer http.HandlerFunc) lie {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Method+" "+r.URL.RequestURI(), text) {
			return false
		}
		answer(w, r)
		return true
	}
}

// times lies so often, and then no more.
func times(n int32, l lie) lie {
	var told atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) (answered bool) {
		defer func() {
			broken := recover()
			if answered || broken != nil {
				told.Add(1)
			}
			if broken != nil {
				panic(broken)
			}
		}()
		return told.Load() < n && l(w, r)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		imagestest.Refuse(w, code, "X", "x")
	}
}

func send(mediaType, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		fmt.Fprint(w, text)
	}
}

// cut sends half of what it should.
func cut(text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = w.Write(text[:len(text)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestLies has a registry lie or break while an image is locked. Either the lock is right even so, or the error names the image: it never says
// that the image, or a part of it, is not there.
func TestLies(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	config := []byte(`{"os":"linux","architecture":"amd64","created":"2025-03-01T00:00:00Z"}`)
	child := r.Manifest("acme/app", v1.MediaTypeImageManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`,
		v1.MediaTypeImageManifest, v1.MediaTypeImageConfig, r.Blob("acme/app", v1.MediaTypeImageConfig, config).Digest, len(config)))
	child.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	index := r.Tag("acme/app", "1", r.Index("acme/app", child))
	r.SBOM("acme/app", index)
	r.Tag("acme/app", "2", r.Image("acme/app", imagestest.Image{}))
	r.Tag("acme/db", "1", r.Image("acme/db", imagestest.Image{}))
	page, tag := "text/html; charset=utf-8", "/acme/app/manifests/1"
	html := send(page, "<html><title>Log in</title>")
	text := string(r.Content("acme/app", "1"))
	wrong := digest.FromString("wrong").String()
	schema1 := `{"schemaVersion":1,"name":"acme/app","tag":"1","fsLayers":[],"history":[],"signatures":[]}`
	configURL := "/acme/app/blobs/" + digest.FromBytes(config).String()
	for name, c := range map[string]struct {
		lie  lie
		take string   // instead of acme/app:1
		want []string // in the error, beside the name of the image; nil: none
	}{
		"nothing wrong": {},

		"HTML for a tag":             {lie: about(tag, html), want: []string{`"text/html" instead of a manifest`}},
		"HTML for GET of a tag":      {lie: about("GET /v2"+tag, html)},
		"HTML for a digest":          {lie: about("GET /v2/acme/app/manifests/"+index.Digest.String(), html), want: []string{"but not by its digest", "sha256 mismatch"}},
		"HTML, said to be an index":  {lie: about(tag, send(v1.MediaTypeImageIndex, "<html>")), want: []string{`it is not a manifest: "<html>"`}},
		"HTML for a manifest below":  {lie: about(child.Digest.String(), html), want: []string{"the index lists a manifest for linux/amd64", "mismatch"}},
		"HTML for a configuration":   {lie: about(configURL, html), want: []string{"configuration: ", "mismatch"}},
		"HTML for referrers":         {lie: about("/referrers/", html), want: []string{"what is attached to " + index.Digest.String(), "not JSON"}},
		"HTML for tags":              {lie: about("/tags/list", html), take: `"acme/app:*"`, want: []string{"it is not a list: it begins \"<html>"}},
		"HTML for repositories":      {lie: about("/_catalog", html), take: `"acme/app*:1"`, want: []string{`"acme/app*:1" has a pattern of repositories`, "it is not a list"}},
		"an error as a list of tags": {lie: about("/tags/list", send("application/json", `{"errors":[]}`)), take: `"acme/app:*"`, want: []string{"it is not a list"}},
		"an error as referrers":      {lie: about("/referrers/", send("application/json", `{"errors":[]}`)), want: []string{"what is attached to "}},

		"another digest in all headers": {lie: about(tag, send(v1.MediaTypeImageIndex, text, "Docker-Content-Digest", wrong)), want: []string{"states the digest " + wrong, "sends has " + index.Digest.String()}},
		"another digest at HEAD":        {lie: about("HEAD /v2"+tag, send(v1.MediaTypeImageIndex, "", "Docker-Content-Digest", wrong)), want: []string{"states the digest " + wrong, "sends has " + index.Digest.String()}},
		"another digest by digest":      {lie: about("GET /v2/acme/app/manifests/sha256", send(v1.MediaTypeImageIndex, text, "Docker-Content-Digest", wrong)), want: []string{"states the digest " + wrong + " for the manifest " + index.Digest.String()}},
		"rubbish as a digest":           {lie: about(tag, send(v1.MediaTypeImageIndex, text, "Docker-Content-Digest", "x")), want: []string{"states the digest x"}},
		"another image at a digest":     {lie: about("GET /v2/acme/app/manifests/"+index.Digest.String(), send(v1.MediaTypeImageManifest, string(r.Content("acme/app", "2")))), want: []string{"mismatch"}},
		"a manifest as an index":        {lie: about("/acme/app/manifests/", send(v1.MediaTypeImageManifest, text)), want: []string{`stated to be "` + v1.MediaTypeImageManifest + `", but says itself`}},
		"schema 1":                      {lie: about("/acme/app/manifests/", send("application/vnd.docker.distribution.manifest.v1+prettyjws", schema1)), want: []string{"schema 1", "hint: push the image again"}},
		"schema 1, without its type":    {lie: about("/acme/app/manifests/", send("application/json", schema1)), want: []string{"schema 1"}},
		"a type of its own":             {lie: about("/acme/app/manifests/", send("application/vnd.x", text)), want: []string{`"application/vnd.x"`}},
		"no type at all":                {lie: about("/acme/app/manifests/sha256", send("", text)), want: []string{"mismatch"}}, // of the manifest below
		"much too large":                {lie: about(tag, send(v1.MediaTypeImageIndex, strings.Repeat(" ", 5<<20))), want: []string{"larger than"}},

		"a cut configuration, once":     {lie: times(1, about(configURL, cut(config)))},
		"a cut configuration, always":   {lie: about(configURL, cut(config)), want: []string{"connection closed after"}},
		"a cut manifest, once":          {lie: times(1, about("GET /v2/acme/app/manifests/", cut([]byte(text))))},
		"a cut manifest, always":        {lie: about("GET /v2/acme/app/manifests/", cut([]byte(text))), want: []string{"connection closed after"}},
		"a cut list, once":              {lie: times(1, about("/tags/list", cut([]byte(`{"name":"acme/app","tags":["1"]}`)))), take: `"acme/app:[1]"`},
		"too many requests, for a time": {lie: times(3, about("/v2/", status(429, "Retry-After", "3")))},
		"too many requests for hours":   {lie: about("/v2/", status(429, "Retry-After", "21600", "RateLimit-Limit", "100;w=21600")), want: []string{"429", "100 requests in 6h0m0s", "hint: try again in 6h0m0s, or log in"}},
		"too many requests":             {lie: about("/v2/", status(429, "RateLimit-Remaining", "0;w=3600")), want: []string{"429", "try again within 1h0m0s"}},
		"out of order, for a time":      {lie: times(4, about("/v2/", status(503)))},
		"out of order":                  {lie: about("/v2/", status(500)), want: []string{"500 Internal Server Error"}},

		"401 on one repository":           {lie: about("/acme/app/", status(401)), take: `"acme/db:1", "acme/app:1"`, want: []string{"401", "docker login"}},
		"401 on the tags of one":          {lie: about("/acme/app/tags/", status(401)), take: `"acme/*:*"`, want: []string{"401", "registry.example.org/acme/app: "}},
		"403 on one repository":           {lie: about("/acme/app/", status(403)), take: `"acme/db:1", "acme/app:1"`, want: []string{"403"}},
		"401 on what is attached":         {lie: about("/referrers/", status(401)), want: []string{"what is attached", "401"}},
		"403 on what is attached":         {lie: about("/referrers/", status(403)), want: []string{"what is attached", "403"}},
		"500 on what is attached":         {lie: about("/referrers/", status(500)), want: []string{"what is attached", "500"}},
		"401 on all repositories":         {lie: about("/_catalog", status(401)), take: `"acme/app*:1"`, want: []string{"has a pattern of repositories", "401", "hint: name each repository in take, or "}},
		"403 on a tag of cosign's":        {lie: either(about("/tags/list", status(404)), about(".sig", status(403))), want: []string{"what is attached", ".sig", "403"}},
		"no configuration":                {lie: about(configURL, status(404)), want: []string{"upstream lacks a part of it: configuration: "}},
		"no manifest below":               {lie: about(child.Digest.String(), status(404)), want: []string{"upstream lacks a part of it: the index lists a manifest for linux/amd64"}},
		"no manifest of what is attached": {lie: about("/manifests/"+r.SBOM("acme/app", index).Digest.String(), status(404)), want: []string{"upstream lacks a part of it: what is attached to "}},

		"tags in a circle":                {lie: about("/tags/list", send("application/json", `{"name":"acme/app","tags":["1"]}`, "Link", `</v2/acme/app/tags/list?n=1000>; rel="next"`)), take: `"acme/app:*"`, want: []string{"form a loop"}},
		"tags without an end":             {lie: about("/tags/list", endless(`{"name":"acme/app","tags":["1"]}`)), take: `"acme/app:*"`, want: []string{"form a loop", "nothing new"}},
		"repositories in a circle":        {lie: about("/_catalog", send("application/json", `{"repositories":["acme/app"]}`, "Link", `<?n=1000>; rel=next`)), take: `"acme/app*:1"`, want: []string{"form a loop"}},
		"many referrers":                  {lie: manyReferrers, want: []string{"more than 2000 artifacts are attached"}},
		"a page of referrers is lost":     {lie: either(about("page=2", status(404)), about("/referrers/", send(v1.MediaTypeImageIndex, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`, "Link", `<?page=2>; rel="next"`))), want: []string{"what is attached", "lacks a page of the list"}},
		"404 for what is attached to one": {lie: about("/referrers/"+index.Digest.String(), status(404)), want: []string{"what is attached to " + index.Digest.String(), "lists what is attached to other manifests"}},
		"a list of referrers is lost":     {lie: either(about("/referrers/", status(404)), about("/tags/list", send("application/json", `{"name":"acme/app","tags":["1","sha256-`+index.Digest.Encoded()+`"]}`))), want: []string{"what is attached to " + index.Digest.String(), "404"}},
		"referrers without an end":        {lie: about("/referrers/", endless(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)), want: []string{"form a loop"}},
		"the next page elsewhere":         {lie: about("/tags/list", send("application/json", `{"name":"acme/app","tags":["1"]}`, "Link", `<http://evil.example.org/v2/x>; rel="next"`)), take: `"acme/app:*"`, want: []string{"on another host: http://evil.example.org/v2/x"}},
		"the next page is no address":     {lie: about("/tags/list", send("application/json", `{"name":"acme/app","tags":["1"]}`, "Link", `<http://[/v2/x>; rel="next"`)), take: `"acme/app:*"`, want: []string{"not an address"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.emptyCache()
			os.Remove(filepath.Join(s.dir, "mirror.lock"))
			r.Set(imagestest.Options{Before: c.lie})
			take := c.take
			if take == "" {
				take = `"acme/app:1"`
			}
			l, err := s.lock(entry(r, take), builder.LockOptions{})
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				wantKeys(t, l, "acme/app:1/linux/amd64")
				return
			}
			for _, want := range append(c.want, "mirror.yaml:3: images: registry.example.org") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if !strings.Contains(take, "*") && err != nil && !strings.Contains(err.Error(), "registry.example.org/acme/app:1: ") {
				t.Errorf("%v does not name the image", err)
			}
			if err != nil && (strings.Contains(err.Error(), "does not have") || strings.Contains(err.Error(), "no tag matches")) {
				t.Errorf("%v says that something is absent", err)
			}
		})
	}
}

// manyReferrers lists new ones on each page.
func manyReferrers(w http.ResponseWriter, r *http.Request) bool {
	if !strings.Contains(r.URL.Path, "/referrers/") {
		return false
	}
	page, list := r.URL.Query().Get("page")+"x", []v1.Descriptor{}
	for i := range 900 {
		list = append(list, v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString(page + fmt.Sprint(i)), Size: 1})
	}
	text, err := json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: list})
	if err != nil {
		panic(err)
	}
	send(v1.MediaTypeImageIndex, string(text), "Link", "<?page="+page+`>; rel="next"`)(w, r)
	return true
}

func either(all ...lie) lie {
	return func(w http.ResponseWriter, r *http.Request) bool {
		for _, l := range all {
			if l(w, r) {
				return true
			}
		}
		return false
	}
}

// endless is a list whose next page always has another address.
func endless(text string) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		send("application/json", text, "Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, n.Add(1)))(w, r)
	}
}

// TestMovingTag: a tag that moves during the lock is one of its images, whole; one that never stands still is an error.
func TestMovingTag(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	var indexes []v1.Descriptor
	for i := range 8 {
		indexes = append(indexes, r.MultiImage("app", fmt.Sprintf("old%d", i), "linux/amd64"))
	}
	r.Tag("app", "1", indexes[0])
	move := func(after string, gone bool) lie {
		var mu sync.Mutex
		at := 0
		return func(w http.ResponseWriter, req *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(req.Method+" "+req.URL.Path, after) || at+1 >= len(indexes) {
				return false
			}
			// This request still sees the old image; all others see the next one.
			w.Header().Set("Docker-Content-Digest", indexes[at].Digest.String())
			w.Header().Set("Content-Type", indexes[at].MediaType)
			w.Header().Set("Content-Length", fmt.Sprint(indexes[at].Size))
			if req.Method != http.MethodHead {
				_, _ = w.Write(r.Content("app", indexes[at].Digest.String()))
			}
			if at++; gone {
				r.Remove("app", indexes[at-1].Digest.String())
			}
			r.Tag("app", "1", indexes[at])
			return true
		}
	}
	r.Set(imagestest.Options{Before: move("HEAD /v2/app/manifests/1", false)})
	i := item(t, s.must(entry(r, `"app:1"`), builder.LockOptions{}), "app:1/linux/amd64")
	if i.Attributes.Get("digest") != indexes[0].Digest.String() || i.Files[0].Path != "manifests/sha256/"+indexes[0].Digest.Encoded() {
		t.Errorf("%+v", i)
	}
	// The old image is gone as soon as the tag has moved.
	s.emptyCache()
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	r.Set(imagestest.Options{Before: times(1, move("HEAD /v2/app/manifests/1", true))})
	i = item(t, s.must(entry(r, `"app:1"`), builder.LockOptions{}), "app:1/linux/amd64")
	if i.Attributes.Get("digest") == indexes[0].Digest.String() || i.Files[0].Path != "manifests/sha256/"+strings.TrimPrefix(i.Attributes.Get("digest"), "sha256:") {
		t.Errorf("%+v", i)
	}
	s.emptyCache()
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	r.Set(imagestest.Options{NoDigestHeader: true, Before: move("HEAD /v2/app/manifests/1", true)})
	if _, err := s.lock(entry(r, `"app:1"`), builder.LockOptions{}); err == nil || errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "registry.example.org/app:1: the tag leads to another digest each time") {
		t.Errorf("a tag that moves at each request: %v", err)
	}
}
