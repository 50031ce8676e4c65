package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// These tests ask what the kinds that are to come will ask for their locks, in the words of their protocols.

// A fake is an upstream that remembers what it was asked.
type fake struct {
	*testing.T
	http.ServeMux
	url string

	mu    sync.Mutex
	asked []string // "METHOD PATH STATUS"
}

func newFake(t *testing.T) *fake {
	f := &fake{T: t}
	f.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer := &statusWriter{w, 200}
		f.ServeMux.ServeHTTP(answer, r)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, answer.status))
	})
	return f
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// ask asks, and checks what the fake was asked.
func (f *fake) ask(c *Client, r artifact.Request, wantAsked ...string) (*artifact.Answer, string) {
	f.Helper()
	answer, err := c.Ask(context.Background(), r)
	if err != nil {
		f.Fatal(r.URLs, err)
	}
	text := ""
	if answer.Body != nil {
		data, err := io.ReadAll(answer.Body)
		if err != nil || int64(len(data)) != answer.Size {
			f.Fatalf("%s: %d bytes of %d: %v", r.URLs, len(data), answer.Size, err)
		}
		text = string(data)
		if digest := fmt.Sprintf("%x", sha256.Sum256(data)); answer.SHA256 != digest {
			f.Errorf("%s: SHA-256 %s, want %s", r.URLs, answer.SHA256, digest)
		}
		if err := answer.Close(); err != nil {
			f.Error(err)
		}
	}
	f.was(wantAsked...)
	return answer, text
}

func (f *fake) was(wantAsked ...string) {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.asked, wantAsked) {
		f.Errorf("upstream was asked %q, want %q", f.asked, wantAsked)
	}
	f.asked = nil
}

