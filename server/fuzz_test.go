package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// Whatever the request's target is, the answer is a file of the catalog, whose clean
// and decoded path was asked for, or no file.
func FuzzTarget(f *testing.F) {
	dir := f.TempDir()
	imagetest.New(f, servertest.Spec).WriteRoot(f, filepath.Join(dir, "root"))
	imagetest.WriteDir(f, dir, map[string][]byte{"secret": []byte("secret")})
	img, err := image.OpenRoot(filepath.Join(dir, "root"))
	servertest.Must(f, err)
	f.Cleanup(func() { img.Close() })
	h := servertest.New(f, server.Options{Image: img}).Handler()
	for _, target := range []string{
		"/", "/files/pool/a_1.0.bin", "/files/pool/b%2bb_1%253a1%7erc%2b1.bin", "//files/./../files/dists/x/Index", "/..%2fsecret",
		"/files/../../secret", "/%00", "/catalog.json", "http://x/files", "/files/pool/big.bin?x#y", "/minimirror.asc", "*",
	} {
		f.Add(target, "bytes=0-5", "Wed, 01 Jan 2020 00:00:00 GMT", "mirror:80")
	}
	f.Fuzz(func(t *testing.T, target, ranges, date, host string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{
			Method: "GET", URL: u, Host: host, RequestURI: target, RemoteAddr: "192.0.2.1:1", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Range": {ranges}, "If-Range": {date}, "If-Modified-Since": {date}}, Body: http.NoBody,
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(t.Context()))
		etag := w.Header().Get("Etag")
		if etag == "" {
			clean := path.Clean("/" + u.Path)
			own := strings.HasPrefix(clean, "/-/") || strings.HasPrefix(clean, "/api/v1/")
			if w.Code == 200 && !own && !map[string]bool{"/": true, "/healthz": true, "/readyz": true}[clean] {
				t.Fatalf("%q: 200 without an ETag:\n%s", target, w.Body)
			}
			return
		}
		file := img.Lookup(strings.TrimPrefix(path.Clean("/"+u.Path), "/"))
		if file == nil || etag != `"`+file.SHA256+`"` {
			t.Fatalf("%q: %d %s", target, w.Code, etag)
		}
	})
}
