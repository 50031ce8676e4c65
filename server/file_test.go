package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

var big = servertest.Big

func TestFileHeaders(t *testing.T) {
	sum := sha256.Sum256([]byte("Package: a\n"))
	digest := hex.EncodeToString(sum[:])
	m := imagetest.New(t, imagetest.Spec{
		Artifacts: map[string]string{"a.bin": "a", "b.tar.gz": "b", "page.html": "<script>", "LICENSE": "c"},
		Generated: map[string]string{
			"files/InRelease": "signed", "files/Packages": "Package: a\n", "files/Packages.xz": "x",
			"files/by-hash/SHA256/" + digest: "Package: a\n",
		},
	})
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir})
	servertest.Must(t, err)
	defer img.Close()
	h := servertest.New(t, server.Options{Image: img}).Handler()
	for path, want := range map[string][2]string{
		"a.bin":                    {"application/x-plain", "no-cache"},
		"b.tar.gz":                 {"application/gzip", "no-cache"},
		"page.html":                {"application/octet-stream", "no-cache"},
		"LICENSE":                  {"application/octet-stream", "no-cache"},
		"InRelease":                {"text/plain; charset=utf-8", "no-cache"},
		"Packages.xz":              {"application/x-xz", "no-cache"},
		"by-hash/SHA256/" + digest: {"application/octet-stream", "public, max-age=31536000, immutable"},
	} {
		got := servertest.Ask(t, h, "GET", "/files/"+path, "Accept-Encoding: gzip, br")
		f := img.Lookup("files/" + path)
		header := got.Header
		for name, value := range map[string]string{
			"Content-Type": want[0], "Cache-Control": want[1], "Etag": `"` + f.SHA256 + `"`, "Accept-Ranges": "bytes",
			"X-Content-Type-Options": "nosniff", "Content-Encoding": "", "Content-Length": strconv.FormatInt(f.Size, 10),
		} {
			if header.Get(name) != value {
				t.Errorf("%s: %s: %q, want %q", path, name, header.Get(name), value)
			}
		}
		modified, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", header.Get("Last-Modified"))
		if err != nil || modified.After(imagetest.Date) {
			t.Errorf("%s: Last-Modified: %v, %v", path, modified, err)
		}
	}
	for _, target := range []string{"/files/none", "/none"} {
		got := servertest.Ask(t, h, "GET", target)
		if got.StatusCode != 404 || got.Header.Get("Etag") != "" || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s %v", target, got.Status, got.Header)
		}
		if text := servertest.Body(t, got); !strings.Contains(text, target) || !strings.Contains(text, "test") {
			t.Errorf("%s: %q", target, text)
		}
	}
}

// The date follows the content: same bytes, same date; other bytes under the same path and the same
// date of release, another date.
func TestLastModifiedFollowsContent(t *testing.T) {
	dates := map[string]string{}
	for _, content := range []string{"one", "two", "one"} {
		m := imagetest.New(t, imagetest.Spec{
			Artifacts: map[string]string{"a.bin": content}, Generated: map[string]string{"files/InRelease": content},
		})
		dir := t.TempDir()
		m.WriteRoot(t, dir)
		img, err := image.OpenRoot(dir)
		servertest.Must(t, err)
		defer img.Close()
		h := servertest.New(t, server.Options{Image: img}).Handler()
		for _, path := range []string{"a.bin", "InRelease"} {
			date := servertest.Ask(t, h, "HEAD", "/files/"+path).Header.Get("Last-Modified")
			if before, found := dates[path+content]; found && before != date {
				t.Errorf("%s: the same content was %s and is %s", path, before, date)
			}
			dates[path+content] = date
		}
	}
	if dates["a.binone"] == dates["a.bintwo"] || dates["InReleaseone"] == dates["InReleasetwo"] {
		t.Errorf("different content, one date: %v", dates)
	}
}

