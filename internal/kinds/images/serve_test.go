package images

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
)

// exampleMirror is images of three registries, with something of everything.
type exampleMirror struct {
	image                                                        *image.Image
	r                                                            *imagestest.Registry
	app, app5, other, tool, huge, empty, chart, sbom, sig, nginx v1.Descriptor
	child, childSBOM, base, tagged                               v1.Descriptor
}

const hugeSize = 4 << 20

func newExample(t testing.TB) *exampleMirror {
	m := &exampleMirror{r: imagestest.New(t)}
	s := &shelf{t: t, files: map[string]string{}}
	r := m.r
	layer := imagestest.Layer(map[string]string{"base": strings.Repeat("a common layer\n", 20_000)})
	images := func(name, version string, platforms ...string) (list []v1.Descriptor) {
		for _, p := range platforms {
			list = append(list, r.Image(name, imagestest.Image{Platform: p, Layers: [][]byte{layer, imagestest.Layer(map[string]string{"version": version + p})}}))
		}
		return list
	}
	m.base = r.Blob("acme/app", v1.MediaTypeImageLayer, layer)
	children := images("acme/app", "1.4", "linux/amd64", "linux/arm64/v8")
	m.child = children[1]
	data := r.Content("acme/app", string(r.Index("acme/app", children...).Digest))
	// As nobody would write it again: white space, fields that are not known, no end of line.
	m.app = r.Manifest("acme/app", v1.MediaTypeImageIndex, []byte("  "+strings.Replace(string(data), `{"schemaVersion"`, "{\n\t\"x-unknown\" :  [1 ,2],\"schemaVersion\"", 1)+"\n\n"))
	m.sbom, m.childSBOM = r.SBOM("acme/app", m.app), r.SBOM("acme/app", m.child)
	m.sbom.ArtifactType, m.childSBOM.ArtifactType = "application/spdx+json", "application/spdx+json"
	m.sig = r.Artifact("acme/app", imagestest.Artifact{Type: "application/vnd.example.signature", Subject: &m.app, Annotations: map[string]string{"by": "<acme>"}})
	m.sig.ArtifactType = "application/vnd.example.signature"
	m.sig.Annotations = map[string]string{"by": "<acme>"}
	m.tagged = r.Artifact("acme/app", imagestest.Artifact{Layers: []imagestest.Blob{{MediaType: "application/json", Data: []byte("{\"signed\":1}")}}})
	s.add("registry.example.org", r, "acme/app", "1.4", m.app,
		extra{subject: m.app, Descriptor: m.sbom}, extra{subject: m.child, Descriptor: m.childSBOM}, extra{subject: m.app, Descriptor: m.sig},
		extra{tag: signatureTag(m.app), subject: m.app, Descriptor: m.tagged})
	m.app5 = r.Index("acme/app", images("acme/app", "1.5", "linux/amd64")...)
	s.add("registry.example.org", r, "acme/app", "1.5", m.app5)
	s.add("registry.example.org", r, "acme/app", "Latest", m.app5)
	m.other = images("acme/other", "1", "linux/amd64")[0]
	s.add("registry.example.org", r, "acme/other", "", m.other)
	r.Algorithm = digest.SHA512
	m.tool = r.Image("acme/tool", imagestest.Image{})
	r.Algorithm = ""
	s.add("registry.example.org", r, "acme/tool", "1", m.tool)
	m.empty = r.Artifact("acme/empty", imagestest.Artifact{Type: "application/vnd.example.none", Layers: []imagestest.Blob{{MediaType: "application/octet-stream", Data: []byte{}}}})
	s.add("registry.example.org", r, "acme/empty", "1", m.empty)
	m.chart = r.Chart("charts/web", "0.1.0_build.5")
	s.add("registry.example.org", r, "charts/web", "0.1.0_build.5", m.chart)
	m.huge = r.Artifact("acme/huge", imagestest.Artifact{Annotations: map[string]string{"filler": strings.Repeat("x", hugeSize-500)}})
	s.add("registry.example.org:5000", r, "acme/huge", "1", m.huge)
	s.add("registry.example.org:5000", r, "acme/app", "1.4", r.Index("acme/app", images("acme/app", "of port 5000", "linux/amd64")...))
	m.nginx = r.MultiImage("library/nginx", "1.25", "linux/amd64", "linux/arm64")
	s.add("docker.io", r, "library/nginx", "1.25", m.nginx)
	m.image = s.image()
	return m
}

