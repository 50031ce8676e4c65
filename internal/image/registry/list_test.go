package registry_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

func TestLists(t *testing.T) {
	quiet(t)
	server := imagestest.New(t)
	var repositories, tags []string
	d := server.Manifest("site/a0", "application/vnd.oci.image.manifest.v1+json", []byte(manifest))
	for i := range 25 {
		tags = append(tags, fmt.Sprintf("v%02d", i))
		server.Tag("site/a0", tags[i], d)
		repositories = append(repositories, fmt.Sprintf("site/a%d", i))
		server.Blob(repositories[i], "text/plain", []byte("x"))
	}
	slices.Sort(repositories)
	next := func(target string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/_catalog") || strings.Contains(r.URL.Path, "/tags/list") {
				w.Header().Set("Link", "<"+target+`>; rel="next"`)
				io.WriteString(w, `{"name":"site/a0","repositories":["a"],"tags":["a"]}`)
				return true
			}
			return false
		}
	}
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(code)
			io.WriteString(w, body)
			return true
		}
	}
	var once atomic.Int64
	for name, test := range map[string]struct {
		o     imagestest.Options
		want  string // an error
		wrong error
	}{
		"one page":      {o: imagestest.Options{}},
		"pages":         {o: imagestest.Options{PageSize: 4}},
		"a loop":        {o: imagestest.Options{Before: next("?n=1000")}, want: "form a loop", wrong: artifact.ErrVerify},
		"another host":  {o: imagestest.Options{Before: next("https://other.example.org/v2/")}, want: "on another host", wrong: artifact.ErrVerify},
		"a web page":    {o: imagestest.Options{Before: status(200, "<html><title>Log in")}, want: `it begins "<html>`, wrong: artifact.ErrVerify},
		"another thing": {o: imagestest.Options{Before: status(200, `{"a":[]}`)}, want: "not a list", wrong: artifact.ErrVerify},
		"a bad name":    {o: imagestest.Options{Before: status(200, `{"repositories":["../a"],"tags":["a/b"]}`)}, want: "not a valid name", wrong: artifact.ErrVerify},
		"denied":        {o: imagestest.Options{Before: status(403, "")}, want: "403"},
		"busy": {o: imagestest.Options{PageSize: 4, Before: func(w http.ResponseWriter, r *http.Request) bool {
			return once.Add(1)%3 == 1 && status(http.StatusServiceUnavailable, "")(w, r)
		}}},
		"broken": {o: imagestest.Options{Before: status(502, "")}, want: "502"},
		"a page that is not there": {o: imagestest.Options{PageSize: 4, Before: func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Get("last") != "" && status(404, "")(w, r)
		}}, want: "lacks a page"},
	} {
		t.Run(name, func(t *testing.T) {
			server.Set(test.o)
			h, err := registry.OpenHost(server.Host, registry.Options{Wait: noWait})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			check := func(got []string, err error, want []string) {
				t.Helper()
				switch {
				case test.want == "" && (err != nil || !slices.Equal(got, want)):
					t.Errorf("%q, %v", got, err)
				case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, fs.ErrNotExist) || test.wrong != nil && !errors.Is(err, test.wrong)):
					t.Errorf("%v, want %q", err, test.want)
				}
			}
			got, err := h.Repositories(t.Context())
			check(got, err, repositories)
			got, err = h.Repository("site/a0").Tags(t.Context())
			check(got, err, tags)
		})
	}
	server.Set(imagestest.Options{NoCatalog: true})
	h, err := registry.OpenHost(server.Host, registry.Options{Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Repositories(t.Context()); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(hintOf(err), "NAME:TAG") {
		t.Error(err)
	}
	if _, err := h.Repository("none").Tags(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// The list of repositories wants a login of its own.
func TestCatalogLogin(t *testing.T) {
	quiet(t)
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, secret, _ := r.BasicAuth()
		if r.Method == http.MethodPost {
			name, secret = r.FormValue("username"), r.FormValue("password")
		}
		switch {
		case r.URL.Path == "/token" && name == "me" && secret == "secret" && r.FormValue("scope") == "registry:catalog:*":
			io.WriteString(w, `{"token":"the-token","access_token":"the-token"}`)
		case r.URL.Path == "/v2/_catalog" && r.Header.Get("Authorization") == "Bearer the-token":
			io.WriteString(w, `{"repositories":["a"]}`)
		default:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, server.URL))
			http.Error(w, "log in", http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	for _, password := range []string{"secret", "wrong"} {
		dir := t.TempDir()
		t.Setenv("DOCKER_CONFIG", dir)
		text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host(server), base64.StdEncoding.EncodeToString([]byte("me:"+password)))
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := registry.OpenHost(host(server), registry.Options{Wait: noWait})
		if err != nil {
			t.Fatal(err)
		}
		names, err := h.Repositories(t.Context())
		if (err == nil) != (password == "secret") || err == nil && !slices.Equal(names, []string{"a"}) || err != nil && !strings.Contains(hintOf(err), "docker login "+host(server)) {
			t.Errorf("%s: %q, %v", password, names, err)
		}
	}
}

func TestReferrersOfRegistries(t *testing.T) {
	quiet(t)
	server := imagestest.New(t)
	image := server.Manifest("site/a", "application/vnd.oci.image.manifest.v1+json", []byte(manifest))
	for i := range 7 {
		server.Manifest("site/a", "application/vnd.oci.image.manifest.v1+json", fmt.Appendf(nil, `{"schemaVersion":2,"artifactType":"application/x%d","subject":{"mediaType":%q,"digest":%q,"size":%d}}`, i, image.MediaType, image.Digest, image.Size))
	}
	about := func(path string) bool { return strings.Contains(path, "/referrers/"+image.Digest.String()) }
	for name, test := range map[string]struct {
		o      imagestest.Options
		listed bool
		found  int
		want   string
	}{
		"a list":          {imagestest.Options{}, true, 7, ""},
		"a list in pages": {imagestest.Options{PageSize: 2}, true, 7, ""},
		"at the tag":      {imagestest.Options{NoReferrers: true}, false, 7, ""},
		"not of this one": {imagestest.Options{Before: func(w http.ResponseWriter, r *http.Request) bool {
			if about(r.URL.Path) {
				http.NotFound(w, r)
			}
			return about(r.URL.Path)
		}}, false, 0, "but not to this one"},
		"a web page": {imagestest.Options{Before: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
			return true
		}}, false, 0, "a web page"},
		"denied": {imagestest.Options{Before: func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}}, false, 0, "403"},
		"broken": {imagestest.Options{Before: func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}}, false, 0, "500"},
	} {
		server.Set(test.o)
		r, err := registry.Open(server.Host+"/site/a", registry.Options{Wait: noWait})
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.Referrers(t.Context(), image.Digest.String())
		if len(all) != test.found && test.want == "" || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d, %v", name, len(all), err)
		}
		if _, listed, err := r.ListedReferrers(t.Context(), image.Digest.String()); test.want == "" && (err != nil || listed != test.listed) {
			t.Errorf("%s: %v, %v", name, listed, err)
		}
		none, err := r.Referrers(t.Context(), digest.FromString("none").String())
		if test.want == "" && (err != nil || len(none) > 0) {
			t.Errorf("%s: %d, %v", name, len(none), err)
		}
	}
}
