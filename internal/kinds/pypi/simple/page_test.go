package simple_test

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var base = &url.URL{Scheme: "https", Host: "index.example.org", Path: "/simple/my-app/"}

func read(t testing.TB, contentType, text string) (*simple.Page, []simple.File, error) {
	t.Helper()
	var files []simple.File
	p, err := simple.Read(strings.NewReader(text), contentType, "my-app", base, func(f *simple.File) error {
		files = append(files, *f)
		return nil
	})
	return p, files, err
}

// plain are the files without what their names say, which package wheel tests.
func plain(files []simple.File) []simple.File {
	files = slices.Clone(files)
	for i := range files {
		files[i].Dist = wheel.Filename{}
	}
	return files
}

func TestJSON(t *testing.T) {
	p, files, err := read(t, simple.TypeJSON+"; charset=utf-8", `{"meta":{"api-version":"1.4","_last-serial":7},"name":"My.App","versions":["1"],"alternate-locations":[{"a":[1,2]}],
	 "project-status":{"status":"deprecated","reason":"use another"},
	 "files":[
	  {"filename":"my_app-1.0-py3-none-any.whl","url":"../../files/my_app-1.0-py3-none-any.whl#sha256=x","hashes":{"sha256":"`+strings.ToUpper(digest)+`","md5":"1"},"size":12,
	   "requires-python":">=3.8","yanked":"broken","upload-time":"2024-05-01T10:00:00.123456Z","core-metadata":{"sha256":"`+digest+`"},"provenance":"https://index.example.org/p"},
	  {"filename":"my-app-1.1.tar.gz","url":"https://files.example.org/my-app-1.1.tar.gz","hashes":{},"yanked":false,"requires-python":null,"core-metadata":false,"size":null},
	  {"filename":"my_app-1.2-py3-none-any.whl","url":"/w","hashes":{"sha256":"`+digest+`"},"yanked":true,"dist-info-metadata":true,"size":-4}
	 ]}`)
	if err != nil || p.Status != simple.Deprecated || p.Reason != "use another" || p.Files != 3 || p.Refused != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	want := []simple.File{
		{Name: "my_app-1.0-py3-none-any.whl", URL: "https://index.example.org/files/my_app-1.0-py3-none-any.whl", SHA256: digest, Size: 12, RequiresPython: ">=3.8", Yanked: true,
			YankedReason: "broken", Uploaded: time.Date(2024, 5, 1, 10, 0, 0, 123456000, time.UTC), Metadata: true, MetadataSHA256: digest, Provenance: "https://index.example.org/p"},
		{Name: "my-app-1.1.tar.gz", URL: "https://files.example.org/my-app-1.1.tar.gz", Size: -1},
		{Name: "my_app-1.2-py3-none-any.whl", URL: "https://index.example.org/w", SHA256: digest, Size: -1, Yanked: true, Metadata: true},
	}
	if !reflect.DeepEqual(plain(files), want) {
		t.Errorf("got  %+v\nwant %+v", files, want)
	}
}

func TestHTML(t *testing.T) {
	p, files, err := read(t, "text/html; charset=UTF-8", `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.3"><meta name="pypi:project-status" content="quarantined">
	 <base href="https://cdn.example.org/a/"><base href="https://other.example.org/"></head><body><a href="../">up</a>
	 <a href="my_app-1.0-py3-none-any.whl#sha256=`+digest+`&amp;x=y" data-requires-python="&gt;=3.8" data-core-metadata="sha256=`+digest+`" data-yanked="">my_app</A>
	 <A HREF='/f/My-App-1.1%2Blocal.zip#md5=00' data-dist-info-metadata=true>x</a><a>no</a><a href="javascript:alert(1)">s</a></body>`)
	if err != nil || p.Status != simple.Quarantined {
		t.Fatalf("%+v, %v", p, err)
	}
	want := []simple.File{
		{Name: "my_app-1.0-py3-none-any.whl", URL: "https://cdn.example.org/a/my_app-1.0-py3-none-any.whl", SHA256: digest, Size: -1, RequiresPython: ">=3.8", Yanked: true, Metadata: true, MetadataSHA256: digest},
		{Name: "My-App-1.1+local.zip", URL: "https://cdn.example.org/f/My-App-1.1%2Blocal.zip", Size: -1, Metadata: true},
	}
	if !reflect.DeepEqual(plain(files), want) {
		t.Errorf("got  %+v\nwant %+v", files, want)
	}
}