// signatureTag is the tag of a signature of a manifest.
func signatureTag(d v1.Descriptor) string {
	return strings.Replace(string(d.Digest), ":", "-", 1) + ".sig"
}

// A testSite is a server of an image, and its audit trail.
type testSite struct {
	t       testing.TB
	handler http.Handler
	server  *server.Server
	trail   string
}

func (m *exampleMirror) serve(t testing.TB, rules ...string) *testSite {
	t.Helper()
	return serveImage(t, m.image, server.Options{}, rules...)
}

func serveImage(t testing.TB, img *image.Image, o server.Options, rules ...string) *testSite {
	t.Helper()
	dir := t.TempDir()
	s := &testSite{t: t, trail: filepath.Join(dir, "audit.log")}
	log, err := audit.Open(s.trail, nil)
	noError(t, err)
	t.Cleanup(func() { log.Close() })
	o.Image, o.Kinds, o.Audit = img, []artifact.Kind{Kind{}}, log
	if len(rules) > 0 {
		o.Rules = filepath.Join(dir, "rules.yaml")
		noError(t, os.WriteFile(o.Rules, rulesText(rules), 0o644))
	}
	s.server, err = server.New(o)
	noError(t, err)
	s.handler = s.server.Handler()
	return s
}

func rulesText(rules []string) []byte {
	return []byte("rules:\n - " + strings.Join(rules, "\n - ") + "\n")
}

// reload puts other rules in force on a server that has some.
func (s *testSite) reload(rules ...string) {
	s.t.Helper()
	noError(s.t, os.WriteFile(filepath.Join(filepath.Dir(s.trail), "rules.yaml"), rulesText(rules), 0o644))
	noError(s.t, s.server.Reload(s.t.Context()))
}

// A reply is what a client got.
type reply struct {
	*http.Response
	body string
}

// ask sends a request; target begins with METHOD and a space unless it is GET. A header is given as "Name: value".
func (s *testSite) ask(target string, header ...string) *reply {
	s.t.Helper()
	method, path, found := strings.Cut(target, " ")
	if !found {
		method, path = http.MethodGet, target
	}
	r := httptest.NewRequest(method, path, nil)
	r.Host = "mirror:8080"
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	noError(s.t, err)
	return &reply{w.Result(), string(body)}
}

// last is the last line of the audit trail.
func (s *testSite) last() (last audit.Record) {
	s.t.Helper()
	f, err := os.Open(s.trail)
	noError(s.t, err)
	defer f.Close()
	_, err = audit.Read(f, func(r *audit.Record) error {
		last = *r
		return nil
	})
	noError(s.t, err)
	return last
}

func v2(format string, args ...any) string { return prefix + fmt.Sprintf(format, args...) }

const host = "registry.example.org/"

