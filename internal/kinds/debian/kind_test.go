package debian_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/kindtest"
)

func TestKind(t *testing.T) {
	archive, err := debiantest.Parse(`
Suite: bookworm

Package: app
Version: 1:2.0~rc1-1
Architecture: amd64
Depends: libapp
Section: contrib/net
Source: app-src

Package: libapp
Version: 2.0
Architecture: amd64
Section: libs

Package: notes
Section: doc
Component: contrib

Suite: bookworm-updates

Package: tool+x
Version: 3.0
`)
	if err != nil {
		t.Fatal(err)
	}
	// The order of components, which clients see, is the definition's.
	define := func(suites, packages string) func(testing.TB, string, string) string {
		return func(t testing.TB, dir, upstream string) string {
			if err := os.WriteFile(filepath.Join(dir, "archive.asc"), archive.Keys["archive"].Armored(), 0o644); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("debian:\n  packages: [%s]\n  sources: [{ name: deb, urls: [%q], suites: [%s], components: [main, contrib], architectures: [amd64], signed-by: archive.asc }]\n",
				packages, upstream, suites)
		}
	}
	kindtest.Run(t, kindtest.Fixture{
		Kind:        debian.Kind{},
		Upstream:    func(t testing.TB) string { return debiantest.Start(t, archive).URL },
		Definition:  define("bookworm, bookworm-updates", "app, notes, tool+x"),
		Reordered:   define("bookworm-updates, bookworm", "tool+x, notes, app"),
		Set:         "[app]",
		Item:        "app",
		List:        "/deb/dists/bookworm/main/binary-amd64/Packages",
		Listed:      "Package: app\n",
		Missing:     "/deb/pool/main/n/nope/nope_1.0_amd64.deb",
		MissingName: "nope",
		Keyring:     archive.Keys["archive"].Armored(),
		Versions: func(v string) map[string]bool {
			return map[string]bool{"= " + v: true, "<< " + v: false, ">= " + v: true, ">> 1:1": true, "<< 1:9": true, ">> 2:0": false}
		},
	})
}
