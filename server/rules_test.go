package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/servertest"
)

func TestRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules:\n - deny: { package: pool/a_1.0.bin, reason: policy 4.2 }\n - deny: { package: pool/big.bin, client: [198.51.100.0/24] }\n - deny: { folder: nothing }\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers})
	h := s.Handler()

	denied := servertest.Ask(t, h, "GET", "/files/pool/a_1.0.bin")
	if text := servertest.Body(t, denied); denied.StatusCode != 403 || !strings.Contains(text, "policy 4.2") || !strings.Contains(text, "rules.yaml:2") {
		t.Errorf("what is denied: %s %q", denied.Status, text)
	}
	if cache := denied.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("a denial may be kept: %q", cache)
	}
	list := servertest.Body(t, servertest.Ask(t, h, "GET", "/files/dists/x/Index"))
	if strings.Contains(list, "a_1.0") || !strings.Contains(list, "big.bin") {
		t.Errorf("the list: %q", list)
	}
	if got := servertest.Body(t, servertest.Ask(t, h, "GET", "/minimirror.asc")); got != "a public key" {
		t.Errorf("the key: %q", got)
	}
	half := servertest.Ask(t, h, "GET", "/files/dists/x/half")
	if text := servertest.Body(t, half); text != "123f00" || half.Header.Get("Etag") != `"`+servertest.Sum("123f00")+`"` {
		t.Errorf("a file of pieces: %q", text)
	}
	if text := servertest.Body(t, servertest.Ask(t, h, "GET", "/files/dists/x/half", "Range: bytes=2-4")); text != "3f0" {
		t.Errorf("a part of a file of pieces: %q", text)
	}

	// httptest's client is 192.0.2.1.
	if got := servertest.Ask(t, h, "GET", "/files/pool/big.bin"); got.StatusCode != 200 {
		t.Errorf("a client that no rule is about: %s", got.Status)
	}
	servertest.WriteFile(t, file, "rules:\n - deny: { package: pool/big.bin, client: [192.0.2.0/24] }\n")
	servertest.Must(t, s.Reload(context.Background()))
	if got := servertest.Ask(t, h, "GET", "/files/pool/big.bin"); got.StatusCode != 403 {
		t.Errorf("a client that is denied: %s", got.Status)
	}
	if got := servertest.Ask(t, h, "GET", "/files/pool/a_1.0.bin"); got.StatusCode != 200 {
		t.Errorf("what is allowed again: %s", got.Status)
	}
	if after := servertest.Body(t, servertest.Ask(t, h, "GET", "/files/dists/x/Index")); !strings.Contains(after, "big.bin") || !strings.Contains(after, "a_1.0") || after[strings.LastIndex(after, "\n"):] < list[strings.LastIndex(list, "\n"):] {
		t.Errorf("the list afterwards: %q, before: %q", after, list)
	}

	servertest.WriteFile(t, file, "rules: {}\n")
	if err := s.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "rules.yaml:1") {
		t.Errorf("wrong rules: %v", err)
	}
	if got := servertest.Ask(t, h, "GET", "/files/pool/big.bin"); got.StatusCode != 403 {
		t.Errorf("after wrong rules: %s", got.Status)
	}
	if ready := servertest.Body(t, servertest.Ask(t, h, "GET", "/readyz")); !strings.Contains(ready, "stay in force") {
		t.Errorf("/readyz: %q", ready)
	}
}

// The date is the lock's, whatever the rules say. Last-Modified moves forward with each change, and with nothing else.
func TestDateOfWhatIsMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules: []\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers})
	before, was := imagetest.Date, ""
	for _, text := range []string{
		"rules: []\n", "date: 2024-01-01\nrules: []\n", "date: 2190-01-01\nrules: []\n",
		"rules:\n - deny: { package: pool/big.bin }\n", "rules: []\n", "rules: []\n", "rules:\n - deny: { package: pool/big.bin }\n",
	} {
		servertest.WriteFile(t, file, text)
		servertest.Must(t, s.Reload(context.Background()))
		got := servertest.Ask(t, s.Handler(), "GET", "/files/dists/x/Index")
		list := servertest.Body(t, got)
		if date := list[strings.LastIndex(list, "\n")+1:]; date != imagetest.Date.Format(time.RFC3339) {
			t.Errorf("%s: the date is %s", text, date)
		}
		modified, err := http.ParseTime(got.Header.Get("Last-Modified"))
		if err != nil || modified.After(before) != (list != was) || modified.Before(before) {
			t.Errorf("%s: modified %s, before %s, %v", text, modified, before, err)
		}
		before, was = modified, list
	}
}

// Rules that begin and end shape what is listed, when they do.
func TestRulesThatBegin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	begins := time.Now().Add(1500 * time.Millisecond).UTC()
	servertest.WriteFile(t, file, "rules:\n - deny: { package: pool/a_1.0.bin, from: 2024-01-01 }\n - deny: { package: pool/big.bin, from: '"+begins.Format("2006-01-02T15:04:05Z07:00")+"' }\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	defer func() { cancel(); servertest.Must(t, <-done) }()
	list := func() string {
		return servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", "/files/dists/x/Index"))
	}
	if strings.Contains(list(), "a_1.0.bin") {
		t.Errorf("what a rule that has begun denies is listed: %s", list())
	}
	servertest.Await(t, "the rule that begins", func() bool { return !strings.Contains(list(), "big.bin") })
}