// TestContent shows that manifests and blobs come byte for byte, with their type, size and digest, by GET and HEAD, whatever the client accepts.
func TestContent(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	empty := "sha256:" + hex.EncodeToString(sha256.New().Sum(nil))
	for _, c := range []struct{ path, name, digest, mediaType string }{
		{v2(host + "acme/app/manifests/1.4"), "acme/app", string(m.app.Digest), v1.MediaTypeImageIndex},
		{v2(host+"acme/app/manifests/%s", m.app.Digest), "acme/app", string(m.app.Digest), v1.MediaTypeImageIndex},
		{v2(host+"acme/app/manifests/%s", m.child.Digest), "acme/app", string(m.child.Digest), v1.MediaTypeImageManifest},
		{v2(host+"acme/app/manifests/%s", m.sbom.Digest), "acme/app", string(m.sbom.Digest), v1.MediaTypeImageManifest},
		{v2(host+"acme/app/manifests/%s", signatureTag(m.app)), "acme/app", string(m.tagged.Digest), v1.MediaTypeImageManifest},
		{v2(host + "acme/app/manifests/Latest"), "acme/app", string(m.app5.Digest), v1.MediaTypeImageIndex},
		{v2(host+"acme/other/manifests/%s", m.other.Digest), "acme/other", string(m.other.Digest), v1.MediaTypeImageManifest},
		{v2(host + "acme/tool/manifests/1"), "acme/tool", string(m.tool.Digest), v1.MediaTypeImageManifest},
		{v2(host+"acme/tool/manifests/%s", m.tool.Digest), "acme/tool", string(m.tool.Digest), v1.MediaTypeImageManifest},
		{v2("registry.example.org_5000/acme/huge/manifests/1"), "acme/huge", string(m.huge.Digest), v1.MediaTypeImageManifest},
		{v2(host+"acme/app/blobs/%s", m.base.Digest), "acme/app", string(m.base.Digest), "application/octet-stream"},
		{v2(host+"acme/empty/blobs/%s", empty), "acme/empty", empty, "application/octet-stream"},
		{v2("library/nginx/manifests/1.25"), "library/nginx", string(m.nginx.Digest), v1.MediaTypeImageIndex},
	} {
		want := string(m.r.Content(c.name, c.digest))
		for _, accept := range []string{"", "*/*", "application/vnd.oci.image.manifest.v1+json", "application/x-other"} {
			for _, method := range []string{"GET", "HEAD"} {
				a := s.ask(method+" "+c.path, "Accept: "+accept)
				if a.StatusCode != http.StatusOK || a.Header.Get("Docker-Content-Digest") != c.digest || a.Header.Get("Content-Type") != c.mediaType ||
					a.Header.Get("Content-Length") != fmt.Sprint(len(want)) {
					t.Fatalf("%s %s: %d %v", method, c.path, a.StatusCode, a.Header)
				}
				if method == "GET" && a.body != want || method == "HEAD" && a.body != "" {
					t.Errorf("%s %s: %d bytes, want %d", method, c.path, len(a.body), len(want))
				}
			}
		}
		// A tag may move in the next image, what a digest names never does.
		kept := s.ask(c.path).Header.Get("Cache-Control")
		if byTag := !strings.Contains(c.path, c.digest); byTag && kept != "no-cache" || !byTag && strings.HasPrefix(c.digest, "sha256") && !strings.Contains(kept, "immutable") {
			t.Errorf("%s: Cache-Control: %s", c.path, kept)
		}
	}
	if n := len(m.r.Content("acme/huge", string(m.huge.Digest))); n < hugeSize-500 {
		t.Errorf("the large manifest has %d bytes", n)
	}
	blobs := m.r.Content("acme/tool", string(m.tool.Digest))
	var tool v1.Manifest
	noError(t, json.Unmarshal(blobs, &tool))
	a := s.ask(v2(host+"acme/tool/blobs/%s", tool.Layers[0].Digest))
	if sum := sha512.Sum512([]byte(a.body)); a.StatusCode != http.StatusOK || "sha512:"+hex.EncodeToString(sum[:]) != string(tool.Layers[0].Digest) {
		t.Errorf("a blob by SHA-512: %d, %d bytes", a.StatusCode, len(a.body))
	}
}

