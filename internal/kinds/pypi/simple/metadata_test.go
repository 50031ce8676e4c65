package simple_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
	"github.com/minimirror/minimirror/internal/transfer"
)

func TestParseMetadata(t *testing.T) {
	m, err := simple.ParseMetadata(strings.NewReader("Metadata-Version: 2.1\r\nNAME: My.App\nVersion: 1.0\nRequires-Dist: a>=1\nRequires-Dist: b;\n  extra == 'x'\nProvides-Extra: x\n" +
		"Requires-Python: >=3.8\nLicense: BSD\n        all rights\nClassifier: License :: OSI Approved :: MIT License\nClassifier: Programming Language :: Python\nDescription: long\n       Name: other\nSummary: UNKNOWN\n\nName: other\n"))
	if err != nil || m.Name != "My.App" || m.Version != "1.0" || !slices.Equal(m.RequiresDist, []string{"a>=1", "b; extra == 'x'"}) || !slices.Equal(m.ProvidesExtra, []string{"x"}) ||
		m.RequiresPython != ">=3.8" || m.Summary != "" || !slices.Equal(m.Licences(), []string{"MIT License"}) {
		t.Errorf("%+v, %v", m, err)
	}
	for text, want := range map[string]string{
		"":                         "no name",
		"Name: a\n":                "no version",
		" x: y\n":                  "does not begin",
		"Name: a\nVersion: 1\nx\n": "not a field",
		"Name: ..\nVersion: 1\n":   "not valid",
		"Name: a\nVersion: 1\nClassifier: " + strings.Repeat("x", 2<<20): "more than",
	} {
		if _, err := simple.ParseMetadata(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte("Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b\n c\n\ntext"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := simple.ParseMetadata(bytes.NewReader(data))
		if err == nil && (!pep508.ValidName(m.Name) || m.Version == "") {
			t.Errorf("%+v", m)
		}
	})
}

func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzWheelMetadata(f *testing.F) {
	f.Add(archive(f, "a-1.dist-info/METADATA", "Name: a\nVersion: 1\n", "a-1.dist-info/RECORD", ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := simple.WheelMetadata(bytes.NewReader(data), int64(len(data)), "a")
		if err == nil && len(text) > simple.MaxMetadata {
			t.Errorf("%d bytes", len(text))
		}
	})
}

func TestWheelMetadata(t *testing.T) {
	const text = "Name: a\nVersion: 1\n"
	for want, data := range map[string][]byte{
		"":                nil,
		"no METADATA":     archive(t, "a/METADATA", text, "x/a-1.dist-info/METADATA", text),
		"another project": archive(t, "b-1.dist-info/METADATA", text),
		"two files":       archive(t, "a-1.dist-info/METADATA", text, "a-2.dist-info/METADATA", text),
		"not a zip":       []byte("wheel"),
		"more than":       archive(t, "a-1.dist-info/METADATA", strings.Repeat("x", simple.MaxMetadata+1)),
	} {
		if want == "" {
			data = archive(t, "a-1.dist-info/METADATA", text, "a-1.dist-info/other/METADATA", "x")
		}
		got, err := simple.WheelMetadata(bytes.NewReader(data), int64(len(data)), "a")
		if want == "" && (err != nil || string(got) != text) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// TestMetadata reads metadata of a server that has them, has them wrong, lacks what it announces, or announces nothing.
func TestMetadata(t *testing.T) {
	const text = "Name: My-App\nVersion: 1\nRequires-Dist: x\n"
	whole := archive(t, "my_app-1.dist-info/METADATA", text)
	contents := map[string][]byte{"/good.whl.metadata": []byte(text), "/good.whl": whole, "/lost.whl": whole, "/other.whl.metadata": []byte("Name: other\nVersion: 1\n"), "/broken.whl.metadata": []byte("x")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, found := contents[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	defer server.Close()
	index := newIndex(t, server.URL+"/simple/")
	file := func(name, metadata string) *simple.File {
		return &simple.File{Name: name, Dist: wheel.Filename{Tags: []wheel.Tag{{}}}, URL: server.URL + "/" + name, SHA256: sum(whole), Size: -1, Metadata: metadata != "", MetadataSHA256: strings.TrimPrefix(metadata, "true")}
	}
	s, err := index.Metadata(t.Context(), "my-app", file("good.whl", "true"+sum([]byte(text))))
	if err != nil || s.Content.SHA256 != sum([]byte(text)) || s.Content.Size != int64(len(text)) || s.Lost || s.Size != -1 || len(s.RequiresDist) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = index.Metadata(t.Context(), "my-app", file("good.whl", "true")); err != nil || s.Content.SHA256 != sum([]byte(text)) {
		t.Errorf("without a digest: %+v, %v", s, err)
	}
	if s, err = index.Metadata(t.Context(), "my-app", file("good.whl", "")); err != nil || s.Content.SHA256 != "" || s.Size != int64(len(whole)) || len(s.RequiresDist) != 1 {
		t.Errorf("none announced: %+v, %v", s, err)
	}
	if s, err = index.Metadata(t.Context(), "my-app", file("lost.whl", "true"+sum([]byte("lost")))); err != nil || !s.Lost || s.Content.SHA256 != "" {
		t.Errorf("announced, and absent: %+v, %v", s, err)
	}
	for want, f := range map[string]*simple.File{
		"sha256 mismatch":    file("good.whl", "true"+sum([]byte("another"))),
		"of another project": file("other.whl", "true"+sum([]byte("Name: other\nVersion: 1\n"))),
		"does not state":     {Name: "x.whl", Dist: wheel.Filename{Tags: []wheel.Tag{{}}}, URL: server.URL + "/lost.whl", Size: -1},
	} {
		if _, err := index.Metadata(t.Context(), "my-app", f); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ".whl") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestUnreadable tells what an installer passes over from what must not be.
func TestUnreadable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "x") }))
	defer server.Close()
	f := &simple.File{Name: "x.whl", Dist: wheel.Filename{Tags: []wheel.Tag{{}}}, URL: server.URL + "/x.whl", Metadata: true}
	if _, err := newIndex(t, server.URL+"/").Metadata(t.Context(), "x", f); !errors.Is(err, simple.ErrUnreadable) || errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}

func newIndex(t *testing.T, address string) *simple.Index {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	up, err := fetch.New(c, slog.New(slog.DiscardHandler), "test", transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &simple.Index{URL: address, Upstream: up}
}

// TestIndex asks as installers do, and is led to another host, whose addresses count from there.
func TestIndex(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", simple.TypeJSON)
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = fmt.Fprintf(w, `{"meta":{"api-version":"1.0"},"name":"my-app","files":[{"filename":"my_app-1-py3-none-any.whl","url":"my_app-1-py3-none-any.whl","hashes":{"sha256":"%s"}}]}`, digest)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/simple/my-app/":
			http.NotFound(w, r)
		case !strings.HasPrefix(r.Header.Get("Accept"), simple.TypeJSON+","):
			http.Error(w, "Accept", http.StatusNotAcceptable)
		default:
			http.Redirect(w, r, other.URL+"/elsewhere/my-app/", http.StatusFound)
		}
	}))
	defer server.Close()
	index := newIndex(t, server.URL+"/simple/")
	for range 2 { // the second time out of the cache
		var addresses []string
		_, err := index.Project(t.Context(), "my-app", func(f *simple.File) error {
			addresses = append(addresses, f.URL)
			return nil
		})
		if err != nil || !slices.Equal(addresses, []string{other.URL + "/elsewhere/my-app/my_app-1-py3-none-any.whl"}) {
			t.Errorf("%q, %v", addresses, err)
		}
	}
	if _, err := index.Project(context.Background(), "absent", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := index.Project(context.Background(), "My_App", nil); err == nil {
		t.Error("a name that is not normalised")
	}
}
