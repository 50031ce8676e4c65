package files_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/files"
	"github.com/minimirror/minimirror/internal/kinds/kindtest"
)

// folder is an upstream: files, and what is made of them.
type folder map[string]string

func (f folder) sums() string {
	var b strings.Builder
	for name, text := range f {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256([]byte(text)), name)
	}
	return b.String()
}

func (f folder) serve(t testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, found := f[strings.TrimPrefix(r.URL.Path, "/")]
		if !found {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestKind(t *testing.T) {
	key := debiantest.NewKey("files")
	upstream := folder{"bin/tool": "the tool", "disk image.qcow2": "a disk", "notes+1.txt": "notes"}
	list, err := debiantest.ClearSign([]byte(upstream.sums()), debiantest.DefaultDate, key)
	if err != nil {
		t.Fatal(err)
	}
	upstream["SHA256SUMS.asc"] = string(list)
	define := func(take string) func(testing.TB, string, string) string {
		return func(t testing.TB, dir, upstream string) string {
			if err := os.WriteFile(filepath.Join(dir, "key.asc"), key.Armored(), 0o644); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("files:\n  - { name: down, from: %q, checksums: { file: SHA256SUMS.asc, signed-by: key.asc }, take: [%s], version: 1.2.3, platform: linux/amd64 }\n", upstream, take)
		}
	}
	kindtest.Run(t, kindtest.Fixture{
		Kind:        files.Kind{},
		Upstream:    func(t testing.TB) string { return upstream.serve(t) },
		Definition:  define(`bin/tool, "*.qcow2", "notes*"`),
		Reordered:   define(`"notes*", "*.qcow2", bin/tool`),
		Set:         "[tool]",
		Item:        "tool",
		List:        "/files/down/SHA256SUMS",
		Listed:      "bin/tool\n",
		Missing:     "/files/down/nope.txt",
		MissingName: "nope.txt",
		Keyring:     key.Armored(),
		Versions: func(v string) map[string]bool {
			return map[string]bool{"= " + v: true, "< " + v: false, "<< 1.3.0": true, ">= 1.2, < 2": true, "~1.3": false, "^1.0.0": true, ">> 2": false, "<< 1:2.0": false}
		},
	})
}