// TestRanges shows that parts of blobs come as RFC 9110 and the distribution specification say.
func TestRanges(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	path, data := v2(host+"acme/app/blobs/%s", m.base.Digest), string(m.r.Content("acme/app", string(m.base.Digest)))
	n := len(data)
	for _, c := range []struct {
		header, ifRange string
		status          int
		body            string
		content         string
	}{
		{"bytes=0-0", "", 206, data[:1], fmt.Sprintf("bytes 0-0/%d", n)},
		{"bytes=1000-", "", 206, data[1000:], fmt.Sprintf("bytes 1000-%d/%d", n-1, n)},
		{"bytes=1000-1999", "", 206, data[1000:2000], fmt.Sprintf("bytes 1000-1999/%d", n)},
		{fmt.Sprintf("bytes=%d-%d", n-5, n+100), "", 206, data[n-5:], fmt.Sprintf("bytes %d-%d/%d", n-5, n-1, n)},
		{"bytes=-7", "", 206, data[n-7:], fmt.Sprintf("bytes %d-%d/%d", n-7, n-1, n)},
		{fmt.Sprintf("bytes=%d-", n), "", 416, "", fmt.Sprintf("bytes */%d", n)},
		{"bytes=2-1", "", 200, data, ""},
		{"lines=1-2", "", 200, data, ""},
		{"bytes=5-9", `"` + m.base.Digest.Encoded() + `"`, 206, data[5:10], fmt.Sprintf("bytes 5-9/%d", n)},
		{"bytes=5-9", `"another"`, 200, data, ""},
	} {
		header := []string{"Range: " + c.header}
		if c.ifRange != "" {
			header = append(header, "If-Range: "+c.ifRange)
		}
		a := s.ask(path, header...)
		if a.StatusCode != c.status || a.Header.Get("Content-Range") != c.content || c.body != "" && a.body != c.body {
			t.Errorf("%s: %d, %s, %d bytes, want %d", c.header, a.StatusCode, a.Header.Get("Content-Range"), len(a.body), len(c.body))
		}
		if c.status == 416 && (a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Docker-Content-Digest") != "" || a.Header.Get("Etag") != "" || !strings.Contains(a.body, `{"errors":[{"code":"RANGE_INVALID","message":`)) {
			t.Errorf("%s: %v %s", c.header, a.Header, a.body)
		}
		if c.status < 300 && (a.Header.Get("Content-Length") != fmt.Sprint(len(c.body)) || a.Header.Get("Docker-Content-Digest") != string(m.base.Digest) || a.Header.Get("Accept-Ranges") != "bytes") {
			t.Errorf("%s: %v", c.header, a.Header)
		}
	}
	empty := s.ask(v2(host+"acme/empty/blobs/sha256:%x", sha256.Sum256(nil)), "Range: bytes=0-")
	if empty.StatusCode != http.StatusOK || empty.body != "" {
		t.Errorf("a part of nothing: %d %q", empty.StatusCode, empty.body)
	}
}

