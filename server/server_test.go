package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

func TestFiles(t *testing.T) {
	for form, img := range servertest.Open(t) {
		h := servertest.New(t, server.Options{Image: img}).Handler()
		for target, want := range map[string]string{
			"/files/pool/a_1.0.bin":                             "the letter a",
			"/files/pool/big.bin":                               servertest.Big,
			"/files/pool/empty.bin":                             "",
			"/files/dists/x/Index":                              "Package: a\n",
			"/files/pool/b%2bb_1%253a1%7erc%2b1.bin":            "plus and tilde",
			"/files/pool/b%2Bb_1%253a1%7Erc%2B1.bin":            "plus and tilde",
			"/files/pool/b+b_1%253a1~rc+1.bin":                  "plus and tilde",
			"/fil%65s/p%6fol/a_1.0.bin":                         "the letter a",
			"/files/pool/with%20space/%c3%bc.tar.xz":            "spaces",
			"//files///pool//a_1.0.bin":                         "the letter a",
			"/files/./dists/x/./Index":                          "Package: a\n",
			"/files/dists/../pool/a_1.0.bin":                    "the letter a",
			"/../../files/pool/a_1.0.bin":                       "the letter a",
			"/%2e%2e/files/%2e/pool/a_1.0.bin":                  "the letter a",
			"/files/pool/a_1.0.bin?any=query":                   "the letter a",
			"http://elsewhere.example.org/files/pool/a_1.0.bin": "the letter a",
		} {
			get := servertest.Ask(t, h, "GET", target)
			if text := servertest.Body(t, get); get.StatusCode != 200 || text != want {
				t.Errorf("%s: GET %s: %s, %.40q", form, target, get.Status, text)
			}
			head := servertest.Ask(t, h, "HEAD", target)
			if head.StatusCode != 200 || servertest.Body(t, head) != "" || head.ContentLength != int64(len(want)) {
				t.Errorf("%s: HEAD %s: %s, length %d", form, target, head.Status, head.ContentLength)
			}
		}
	}
}