func TestRefused(t *testing.T) {
	entry := func(name, address string) string {
		return fmt.Sprintf(`{"filename":%q,"url":%q,"hashes":{"sha256":"%s"}}`, name, address, digest)
	}
	p, files, err := read(t, simple.TypeJSON, `{"files":[`+strings.Join([]string{
		entry("other-1.0-py3-none-any.whl", "/a"), entry("../my_app-1.0-py3-none-any.whl", "/a"), entry("my_app-1.0.tar.gz", "file:///etc/passwd"), entry("my_app-1.0.zip", "https://me:secret@example.org/a"),
		entry("my_app_more-1.0.tar.gz", "/a"), entry("my_app-1.0-any.whl", "/a"), entry("..", "/a"), entry("my_app-1.0.egg", "/a"), entry("my_app-1.0.win32.exe", "/a"),
		`{"filename":"my_app-1.0.tar.gz","url":"/a","hashes":{"sha256":"12"}}`, `{"filename":7,"url":{}}`, entry("my.app-2.tar.gz", "/a"),
	}, ",")+`]}`)
	if err != nil || len(files) != 1 || files[0].Dist.Version.String() != "2" || p.Files != 12 || len(p.Refused) != 9 {
		t.Fatalf("%q, %+v, %v", p.Refused, files, err)
	}
	for at, want := range []string{"is a wheel of other", "cannot be the name of a file", "no usable address", "no usable address", "does not begin with my-app-", "not the name of a wheel"} {
		if !strings.Contains(p.Refused[at], want) {
			t.Errorf("%q, want %q", p.Refused[at], want)
		}
	}
}

func TestPageErrors(t *testing.T) {
	for text, want := range map[string]string{
		"application/xml <x/>":                 "not that of a page",
		" {}":                                  "not that of a page",
		simple.TypeJSON + ` {"files":[`:        "not complete JSON",
		simple.TypeJSON + ` {"name":"my-app"}`: "no list of files",
		simple.TypeJSON + ` {"name":"other","files":[]}`:                           `the project "other"`,
		simple.TypeJSON + ` {"meta":{"api-version":"2.0"},"files":[]}`:             `version "2.0"`,
		simple.TypeJSON + ` {"files":{}}`:                                          "must be",
		simple.TypeJSON + ` {"files":[],"files":[]}`:                               "two lists",
		simple.TypeJSON + ` []`:                                                    "must be",
		"text/html ":                                                               "not HTML",
		"text/html <meta name=pypi:repository-version content=2.0>":                `version "2.0"`,
		"text/html <p><a href='" + strings.Repeat("x", 1<<17) + "'>":               "",
		simple.TypeHTML + " <a href='x" + strings.Repeat("&", 100) + ".whl'>x</a>": "",
	} {
		contentType, body, _ := strings.Cut(text, " ")
		p, _, err := read(t, contentType, body)
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.60q: %v, want %q", text, err, want)
		case want == "" && err == nil && len(p.Refused) == 0:
			t.Errorf("%.60q: no error", text)
		}
	}
}