// TestImages asks a registry: OCI distribution specification 1.1, with the token protocol of Docker's registry.
func TestImages(t *testing.T) {
	const index = "application/vnd.oci.image.index.v1+json"
	up, cdn := newFake(t), newFake(t)
	manifest := `{"schemaVersion":2,"mediaType":"` + index + `","manifests":[]}`
	digest := func(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }
	long := fmt.Sprintf("sha512:%x", sha512.Sum512([]byte(manifest)))
	up.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("scope") != "repository:library/app:pull" {
			t.Error(r.URL)
		}
		fmt.Fprint(w, `{"token":"anonymous"}`)
	})
	repository := func(path string, h http.HandlerFunc) {
		up.HandleFunc("/v2/library/app/"+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer anonymous" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+up.url+`/token",service="registry",scope="repository:library/app:pull"`)
				w.WriteHeader(401)
				return
			}
			h(w, r)
		})
	}
	repository("manifests/{reference}", func(w http.ResponseWriter, r *http.Request) {
		if reference := r.PathValue("reference"); !slices.Contains([]string{"1.27", digest(manifest), long}, reference) || !strings.Contains(r.Header.Get("Accept"), index) {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("Content-Type", index)
		w.Header().Set("Docker-Content-Digest", digest(manifest))
		w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
		if r.Method == http.MethodGet {
			io.WriteString(w, manifest)
		}
	})
	repository("blobs/{digest}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cdn.url+"/blob", http.StatusTemporaryRedirect)
	})
	cdn.HandleFunc("/blob", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went to another host")
		}
		io.WriteString(w, "{}")
	})
	repository("tags/list", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/library/app/tags/list?last=1.27>; rel="next"`)
			fmt.Fprint(w, `{"tags":["1.26","1.27"]}`)
			return
		}
		fmt.Fprint(w, `{"tags":["1.28"]}`)
	})

	c := client(t)
	at := func(path string) []string { return []string{up.url + "/v2/library/app/" + path} }
	accept := http.Header{"Accept": {index + ", application/vnd.oci.image.manifest.v1+json"}}
	unlocked := "/v2/library/app/manifests/"

	// The first request is refused, the token is fetched once, and serves for all that follows.
	a, _ := up.ask(c, artifact.Request{URLs: at("manifests/1.27"), Header: accept, Head: true},
		"HEAD "+unlocked+"1.27 401", "GET /token 200", "HEAD "+unlocked+"1.27 200")
	if a.Header.Get("Docker-Content-Digest") != digest(manifest) || a.Header.Get("Content-Type") != index || a.Size != int64(len(manifest)) || a.URL != at("manifests/1.27")[0] {
		t.Errorf("HEAD: %+v", a)
	}

	// By digest, from the cache the second time.
	byDigest := artifact.Request{URLs: at("manifests/" + digest(manifest)), Header: accept, Limit: 4 << 20,
		Want: artifact.Content{Size: a.Size, SHA256: strings.TrimPrefix(digest(manifest), "sha256:")}}
	if a, text := up.ask(c, byDigest, "GET "+unlocked+digest(manifest)+" 200"); text != manifest || a.Header.Get("Content-Type") != index {
		t.Errorf("by digest: %q, %v", text, a.Header)
	}
	if a, text := up.ask(c, byDigest); text != manifest || a.Header != nil || a.URL != "" {
		t.Errorf("from the cache: %q, %+v", text, a)
	}
	if _, text := up.ask(c, artifact.Request{URLs: at("manifests/" + long), Header: accept, Want: artifact.Content{Size: -1, SHA512: strings.TrimPrefix(long, "sha512:")}},
		"GET "+unlocked+long+" 200"); text != manifest {
		t.Errorf("by SHA-512: %q", text)
	}

	// A registry without HEAD: the digest is known afterwards, and the manifest is in the cache for build.
	c = client(t)
	a, _ = up.ask(c, artifact.Request{URLs: at("manifests/1.27"), Header: accept, Keep: true},
		"GET "+unlocked+"1.27 401", "GET /token 200", "GET "+unlocked+"1.27 200")
	if "sha256:"+a.SHA256 != a.Header.Get("Docker-Content-Digest") || !c.Cache.Has(a.Content) {
		t.Errorf("by tag: %+v", a)
	}

	// A blob is elsewhere.
	blob := artifact.Content{Size: 2, SHA256: strings.TrimPrefix(digest("{}"), "sha256:")}
	up.ask(c, artifact.Request{URLs: at("blobs/" + digest("{}")), Want: blob}, "GET /v2/library/app/blobs/"+digest("{}")+" 307")
	cdn.was("GET /blob 200")

	// Tags come in pages.
	var tags []string
	for next := at("tags/list")[0]; next != ""; {
		data, a, err := artifact.Get(context.Background(), c, artifact.Request{URLs: []string{next}, Limit: 4 << 20})
		var page struct{ Tags []string }
		if err = errors.Join(err, json.Unmarshal(data, &page)); err != nil {
			t.Fatal(err)
		}
		tags = append(tags, page.Tags...)
		link, _, more := strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
		if next = ""; more {
			base, _ := url.Parse(a.URL)
			followed, err := base.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			next = followed.String()
		}
	}
	if !slices.Equal(tags, []string{"1.26", "1.27", "1.28"}) {
		t.Error("tags", tags)
	}
	if _, err := c.Ask(context.Background(), artifact.Request{URLs: at("referrers/" + digest(manifest))}); !errors.Is(err, fs.ErrNotExist) {
		t.Error("no referrers:", err)
	}
}