// TestNames shows what a client may call a repository.
func TestNames(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	nginx, app, port := string(m.nginx.Digest), string(m.app.Digest), ""
	if a := s.ask(v2("acme/app/manifests/1.4?ns=registry.example.org:5000")); a.StatusCode == 200 {
		port = a.Header.Get("Docker-Content-Digest")
	}
	for path, want := range map[string]string{
		"nginx/manifests/1.25":                                                 nginx,
		"library/nginx/manifests/1.25":                                         nginx,
		"docker.io/library/nginx/manifests/1.25":                               nginx,
		"docker.io/nginx/manifests/1.25":                                       nginx,
		"index.docker.io/library/nginx/manifests/1.25":                         nginx,
		"registry-1.docker.io/library/nginx/manifests/1.25":                    nginx,
		"library/nginx/manifests/1.25?ns=docker.io":                            nginx,
		"nginx/manifests/1.25?ns=docker.io":                                    nginx,
		"library/nginx/manifests/1.25?ns=registry-1.docker.io":                 nginx,
		"library/nginx/manifests/1.25?ns=Index.Docker.io":                      nginx,
		"library/nginx/manifests/1.25?ns=docker.io:443":                        nginx,
		"library/nginx/manifests/1.25?ns=mirror:8080":                          nginx,
		"registry.example.org/acme/app/manifests/1.4":                          app,
		"acme/app/manifests/1.4?ns=registry.example.org":                       app,
		"acme/app/manifests/1.4?ns=registry.example.org:443":                   app,
		"registry.example.org/acme/app/manifests/1.4?ns=registry.example.org":  app,
		"registry.example.org/acme/app/manifests/1.4?ns=mirror:8080":           app,
		"registry.example.org:5000/acme/app/manifests/1.4":                     port,
		"registry.example.org_5000/acme/app/manifests/1.4":                     port,
		"acme/app/manifests/" + app + "?ns=registry.example.org":               app,
		"acme/app/blobs/" + string(m.base.Digest) + "?ns=registry.example.org": string(m.base.Digest),

		"acme/app/manifests/1.4":                                   "",
		"acme/app/manifests/1.4?ns=docker.io":                      "",
		"acme/app/manifests/1.4?ns=other.example.org":              "",
		"library/nginx/manifests/1.25?ns=registry.example.org":     "",
		"library/nginx/manifests/1.25?ns=other.example.org":        "",
		"registry.example.org/acme/app/manifests/1.4?ns=docker.io": "",
		"registry.example.org/library/nginx/manifests/1.25":        "",
		"other.example.org/acme/app/manifests/1.4":                 "",
		// what another repository or registry has
		"registry.example.org/acme/other/manifests/" + app:                                                        "",
		"registry.example.org/acme/empty/blobs/" + string(m.base.Digest):                                          "",
		"registry.example.org_5000/acme/app/manifests/" + app:                                                     "",
		"library/nginx/blobs/" + string(m.base.Digest):                                                            "",
		"registry.example.org/acme/app/blobs/" + app:                                                              "",
		"registry.example.org/acme/app/manifests/" + string(m.base.Digest):                                        "",
		"registry.example.org/acme/app/manifests/1.6":                                                             "",
		"registry.example.org/acme/app/manifests/latest":                                                          "",
		"registry.example.org/acme/app/manifests/sha256:" + strings.Repeat("0", 64):                               "",
		"registry.example.org/acme/app/manifests/" + strings.Replace(string(m.app.Digest), "sha256", "SHA256", 1): "",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := s.ask(method + " " + prefix + path)
			if want == "" && (a.StatusCode != http.StatusNotFound || a.Header.Get("Docker-Content-Digest") != "") || want != "" && (a.StatusCode != http.StatusOK || a.Header.Get("Docker-Content-Digest") != want) {
				t.Errorf("%s %s: %d %s, want %s", method, path, a.StatusCode, a.Header.Get("Docker-Content-Digest"), want)
			}
		}
	}
	as := serveImage(t, m.image, server.Options{As: []string{"registry.example.org"}})
	for _, c := range []struct{ host, path, want string }{
		{"registry.example.org", "acme/app/manifests/1.4", app},
		{"Registry.example.org:443", "acme/app/manifests/1.4", app},
		{"registry.example.org:5000", "acme/app/manifests/1.4", port},
		{"registry.example.org", "registry.example.org/acme/app/manifests/1.4", app},
		{"registry.example.org", "library/nginx/manifests/1.25", nginx}, // a mirror may have the name of a registry
		{"registry-1.docker.io", "library/nginx/manifests/1.25", nginx},
		{"registry-1.docker.io", "acme/app/manifests/1.4", ""},
		{"registry.example.org", "acme/app/manifests/1.4?ns=docker.io", ""},
	} {
		s := s
		if strings.HasPrefix(c.host, "registry.example.org") {
			s = as
		}
		if got := s.ask(prefix+c.path, "Host: "+c.host).Header.Get("Docker-Content-Digest"); got != c.want {
			t.Errorf("%s of the host %s: %s, want %s", c.path, c.host, got, c.want)
		}
	}
	if port == "" || port == app {
		t.Errorf("the registry with a port has %q", port)
	}
}

// A failure is the body of an error.
type failure struct {
	Errors []struct{ Code, Message string }
}

// fails checks an error: its status, its code, and texts in its message.
func (a *reply) fails(t *testing.T, what string, status int, code string, texts ...string) {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(a.body), &f); err != nil || len(f.Errors) != 1 || f.Errors[0].Code != code || a.StatusCode != status || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %d %s %q (%v), want %d %s", what, a.StatusCode, a.Header.Get("Content-Type"), a.body, err, status, code)
		return
	}
	for _, text := range texts {
		if !strings.Contains(f.Errors[0].Message, text) {
			t.Errorf("%s: %q does not have %q", what, f.Errors[0].Message, text)
		}
	}
	if a.Header.Get("Content-Length") != fmt.Sprint(len(a.body)) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %v", what, a.Header)
	}
}