func TestHostilePaths(t *testing.T) {
	for form, img := range servertest.Open(t) {
		h := servertest.New(t, server.Options{Image: img}).Handler()
		for _, target := range []string{
			"/catalog.json", "/files", "/files/", "/files/pool", "/files/pool/", "/files/pool/a_1.0.bin/",
			"/files/../catalog.json", "/files/..%2fcatalog.json", "/files/%2e%2e/catalog.json",
			"/files/../../etc/passwd", "/files/..%5c..%5cetc%5cpasswd", "/../etc/passwd",
			"/files/pool/a_1.0.bin%00", "/files/pool/a_1.0.bin%00.txt", "/files/%00", "/files//etc/passwd",
			"/files/%2fetc%2fpasswd", "/files/pool%252fa_1.0.bin", "/files/pool/a_1.0.bin%0a", "/files/pool/b b_1%253a1~rc+1.bin",
			"/files/pool/b+b_1:1~rc+1.bin", "/FILES/pool/a_1.0.bin", "/files/" + strings.Repeat("a/", 10_000),
			"/files/pool/" + strings.Repeat("%2e%2e/", 1000) + "etc/passwd", "/minimirror.asc/", "/readyz/x", "/*", "/:x", "/~", "/%ff",
		} {
			target = strings.ReplaceAll(target, " ", "%20")
			if got := servertest.Ask(t, h, "GET", target); got.StatusCode != 404 {
				t.Errorf("%s: %s: %s", form, target, got.Status)
			} else if text := servertest.Body(t, got); len(text) > 1000 || strings.ContainsAny(text, "\x00\x1b") {
				t.Errorf("%s: %s: %q", form, target, text)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	h := servertest.New(t, server.Options{}).Handler()
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} {
		for _, target := range []string{"/", "/files/pool/a_1.0.bin", "/none", "/healthz"} {
			got := servertest.Ask(t, h, method, target)
			if got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, %q", method, target, got.Status, got.Header.Get("Allow"))
			}
		}
	}
}

func TestOwnPages(t *testing.T) {
	h := servertest.New(t, server.Options{Version: "1.2.3"}).Handler()
	for _, test := range []struct{ target, contentType, want string }{
		{"/healthz", "text/plain; charset=utf-8", "ok\n"},
		{"/readyz", "text/plain; charset=utf-8", "ready\n"},
		{"/minimirror.asc", "application/pgp-keys", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"},
	} {
		got := servertest.Ask(t, h, "GET", test.target)
		if text := servertest.Body(t, got); got.StatusCode != 200 || got.Header.Get("Content-Type") != test.contentType || text != test.want {
			t.Errorf("%s: %s, %s, %q", test.target, got.Status, got.Header.Get("Content-Type"), text)
		}
	}
	for accept, want := range map[string]string{
		"*/*": "text/plain; charset=utf-8", "": "text/plain; charset=utf-8", "text/html;q=0, */*": "text/plain; charset=utf-8",
		"text/html, text/plain, */*;q=0.1": "text/html; charset=utf-8", "text/HTML;level=1": "text/html; charset=utf-8",
	} {
		got := servertest.Ask(t, h, "GET", "/", "Accept: "+accept, "Host: mirror.example.org:8080")
		text := servertest.Body(t, got)
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != want {
			t.Errorf("Accept %q: %s, %s", accept, got.Status, got.Header.Get("Content-Type"))
		}
		usage := "curl http://mirror.example.org:8080/files/<name>"
		if strings.Contains(want, "html") {
			usage = strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(usage)
		}
		for _, part := range []string{usage, "1.2.3", "test", "2025-03-01T12:00:00Z", "5 items", "one for any"} {
			if strings.Contains(want, "html") && part == "5 items" {
				part = `>5</td>`
			}
			if !strings.Contains(text, part) {
				t.Errorf("Accept %q: no %q in\n%s", accept, part, text)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	h := servertest.New(t, server.Options{}).Handler()
	for host, want := range map[string]int{
		"mirror": 200, "mirror.example.org": 200, "192.0.2.1:8080": 200, "[2001:db8::1]": 200, "[2001:db8::1]:80": 200, "a_b-c": 200,
		"a b": 400, "a\"b": 400, "a<b>": 400, "a/b": 400, "a:b": 400, "a:": 400, ":80": 400, "[::1": 400, "::1": 400, "[fe80::1%25eth0]": 400,
		"[1.2.3.4]": 400, "ü": 400, "a,b": 400, strings.Repeat("a", 254): 400,
	} {
		if got := servertest.Ask(t, h, "GET", "/", "Host: "+host); got.StatusCode != want {
			t.Errorf("%q: %s", host, got.Status)
		}
	}
}

// wrongKind claims a route.
type wrongKind struct {
	servertest.Kind
	route string
}

func (k wrongKind) Mount(artifact.Site) []artifact.Route {
	return []artifact.Route{{Path: k.route, Handler: http.NotFoundHandler()}}
}

func TestRoutes(t *testing.T) {
	img := servertest.Open(t)[image.OCI]
	for _, route := range []string{"/", "/healthz", "files/", "/a*", "/:a", `/\`, ""} {
		if _, err := server.New(server.Options{Image: img, Kinds: []artifact.Kind{wrongKind{route: route}}}); err == nil {
			t.Errorf("%q: no error", route)
		}
	}
	if _, err := server.New(server.Options{Image: img}); err == nil || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("an image of an unknown kind: %v", err)
	}
}

// What cannot be read is a request, too.
func TestAuditOfWhatCannotBeRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Open(file, nil)
	servertest.Must(t, err)
	address, stop := servertest.Start(t, server.Options{Audit: log})
	wants := []string{}
	for request, want := range map[string]string{
		"nonsense\r\n\r\n": `"status":400,"verdict":"refused","reason":"malformed request"`,
		"GET /" + strings.Repeat("a", 60_000) + " HTTP/1.1\r\nHost: x\r\n\r\n": `"status":431,"verdict":"refused","reason":"the header is larger than 32768 bytes"`,
		"GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n":                 `"status":417,"verdict":"refused","reason":"unknown expectation"`,
	} {
		c, err := net.Dial("tcp", address)
		servertest.Must(t, err)
		_, _ = io.WriteString(c, request)
		answer, _ := io.ReadAll(c)
		c.Close()
		_, text, _ := strings.Cut(string(answer), "\r\n\r\n")
		wants = append(wants, fmt.Sprintf(`%s,"bytes":%d,`, want, len(text)))
	}
	stop()
	servertest.Must(t, log.Close())
	text, err := os.ReadFile(file)
	servertest.Must(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != len(wants) {
		t.Fatalf("%d lines: %s", len(lines), text)
	}
	for i, want := range wants {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], `"client":"127.0.0.1",`) || !strings.Contains(lines[i], `"id":"`) {
			t.Errorf("no %s in %s", want, lines[i])
		}
	}
}

func TestAudit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Open(file, nil)
	servertest.Must(t, err)
	h := servertest.New(t, server.Options{Audit: log}).Handler()
	servertest.Ask(t, h, "GET", "/files/pool/big.bin", "User-Agent: apt")
	servertest.Ask(t, h, "GET", "/files/dists/x/Index")
	servertest.Ask(t, h, "GET", "/files/pool/other.bin")
	servertest.Ask(t, h, "GET", "/none%1b")
	servertest.Ask(t, h, "POST", "/")
	servertest.Must(t, log.Close())
	text, err := os.ReadFile(file)
	servertest.Must(t, err)
	for i, want := range [][]string{
		{`"agent":"apt"`, `"method":"GET"`, `"path":"/files/pool/big.bin"`, `"status":200`, `"kind":"plain"`, `"artifact":"files/pool/big.bin"`, `"verdict":"allowed"`, `"bytes":96000`},
		{`"kind":"plain"`, `"verdict":"metadata"`},
		{`"status":404`, `"name":"other.bin"`, `"verdict":"missing"`},
		{`"path":"/none\u001b"`, `"verdict":"missing"`},
		{`"status":405`, `"verdict":"refused"`},
	} {
		line, rest, _ := strings.Cut(string(text), "\n")
		text = []byte(rest)
		for _, part := range want {
			if !strings.Contains(line, part) {
				t.Errorf("line %d: no %s in %s", i+1, part, line)
			}
		}
	}
	if len(text) > 0 {
		t.Errorf("more lines: %s", text)
	}
}