// TestPyPI asks an index: the simple API, PEP 503, 691, 658 and 714.
func TestPyPI(t *testing.T) {
	const asJSON = "application/vnd.pypi.simple.v1+json"
	up := newFake(t)
	metadata := "Metadata-Version: 2.1\nName: yank\n"
	page := `{"name":"yank","files":[]}`
	up.HandleFunc("/simple/yank/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		text := page
		if w.Header().Set("Content-Type", asJSON); r.Header.Get("Accept") != asJSON {
			w.Header().Set("Content-Type", "text/html")
			text = "<a>" + page
		}
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(text)))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, text)
	})
	up.HandleFunc("/files/yank.whl.metadata", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, metadata) })

	c := client(t)
	project := artifact.Request{URLs: []string{up.url + "/simple/yank/"}, Header: http.Header{"Accept": {asJSON}}}
	first, text := up.ask(c, project, "GET /simple/yank/ 200")
	if text != page || first.Header.Get("Content-Type") != asJSON || first.Header.Get("ETag") == "" {
		t.Errorf("%q, %v", text, first.Header)
	}
	if again, text := up.ask(c, project, "GET /simple/yank/ 304"); text != page || again.Content != first.Content || again.URL != first.URL ||
		again.Header.Get("Content-Type") != asJSON || again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("Content-Length") != first.Header.Get("Content-Length") {
		t.Errorf("unchanged: %q, %v", text, again.Header)
	}
	// Another representation is another page.
	html := artifact.Request{URLs: project.URLs}
	if a, text := up.ask(c, html, "GET /simple/yank/ 200"); text != "<a>"+page || a.Header.Get("Content-Type") != "text/html" {
		t.Errorf("HTML: %q", text)
	}
	page = `{"name":"yank","files":[{"core-metadata":{"sha256":"…"}}]}`
	if a, text := up.ask(c, project, "GET /simple/yank/ 200"); text != page || a.Header.Get("ETag") == first.Header.Get("ETag") {
		t.Errorf("changed: %q", text)
	}
	up.ask(c, project, "GET /simple/yank/ 304")

	// The metadata of a wheel has a digest, and no size.
	want := artifact.Content{Size: -1, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(metadata)))}
	if _, text := up.ask(c, artifact.Request{URLs: []string{up.url + "/files/yank.whl.metadata"}, Want: want, Limit: 1 << 20}, "GET /files/yank.whl.metadata 200"); text != metadata {
		t.Errorf("%q", text)
	}
	want.SHA256 = strings.Repeat("0", 64)
	if _, err := c.Ask(context.Background(), artifact.Request{URLs: []string{up.url + "/files/yank.whl.metadata"}, Want: want}); !errors.Is(err, artifact.ErrVerify) {
		t.Error("other metadata:", err)
	}
}

// TestGalaxy asks an Ansible Galaxy server, version 3 of its API.
func TestGalaxy(t *testing.T) {
	up := newFake(t)
	busy := true
	api := func(path, answer string) {
		up.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Authorization") != "Token secret":
				w.WriteHeader(401)
			case busy:
				busy = false
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(429)
			default:
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, answer)
			}
		})
	}
	tarball := "a collection"
	const root = "/api/v3/collections/site/base/versions/"
	api("/api/", `{"available_versions":{"v3":"v3/"}}`)
	api(root, `{"data":[{"version":"1.1.0"}],"links":{"next":"/api/v3/more"}}`)
	api("/api/v3/more", `{"data":[{"version":"1.0.0"}],"links":{"next":null}}`)
	api(root+"1.1.0/", fmt.Sprintf(`{"version":"1.1.0","download_url":"%s/c.tar.gz","artifact":{"sha256":"%x"}}`, up.url, sha256.Sum256([]byte(tarball))))
	api("/c.tar.gz", tarball)

	c := client(t)
	token := http.Header{"Authorization": {"Token secret"}}
	get := func(path string, into any) {
		t.Helper()
		a, err := c.Ask(context.Background(), artifact.Request{URLs: []string{up.url + path}, Header: token, Limit: 1 << 20})
		if err == nil {
			err = errors.Join(json.NewDecoder(a.Body).Decode(into), a.Close()) // not in memory
		}
		if err != nil {
			t.Fatal(path, err)
		}
	}
	var about map[string]map[string]string
	get("/api/", &about)
	up.was("GET /api/ 429", "GET /api/ 200")
	var versions []string
	for next := root; next != ""; {
		var page struct {
			Data  []struct{ Version string }
			Links struct{ Next string }
		}
		get(next, &page)
		for _, v := range page.Data {
			versions = append(versions, v.Version)
		}
		next = page.Links.Next
	}
	if !slices.Equal(versions, []string{"1.1.0", "1.0.0"}) {
		t.Error(versions)
	}
	var version struct {
		URL      string `json:"download_url"`
		Artifact struct{ SHA256 string }
	}
	get(root+"1.1.0/", &version)
	up.was("GET "+root+" 200", "GET /api/v3/more 200", "GET "+root+"1.1.0/ 200")
	a, _ := up.ask(c, artifact.Request{URLs: []string{version.URL}, Header: token, Want: artifact.Content{Size: -1, SHA256: version.Artifact.SHA256}}, "GET /c.tar.gz 200")
	if a.Size != int64(len(tarball)) {
		t.Error(a.Size)
	}

	_, err := c.Ask(context.Background(), artifact.Request{URLs: []string{up.url + "/api/"}})
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "hint:") {
		t.Error("without a token:", err)
	}
}