// TestErrors shows that errors are those of the specification, also where the server refuses before the kind is asked.
func TestErrors(t *testing.T) {
	m := newExample(t)
	s := m.serve(t, `deny: { image: acme/other, reason: "policy \"4.2\"" }`)
	for _, c := range []struct {
		target string
		status int
		code   string
		text   string
	}{
		{v2(host + "acme/app/manifests/9"), 404, "MANIFEST_UNKNOWN", "registry.example.org/acme/app:9 is not in this mirror"},
		{v2("acme/app/manifests/9?ns=other.example.org"), 404, "MANIFEST_UNKNOWN", "other.example.org/acme/app:9 is not"},
		{v2("busybox/manifests/1"), 404, "MANIFEST_UNKNOWN", "docker.io/library/busybox:1 is not"},
		{v2(host+"acme/app/blobs/sha256:%064d", 0), 404, "BLOB_UNKNOWN", "registry.example.org/acme/app@sha256:0000"},
		{v2(host + "acme/none/tags/list"), 404, "NAME_UNKNOWN", "registry.example.org/acme/none is not"},
		{v2(host + "acme/app/blobs/uploads/"), 404, "NAME_UNKNOWN", ""},
		{v2("x"), 404, "NAME_UNKNOWN", ""},
		{v2(host + "acme/app/referrers/x"), 400, "DIGEST_INVALID", "\"x\""},
		{v2(host + "acme/app/tags/list?n=x"), 400, "PAGINATION_NUMBER_INVALID", ""},
		{v2("_catalog?n=-1"), 400, "PAGINATION_NUMBER_INVALID", ""},
		{v2(host+"acme/other/manifests/%s", m.other.Digest), 403, "DENIED", `policy "4.2"`},
		{v2(host + "acme/other/tags/list"), 403, "DENIED", `policy "4.2"`},
		{"POST " + v2(host+"acme/app/blobs/uploads/"), 405, "UNSUPPORTED", "only be read"},
		{"PUT " + v2(host+"acme/app/manifests/1.4"), 405, "UNSUPPORTED", ""},
		{"DELETE " + v2(host+"acme/app/manifests/1.4"), 405, "UNSUPPORTED", ""},
		{"PATCH /v2", 405, "UNSUPPORTED", ""},
		{"POST //v2/./x", 405, "UNSUPPORTED", ""},
	} {
		a := s.ask(c.target)
		a.fails(t, c.target, c.status, c.code, c.text)
		if strings.Contains(c.target, " ") {
			if a.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %v", c.target, a.Header)
			}
			continue
		}
		head := s.ask("HEAD " + c.target)
		if head.StatusCode != c.status || head.body != "" || head.Header.Get("Content-Type") != "application/json" || head.Header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("HEAD %s: %d %v %q", c.target, head.StatusCode, head.Header, head.body)
		}
	}
	if a := s.ask("/other"); a.StatusCode != 404 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("an error elsewhere: %d %v", a.StatusCode, a.Header)
	}
	passwords := filepath.Join(t.TempDir(), "passwords")
	noError(t, os.WriteFile(passwords, []byte("somebody:$2a$04$FHxmd0gGFbVTiQk4TB6G9.qvLQfy1LzRoPGXLdHv1sV6qvL8cAbVa\n"), 0o600))
	locked := serveImage(t, m.image, server.Options{Access: access.Options{Passwords: passwords}})
	for _, target := range []string{"/v2/", v2("nginx/manifests/1.25")} {
		a := locked.ask(target)
		a.fails(t, target, 401, "UNAUTHORIZED", "requires a name and a password")
		if challenge := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, `Basic realm="`) || a.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("%s: %v", target, a.Header)
		}
	}
}

// TestVersion shows that what asks whether this is a registry is told so.
func TestVersion(t *testing.T) {
	s := newExample(t).serve(t)
	for _, target := range []string{"/v2/", "/v2", "HEAD /v2/"} {
		a := s.ask(target)
		if a.StatusCode != 200 || a.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" || a.Header.Get("Content-Length") == "" || strings.TrimSpace(a.body) != "{}" && target != "HEAD /v2/" {
			t.Errorf("%s: %d %v %q", target, a.StatusCode, a.Header, a.body)
		}
	}
}