func TestConditions(t *testing.T) {
	h := servertest.New(t, server.Options{}).Handler()
	const target = "/files/dists/x/Index"
	header := servertest.Ask(t, h, "HEAD", target).Header
	etag, date := header.Get("Etag"), header.Get("Last-Modified")
	modified, err := http.ParseTime(date)
	servertest.Must(t, err)
	shifted := func(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"same date", []string{"If-Modified-Since: " + date}, 304},
		{"later date", []string{"If-Modified-Since: " + shifted(time.Second)}, 200},
		{"much later date", []string{"If-Modified-Since: " + shifted(1e9*time.Second)}, 200},
		{"earlier date", []string{"If-Modified-Since: " + shifted(-time.Second)}, 200},
		{"no date", []string{"If-Modified-Since: yesterday"}, 200},
		{"same etag", []string{"If-None-Match: " + etag}, 304},
		{"weak etag", []string{"If-None-Match: W/" + etag}, 304},
		{"one of etags", []string{`If-None-Match: "x", ` + etag}, 304},
		{"any etag", []string{"If-None-Match: *"}, 304},
		{"other etag", []string{`If-None-Match: "x"`}, 200},
		{"other etag, same date", []string{`If-None-Match: "x"`, "If-Modified-Since: " + date}, 200},
		{"same etag, other date", []string{"If-None-Match: " + etag, "If-Modified-Since: " + shifted(time.Hour)}, 304},
		{"if-match", []string{"If-Match: " + etag}, 200},
		{"if-match other", []string{`If-Match: "x"`}, 412},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := servertest.Ask(t, h, method, target, test.headers...)
			if got.StatusCode != test.want {
				t.Errorf("%s: %s: %s", test.name, method, got.Status)
			}
			if got.StatusCode == 304 && (servertest.Body(t, got) != "" || got.Header.Get("Etag") != etag) {
				t.Errorf("%s: %s: a 304 with a body or without an ETag", test.name, method)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	for form, img := range servertest.Open(t) {
		h := servertest.New(t, server.Options{Image: img}).Handler()
		const target = "/files/pool/big.bin"
		header := servertest.Ask(t, h, "HEAD", target).Header
		etag, date := header.Get("Etag"), header.Get("Last-Modified")
		for _, test := range []struct {
			ranges, ifRange, contentRange string
			status                        int
			want                          string
		}{
			{"bytes=0-0", "", "bytes 0-0/96000", 206, big[:1]},
			{"bytes=95990-", "", "bytes 95990-95999/96000", 206, big[95990:]},
			{"bytes=5-", date, "bytes 5-95999/96000", 206, big[5:]},
			{"bytes=5-", etag, "bytes 5-95999/96000", 206, big[5:]},
			{"bytes=5-", `"other"`, "", 200, big},
			{"bytes=5-", "W/" + etag, "", 200, big},
			{"bytes=5-", "Thu, 01 Jan 1970 00:00:00 GMT", "", 200, big},
			{"bytes=-16", "", "bytes 95984-95999/96000", 206, big[95984:]},
			{"bytes=-999999", "", "bytes 0-95999/96000", 206, big},
			{"bytes=95999-999999999999", "", "bytes 95999-95999/96000", 206, big[95999:]},
			{"bytes=96000-", "", "bytes */96000", 416, ""},
			{"bytes=-0", "", "bytes */96000", 416, ""},
			{"bytes=-0, -00 ,,", "", "bytes */96000", 416, ""},
			{"Bytes=5-6", "", "bytes 5-6/96000", 206, big[5:7]},
			{"bytes=05-006", "", "bytes 5-6/96000", 206, big[5:7]},
			{"bytes=5-99999999999999999999", "", "bytes 5-95999/96000", 206, big[5:]},
			{"bytes=-99999999999999999999", "", "bytes 0-95999/96000", 206, big},
			{"bytes=99999999999999999999-", "", "bytes */96000", 416, ""},
			{"bytes=99999999999999999999-99999999999999999999", "", "bytes */96000", 416, ""},
			{"bytes=6-5", "", "", 200, big},
			{"bytes=5-6,6-5", "", "", 200, big},
			{"bytes=", "", "", 200, big},
			{"bytes=,", "", "", 200, big},
			{"bytes=-", "", "", 200, big},
			{"bytes=5", "", "", 200, big},
			{"bytes=--5", "", "", 200, big},
			{"bytes=+5-", "", "", 200, big},
			{"bytes=5 - 6", "", "", 200, big},
			{"bytes=a-b", "", "", 200, big},
			{"bytes", "", "", 200, big},
			{"bytes=-0", `"other"`, "", 200, big},
			{"bytes=-0,5-6,-0", "", "bytes 5-6/96000", 206, big[5:7]},
			{"bytes=-01", "", "bytes 95999-95999/96000", 206, big[95999:]},
			{"bytes=96000-", "Thu, 01 Jan 1970 00:00:00 GMT", "", 200, big},
			{"items=0-5", "", "", 200, big},
			{"bytes=" + strings.Repeat("0-0,", 20) + "1-1", "", "", 200, big},
			{"bytes=0-,0-,0-", "", "", 200, big},
		} {
			headers := []string{"Range: " + test.ranges}
			if test.ifRange != "" {
				headers = append(headers, "If-Range: "+test.ifRange)
			}
			got := servertest.Ask(t, h, "GET", target, headers...)
			if got.StatusCode != test.status || got.Header.Get("Content-Range") != test.contentRange {
				t.Errorf("%s: %s, if %s: %s, %q", form, test.ranges, test.ifRange, got.Status, got.Header.Get("Content-Range"))
			}
			text := servertest.Body(t, got)
			if test.status == 416 && (text != "The file has 96000 bytes, and none in the range that was requested.\n" || got.Header.Get("Etag") != "" || got.Header.Get("Cache-Control") != "no-store") {
				t.Errorf("%s: %s: %v, %s", form, test.ranges, got.Header, text)
			}
			if test.status != 416 && (text != test.want || got.ContentLength != int64(len(text))) {
				t.Errorf("%s: %s: %d bytes, want %d", form, test.ranges, len(text), len(test.want))
			}
		}
		if got := servertest.Ask(t, h, "HEAD", target, "Range: bytes=16-18"); got.StatusCode != 200 || got.Header.Get("Content-Length") != "96000" {
			t.Errorf("%s: a range of a HEAD: %s, %v", form, got.Status, got.Header)
		}
		got := servertest.Ask(t, h, "GET", target, "Range: bytes=16-18,95999-")
		_, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		servertest.Must(t, err)
		parts := multipart.NewReader(got.Body, parameters["boundary"])
		for _, want := range []string{"012", "f"} {
			part, err := parts.NextPart()
			servertest.Must(t, err)
			if text, err := io.ReadAll(part); err != nil || string(text) != want {
				t.Errorf("%s: part %q, %v", form, text, err)
			}
		}
		got = servertest.Ask(t, h, "GET", "/files/pool/empty.bin", "Range: bytes=0-")
		if got.StatusCode != 200 || got.ContentLength != 0 {
			t.Errorf("%s: empty file: %s", form, got.Status)
		}
	}
}

// A file that is not what the catalog says is an error, not other bytes.
func TestDamagedRoot(t *testing.T) {
	dir := t.TempDir()
	imagetest.New(t, servertest.Spec).WriteRoot(t, dir)
	imagetest.WriteDir(t, dir, map[string][]byte{"files/pool/a_1.0.bin": []byte("longer than the letter a")})
	img, err := image.OpenRoot(dir)
	servertest.Must(t, err)
	defer img.Close()
	h := servertest.New(t, server.Options{Image: img}).Handler()
	got := servertest.Ask(t, h, "GET", "/files/pool/a_1.0.bin")
	if text := servertest.Body(t, got); got.StatusCode != 500 || strings.Contains(text, filepath.Base(dir)) || got.Header.Get("Etag") != "" {
		t.Errorf("%s: %q", got.Status, text)
	}
}
