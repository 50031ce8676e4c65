package transfer

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// read reads an address without a size to compare with.
func read(t *testing.T, d Download) (string, error) {
	t.Helper()
	s := client(t, Options{}).Open(context.Background(), d)
	defer s.Close()
	data, err := io.ReadAll(s)
	return string(data), err
}

func TestLocalAddresses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.html", "a b#c.tar"} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, archive := "file://"+dir+"/", "file://"+dir+"/a%20b%23c.tar"
	middle := string(content[500:1500])
	for address, want := range map[string]string{
		archive: string(content), folder + "index.html": string(content),
		archive + "#offset=500&size=1000": middle, archive + "#offset=160000&size=0": "", archive + "#offset=0&size=160000": string(content),
		"data:,a%2Fb": "a/b", "data:application/x;base64," + base64.StdEncoding.EncodeToString(content): string(content), "data:application/x;base64,": "",
	} {
		if got, err := read(t, Download{Addresses: URLs([]string{address}), Size: int64(len(want))}); err != nil || got != want {
			t.Errorf("%.60s: %d bytes, %v, want %d", address, len(got), err, len(want))
		}
		if got, err := read(t, Download{Addresses: URLs([]string{address}), Size: -1}); err != nil || got != want {
			t.Errorf("%.60s, of unknown size: %d bytes, %v, want %d", address, len(got), err, len(want))
		}
	}
	// A part can be resumed, and is not mistaken for the file around it.
	d := Download{Addresses: URLs([]string{archive + "#offset=500&size=1000"}), Size: 1000, Had: 400, Verify: func() error { return nil }, Restart: func() error { return errors.New("begun anew") }}
	if got, err := read(t, d); err != nil || got != middle[400:] {
		t.Errorf("resumed: %d bytes, %v", len(got), err)
	}
}

func TestLocalFailures(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"file://" + dir + "/none":                 "404 Not Found",
		"file://" + dir + "/none#offset=0&size=1": "404 Not Found",
		"file://" + dir:                           "not a regular file but a directory",
		"file:///dev/zero#offset=0&size=1":        "not a regular file but a device",
		"file://" + file + "#offset=5&size=6":     file + ": it has 10 bytes, but the part ends at byte 11",
		"file://" + file + "#offset=-5&size=6":    `"offset=-5&size=6" is not a part of a file`,
		"file://" + file + "#L20":                 `"L20" is not a part of a file`,
		"data:no-comma":                           "not a valid data: address",
		"data:;base64,AAAA?x=1":                   "not a valid data: address",
		"data:;base64,A":                          "wrong base64",
		"data:;base64,AAB=":                       "wrong base64",
	} {
		waited := false
		s := client(t, Options{Wait: func(context.Context, time.Duration) error { waited = true; return nil }}).Open(context.Background(), Download{Addresses: URLs([]string{address}), Size: -1})
		_, err := io.ReadAll(s)
		s.Close()
		if err == nil || !strings.Contains(err.Error(), want) || waited {
			t.Errorf("%s: %v, asked again: %v, want %q", address, err, waited, want)
		}
		if errors.Is(err, fs.ErrNotExist) != strings.HasPrefix(want, "404") || errors.Is(err, artifact.ErrVerify) != strings.Contains(want, "ends at byte") {
			t.Errorf("%s: %v is the wrong error", address, err)
		}
	}
	// What is wrong about bytes in an address does not print them.
	d := Download{Addresses: URLs([]string{"data:text/plain;base64," + base64.StdEncoding.EncodeToString(content)}), Size: int64(len(content)),
		Verify: func() error { return artifact.Verifyf("sha256 mismatch") }, Restart: func() error { return nil }}
	if _, err := read(t, d); err == nil || len(err.Error()) > 200 || !strings.Contains(err.Error(), "data:text/plain;base64,…: sha256 mismatch") {
		t.Errorf("%.300v", err)
	}
	redirect := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "data:,x", http.StatusFound) })
	if got, err := read(t, Download{Addresses: URLs([]string{redirect}), Size: -1}); err == nil || !strings.Contains(err.Error(), "from http:// to data://") {
		t.Errorf("%q, %v", got, err)
	}
}