// TestLargePage reads pages of 60 MB, in which a file is 400 bytes, and looks at what is in memory meanwhile.
func TestLargePage(t *testing.T) {
	for _, contentType := range []string{simple.TypeJSON, simple.TypeHTML} {
		var most, first uint64
		files := 0
		r := &large{json: contentType == simple.TypeJSON, left: 60 << 20}
		_, err := simple.Read(r, contentType, "my-app", base, func(*simple.File) error {
			if files++; files%60_000 == 1 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if first == 0 {
					first = m.HeapAlloc
				}
				most = max(most, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || files < 100_000 || most > first+4<<20 {
			t.Errorf("%s: %d files, %d bytes in memory, %d at first: %v", contentType, files, most, first, err)
		}
	}
}

// large writes a page.
type large struct {
	bytes.Buffer
	json  bool
	n     int
	left  int
	ended bool
}

func (l *large) Read(p []byte) (int, error) {
	for l.Len() < len(p) && !l.ended {
		before := l.Len()
		switch {
		case l.json && l.left <= 0:
			l.WriteString(`]}`)
			l.ended = true
		case l.left <= 0:
			l.ended = true
		case l.json && l.n == 0:
			l.WriteString(`{"files":[` + l.entry())
		case l.json:
			l.WriteString("," + l.entry())
		default:
			fmt.Fprintf(l, `<a href="my_app-1.%d-py3-none-any.whl#sha256=%s" data-yanked="%s">x</a>`, l.n, digest, strings.Repeat("y", 280))
		}
		l.left -= l.Len() - before
		l.n++
	}
	if l.Len() == 0 {
		return 0, io.EOF
	}
	return l.Buffer.Read(p)
}

func (l *large) entry() string {
	return fmt.Sprintf(`{"filename":"my_app-1.%d-py3-none-any.whl","url":"/x","hashes":{"sha256":"%s"},"yanked":"%s"}`, l.n, digest, strings.Repeat("y", 250))
}

func FuzzRead(f *testing.F) {
	f.Add(true, `{"meta":{"api-version":"1.0"},"name":"my-app","files":[{"filename":"my_app-1-py3-none-any.whl","url":"x","hashes":{"sha256":"`+digest+`"},"yanked":true}]}`)
	f.Add(false, `<base href="//x/"><a href="my_app-1-py3-none-any.whl#sha256=`+digest+`" data-yanked>x</a>`)
	f.Fuzz(func(t *testing.T, json bool, text string) {
		contentType := simple.TypeHTML
		if json {
			contentType = simple.TypeJSON
		}
		p, files, err := read(t, contentType, text)
		if err == nil && p.Project != "my-app" {
			t.Errorf("%+v", p)
		}
		for _, file := range files {
			if strings.ContainsAny(file.Name, "/\\\x00") || file.Name == ".." || file.Dist.Version.IsZero() || file.SHA256 != "" && len(file.SHA256) != 64 {
				t.Errorf("%+v", file)
			}
			if u, err := url.Parse(file.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
				t.Errorf("%q: %v", file.URL, err)
			}
		}
	})
}

// TestRealWheels reads the metadata of Debian's wheels.
func TestRealWheels(t *testing.T) {
	wheels, err := os.ReadDir("/usr/share/python-wheels")
	if err != nil || len(wheels) == 0 {
		t.Fatalf("%v; type: sudo apt-get install python3-pip-whl python3-setuptools-whl", err)
	}
	for _, e := range wheels {
		parts := strings.Split(e.Name(), "-")
		project := pep508.NormalizeName(parts[0])
		f, err := os.Open("/usr/share/python-wheels/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		data, err := simple.WheelMetadata(f, info.Size(), project)
		if err != nil {
			t.Fatal(err)
		}
		m, err := simple.ParseMetadata(bytes.NewReader(data))
		if err != nil || pep508.NormalizeName(m.Name) != project || m.Version != parts[1] || len(m.Licences()) == 0 {
			t.Errorf("%s: %+v, %v", e.Name(), m, err)
		}
		if _, err := simple.WheelMetadata(f, info.Size(), "other"); err == nil {
			t.Errorf("%s is a wheel of other", e.Name())
		}
	}
}