// pages reads a list to its end, following Link.
func (s *testSite) pages(target, key string) (names []string, count int) {
	s.t.Helper()
	for target != "" {
		a := s.ask(target)
		var list map[string]json.RawMessage
		var part []string
		if a.StatusCode != http.StatusOK || json.Unmarshal([]byte(a.body), &list) != nil || json.Unmarshal(list[key], &part) != nil || part == nil {
			s.t.Fatalf("%s: %d %q", target, a.StatusCode, a.body)
		}
		names, target = append(names, part...), ""
		if link := a.Header.Get("Link"); link != "" {
			target, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if !strings.HasSuffix(link, `>; rel="next"`) {
				s.t.Fatalf("Link: %s", link)
			}
		}
		if count++; count > 100 {
			s.t.Fatal("the pages have no end")
		}
	}
	return names, count
}

// TestLists shows lists of tags and repositories, whole and by pages.
func TestLists(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	tags := []string{"1.4", "1.5", "Latest", signatureTag(m.app)}
	all := []string{"docker.io/library/nginx", "registry.example.org/acme/app", "registry.example.org/acme/empty", "registry.example.org/acme/other",
		"registry.example.org/acme/tool", "registry.example.org/charts/web", "registry.example.org_5000/acme/app", "registry.example.org_5000/acme/huge"}
	for _, c := range []struct {
		target, key string
		want        []string
		pages       int
	}{
		{v2(host + "acme/app/tags/list"), "tags", tags, 1},
		{v2(host + "acme/app/tags/list?n=1"), "tags", tags, 4},
		{v2(host + "acme/app/tags/list?n=3"), "tags", tags, 2},
		{v2(host + "acme/app/tags/list?n=4"), "tags", tags, 1},
		{v2(host + "acme/app/tags/list?n=99999999999999999999"), "tags", tags, 1},
		{v2("acme/app/tags/list?n=1&ns=registry.example.org"), "tags", tags, 4},
		{v2(host + "acme/app/tags/list?n=0"), "tags", nil, 1},
		{v2(host + "acme/app/tags/list?last=1.4"), "tags", tags[1:], 1},
		{v2(host + "acme/app/tags/list?last=1.45"), "tags", tags[1:], 1},
		{v2(host + "acme/app/tags/list?last=KA"), "tags", tags[2:], 1},
		{v2(host + "acme/app/tags/list?last=zz"), "tags", nil, 1},
		{v2(host + "acme/other/tags/list"), "tags", nil, 1},
		{v2(host + "charts/web/tags/list"), "tags", []string{"0.1.0_build.5"}, 1},
		{v2("nginx/tags/list"), "tags", []string{"1.25"}, 1},
		{v2("_catalog"), "repositories", all, 1},
		{v2("_catalog?n=3"), "repositories", all, 3},
		{v2("_catalog?n=0"), "repositories", nil, 1},
		{v2("_catalog?n=2&last=registry.example.org/b"), "repositories", all[5:], 2},
		{v2("_catalog?n=1&ns=registry.example.org:5000"), "repositories", []string{"acme/app", "acme/huge"}, 2},
		{v2("_catalog?ns=docker.io"), "repositories", []string{"library/nginx"}, 1},
		{v2("_catalog?ns=other.example.org"), "repositories", nil, 1},
	} {
		got, pages := s.pages(c.target, c.key)
		if !slices.Equal(got, c.want) || pages != c.pages {
			t.Errorf("%s: %q in %d pages, want %q in %d", c.target, got, pages, c.want, c.pages)
		}
	}
	// Each name of the catalog is one by which the repository is found.
	for _, name := range all {
		if a := s.ask(v2("%s/tags/list", name)); a.StatusCode != 200 {
			t.Errorf("%s is in the catalog: %d", name, a.StatusCode)
		}
	}
}

