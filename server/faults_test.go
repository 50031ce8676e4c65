package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// cutShort cuts all layers of an image in a folder to so many bytes.
func cutShort(t testing.TB, dir string, size int64) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	servertest.Must(t, err)
	for _, blob := range blobs {
		if info, err := os.Stat(blob); err == nil && info.Size() > size {
			servertest.Must(t, os.Truncate(blob, size))
		}
	}
}

// What the mirror itself cannot read is its failure, in the audit trail, the log and the metrics, and the client is left
// with a connection that is cut, not with other bytes.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	file, rules := filepath.Join(dir, "audit"), filepath.Join(dir, "rules.yaml")
	servertest.WriteFile(t, rules, "rules: []\n")
	m := imagetest.New(t, servertest.Spec)
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
	servertest.Must(t, err)
	defer img.Close()
	trail, err := audit.Open(file, nil)
	servertest.Must(t, err)
	var log servertest.Buffer
	o := server.Options{Image: img, Audit: trail, Rules: rules, Signer: servertest.Signers, Log: slog.New(slog.NewTextHandler(&log, nil))}
	s := servertest.New(t, o)
	address, stop := servertest.Run(t, s)
	cutShort(t, filepath.Join(dir, "oci"), 700)

	requests := []string{
		"GET /files/pool/a_1.0.bin HTTP/1.1", // small: nothing of it is sent
		"GET /files/pool/big.bin HTTP/1.1",
		"GET /files/pool/big.bin HTTP/1.1\r\nRange: bytes=5-",
		"GET /files/pool/big.bin HTTP/1.1\r\nRange: bytes=90000-",
		"GET /files/pool/big.bin HTTP/1.1\r\nRange: bytes=0-1,90000-",
		"GET /files/pool/big.bin HTTP/1.0",
		"GET /files/dists/x/half HTTP/1.1", // of pieces
	}
	for _, request := range requests {
		c := servertest.Dial(t, address)
		fmt.Fprintf(c, "%s\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", request)
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		if err == nil {
			t.Errorf("%s: a whole answer, %s", request, resp.Status)
		}
		if rest, _ := io.ReadAll(in); len(rest) > 0 {
			t.Errorf("%s: the connection went on: %q", request, rest)
		}
	}
	for range 3 {
		resp, err := http.Head("http://" + address + "/files/pool/big.bin")
		servertest.Must(t, err)
		if resp.StatusCode != 500 || resp.Header.Get("Etag") != "" {
			t.Errorf("HEAD: %s, %v", resp.Status, resp.Header)
		}
	}
	admin, stopAdmin := servertest.StartAdmin(t, s)
	defer stopAdmin()
	resp, err := http.Get("http://" + admin + "/metrics")
	servertest.Must(t, err)
	metrics := servertest.Body(t, resp)
	count := len(requests) + 3
	for _, want := range []string{fmt.Sprintf("minimirror_read_errors_total %d\n", count), fmt.Sprintf(`minimirror_requests_total{kind="plain",verdict="failed"} %d`, count),
		`minimirror_requests_total{kind="plain",verdict="allowed"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	servertest.Must(t, trail.Close())
	lines, err := os.ReadFile(file)
	servertest.Must(t, err)
	for line := range bytes.Lines(lines) {
		var record struct {
			Path, Verdict, Reason, Artifact string
			Bytes                           int64
		}
		servertest.Must(t, json.Unmarshal(line, &record))
		if record.Verdict != "failed" || record.Reason == "" || strings.HasSuffix(record.Path, ".bin") && record.Artifact == "" || strings.HasSuffix(record.Path, "a_1.0.bin") && record.Bytes != 0 {
			t.Errorf("audit: %s", line)
		}
	}
	if n := strings.Count(log.String(), "big.bin"); n < 1 || n > 3 || strings.Count(log.String(), "a_1.0.bin") != 1 {
		t.Errorf("%d lines about one file in the log:\n%s", n, log.String())
	}
}

// The image is cut short while a file of it is on its way.
func TestCutShortWhileServing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "audit")
	m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"huge.bin": strings.Repeat("0123456789abcdef", 2<<20)}})
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
	servertest.Must(t, err)
	defer img.Close()
	trail, err := audit.Open(file, nil)
	servertest.Must(t, err)
	address, stop := servertest.Start(t, server.Options{Image: img, Audit: trail})
	c := servertest.Dial(t, address)
	fmt.Fprint(c, "GET /files/huge.bin HTTP/1.1\r\nHost: mirror\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil) // no socket holds the rest
	servertest.Must(t, err)
	cutShort(t, filepath.Join(dir, "oci"), 20<<20)
	n, err := io.Copy(io.Discard, resp.Body)
	if err != io.ErrUnexpectedEOF || n >= 20<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	stop()
	servertest.Must(t, trail.Close())
	if line, err := os.ReadFile(file); err != nil || !bytes.Contains(line, []byte(`"verdict":"failed"`)) || bytes.Contains(line, []byte(`"bytes":0,`)) {
		t.Errorf("%s, %v", line, err)
	}
}

// A client that goes away is no fault of the mirror's.
func TestClientsFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit")
	trail, err := audit.Open(file, nil)
	servertest.Must(t, err)
	var log servertest.Buffer
	c, _, stop := slow(t, server.Options{Audit: trail, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c.Close()
	stop()
	servertest.Must(t, trail.Close())
	if line, err := os.ReadFile(file); err != nil || !bytes.Contains(line, []byte(`"verdict":"allowed"`)) || strings.Contains(log.String(), "cannot read") {
		t.Errorf("%s, %v, the log: %s", line, err, log.String())
	}
}
