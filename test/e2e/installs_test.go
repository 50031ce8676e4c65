package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// cmdInstalls serves an image and has apt fetch packages from it. Every file
// must be one of upstream's, byte for byte.
func cmdInstalls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: installs REF [ARCH,…] PACKAGE…")
	}
	ref, architectures, packages := args[0], []string{"amd64"}, args[1:]
	if strings.Contains(packages[0], "amd64") {
		architectures, packages = strings.Split(packages[0], ","), packages[1:]
	}
	w := worldOf(ts)
	m := serve(ts, ref, "127.0.0.1:0")
	sources, err := get("http://" + m.address + "/minimirror.sources")
	ts.Check(err)
	if !strings.Contains(sources, "Signed-By:") || strings.Contains(strings.ToLower(sources), "trusted") {
		ts.Fatalf("minimirror.sources does not rest on a key:\n%s", sources)
	}
	apt := debiantest.NewApt(w.t, sources, architectures...)
	_, err = apt.Get("--error-on=any", "update")
	ts.Check(err)
	_, err = apt.Get(append([]string{"-qq", "--yes", "--download-only", "install"}, packages...)...)
	ts.Check(err)
	debs, err := apt.Debs()
	ts.Check(err)
	m.stop()
	for _, name := range slices.Sorted(maps.Keys(debs)) {
		if !w.published(debs[name]) {
			ts.Fatalf("%s is no file of upstream", name)
		}
		fmt.Fprintln(ts.Stdout(), name)
	}
}

// published reports whether an upstream has a file with this content.
func (w *world) published(data []byte) bool {
	for _, u := range w.upstreams {
		for _, file := range u.tree.Files {
			if string(file) == string(data) {
				return true
			}
		}
	}
	return false
}

func get(url string) (string, error) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", url, resp.Status, body)
	}
	return string(body), err
}