// TestReferrers shows what is attached to an index and to one of its manifests.
func TestReferrers(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	for _, c := range []struct {
		subject, query, filters string
		want                    []v1.Descriptor
	}{
		{string(m.app.Digest), "", "", []v1.Descriptor{m.sbom, m.sig}},
		{string(m.child.Digest), "", "", []v1.Descriptor{m.childSBOM}},
		{string(m.app.Digest), "?artifactType=application/vnd.example.signature", "artifactType", []v1.Descriptor{m.sig}},
		{string(m.app.Digest), "?artifactType=application%2Fspdx%2Bjson", "artifactType", []v1.Descriptor{m.sbom}},
		{string(m.app.Digest), "?artifactType=none", "artifactType", nil},
		{string(m.app5.Digest), "", "", nil},
		{"sha256:" + strings.Repeat("0", 64), "", "", nil},
		{"other+algorithm:abc", "", "", nil},
	} {
		a := s.ask(v2(host+"acme/app/referrers/%s%s", c.subject, c.query))
		var index v1.Index
		if err := json.Unmarshal([]byte(a.body), &index); err != nil || a.StatusCode != 200 || a.Header.Get("Content-Type") != v1.MediaTypeImageIndex || index.MediaType != v1.MediaTypeImageIndex ||
			index.SchemaVersion != 2 || index.Manifests == nil || a.Header.Get("OCI-Filters-Applied") != c.filters {
			t.Errorf("%s%s: %d %v %q", c.subject, c.query, a.StatusCode, a.Header, a.body)
		}
		want, _ := json.Marshal(append([]v1.Descriptor{}, c.want...))
		if got, _ := json.Marshal(index.Manifests); string(got) != string(want) {
			t.Errorf("%s%s: %s, want %s", c.subject, c.query, got, want)
		}
		for _, d := range index.Manifests {
			if got := s.ask(v2(host+"acme/app/manifests/%s", d.Digest)); got.StatusCode != 200 || int64(len(got.body)) != d.Size {
				t.Errorf("%s is listed: %d", d.Digest, got.StatusCode)
			}
		}
	}
	if a := s.ask(v2(host+"acme/none/referrers/%s", m.app.Digest)); a.StatusCode != 200 {
		t.Errorf("of a repository that is not carried: %d", a.StatusCode)
	}
}

// TestReferrersInPages: what is attached to an image comes in several indexes if one would be larger than clients read.
func TestReferrersInPages(t *testing.T) {
	r := imagestest.New(t)
	s := &shelf{t: t, files: map[string]string{}}
	app := r.Image("acme/app", imagestest.Image{})
	var extras []extra
	for i := range 450 {
		d := r.Artifact("acme/app", imagestest.Artifact{Type: "example/even", Subject: &app, Annotations: map[string]string{"i": fmt.Sprint(i)}})
		d.ArtifactType = []string{"example/even", "example/odd"}[i%2]
		d.Annotations = map[string]string{"filler": strings.Repeat("x", 20_000)}
		extras = append(extras, extra{subject: app, Descriptor: d})
	}
	s.add("registry.example.org", r, "acme/app", "1", app, extras...)
	site := serveImage(t, s.image(), server.Options{})
	path := v2("acme/app/referrers/%s", app.Digest)
	for _, c := range []struct {
		query        string
		pages, count int
	}{
		{"?ns=registry.example.org", 3, 450},
		{"?ns=registry.example.org&artifactType=example%2Fodd", 2, 225},
		{"?ns=registry.example.org&artifactType=example%2Fodd&from=449", 1, 1},
		{"?ns=registry.example.org&from=99999999999999999999", 1, 0},
	} {
		pages, found := 0, make(map[digest.Digest]bool)
		for next := path + c.query; next != ""; pages++ {
			a := site.ask(next)
			var index v1.Index
			if err := json.Unmarshal([]byte(a.body), &index); err != nil || a.StatusCode != 200 || len(a.body) > maxManifest {
				t.Fatalf("%s: %d %v: %d bytes", next, a.StatusCode, err, len(a.body))
			}
			if filtered := a.Header.Get("OCI-Filters-Applied") != ""; filtered != strings.Contains(c.query, "artifactType") {
				t.Errorf("%s: filtered: %t", next, filtered)
			}
			for _, d := range index.Manifests {
				found[d.Digest] = true
			}
			next, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
		}
		if pages != c.pages || len(found) != c.count {
			t.Errorf("%s: %d in %d pages, want %d in %d", c.query, len(found), pages, c.count, c.pages)
		}
	}
	if a := site.ask(path + "?ns=registry.example.org&from=x"); a.StatusCode != 400 || !strings.Contains(a.body, "PAGINATION_NUMBER_INVALID") {
		t.Errorf("from a place that is not a number: %d %s", a.StatusCode, a.body)
	}
}