func TestFilesThatBlock(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	servertest.Must(t, syscall.Mkfifo(pipe, 0o600))
	img := servertest.Open(t)["oci"]
	for name, o := range map[string]server.Options{"rules": {Rules: pipe}, "passwords": {Access: access.Options{Passwords: pipe}}} {
		o.Image, o.Kinds = img, []artifact.Kind{servertest.Kind{}}
		if _, err := server.New(o); err == nil || !strings.Contains(err.Error(), "regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.Open(pipe, nil); err == nil {
		t.Error("an audit trail that nobody reads: no error")
	}
}

// A body that never comes holds no connection.
func TestBodyThatNeverComes(t *testing.T) {
	address, _ := servertest.Start(t, server.Options{})
	for _, header := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", address)
		servertest.Must(t, err)
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header)
		servertest.Must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("%s: %v %q", header, err, answer)
		}
		conn.Close()
	}
}

// What a client has read of an earlier view is there for a while.
func TestEarlierViews(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules: []\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers, Kinds: []artifact.Kind{digestKind{}}})
	text := servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", "/files/dists/x/Index"))
	name := "/files/dists/x/" + servertest.Sum(text)
	for range 20 {
		servertest.WriteFile(t, file, "rules: []\n")
		servertest.Must(t, s.Reload(context.Background()))
	}
	got := servertest.Ask(t, s.Handler(), "GET", name)
	if again := servertest.Body(t, got); got.StatusCode != 200 || again != text {
		t.Errorf("%s %q", got.Status, again)
	}
	if cache := got.Header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
		t.Errorf("Cache-Control: %q", cache)
	}
	if now := servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", "/files/dists/x/Index")); now == text {
		t.Error("the list has not changed")
	}
}

// A digestKind names its list by digest, too; no two are the same.
type digestKind struct{ servertest.Kind }

var lists int

func (digestKind) Filter(_ context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	lists++
	text := strings.Repeat("x", lists)
	return []artifact.Generated{
		{Path: "files/dists/x/Index", Data: []byte(text), Modified: req.Date},
		{Path: "files/dists/x/" + servertest.Sum(text), Link: "files/dists/x/Index", Modified: req.Date},
	}, nil
}

func TestRulesAtTheStart(t *testing.T) {
	dir := t.TempDir()
	img := servertest.Open(t)["oci"]
	for name, text := range map[string]string{"wrong.yaml": "rules: 3\n", "empty.yaml": ""} {
		file := filepath.Join(dir, name)
		servertest.Must(t, os.WriteFile(file, []byte(text), 0o644))
		if _, err := server.New(server.Options{Image: img, Kinds: []artifact.Kind{servertest.Kind{}}, Rules: file}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := server.New(server.Options{Image: img, Kinds: []artifact.Kind{servertest.Kind{}}, Rules: filepath.Join(dir, "none")}); err == nil {
		t.Error("a file that is not there: no error")
	}
	big := filepath.Join(dir, "big.yaml")
	servertest.Must(t, os.WriteFile(big, bytes.Repeat([]byte("#\n"), 3<<20), 0o644))
	if _, err := server.New(server.Options{Image: img, Kinds: []artifact.Kind{servertest.Kind{}}, Rules: big}); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestMetrics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules:\n - deny: { package: pool/a_1.0.bin }\n")
	s := servertest.New(t, server.Options{Rules: file, Signer: servertest.Signers})
	h := s.Handler()
	servertest.Ask(t, h, "GET", "/files/pool/a_1.0.bin")
	servertest.Ask(t, h, "GET", "/files/pool/big.bin")
	servertest.Ask(t, h, "GET", "/files/pool/none.bin")
	servertest.Ask(t, h, "GET", "//files/./dists/x/Index")
	servertest.Ask(t, h, "GET", "/files/dists/y/Index") // 404
	address, stop := servertest.StartAdmin(t, s)
	defer stop()
	resp, err := http.Get("http://" + address + "/metrics")
	servertest.Must(t, err)
	text := servertest.Body(t, resp)
	for _, want := range []string{
		`minimirror_requests_total{kind="plain",verdict="allowed"} 1`, `minimirror_requests_total{kind="plain",verdict="denied"} 1`,
		`minimirror_requests_total{kind="plain",verdict="missing"} 2`, `minimirror_sent_bytes_total{kind="plain",verdict="allowed"} 96000`,
		`minimirror_requests_in_flight 0`, `minimirror_rules_generation 1`, `minimirror_rules_failing 0`, `minimirror_rules_artifacts{verdict="denied"} 1`,
		`minimirror_channel_clients{channel="x",kind="plain",source="files",state="reading"} 1`, `minimirror_channel_clients{channel="x",kind="plain",source="files",state="lacking"} 0`,
		`minimirror_channel_clients{channel="y",kind="plain",source="files",state="reading"} 0`, `minimirror_channel_clients{channel="y",kind="plain",source="files",state="lacking"} 1`,
		`minimirror_audit_errors_total 0`, `minimirror_request_duration_seconds_count{verdict="allowed"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/debug/pprof/": 404, "/files/pool/big.bin": 404} {
		resp, err := http.Get("http://" + address + path)
		servertest.Must(t, err)
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}
