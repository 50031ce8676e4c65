package debian

import (
	"errors"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// FuzzSpec gives mirror.yaml's own section to its reader: what is wrong has a text
// that begins with the file and line.
func FuzzSpec(f *testing.F) {
	f.Add("sources: [host, { name: own, debs: [\"*.deb\", \"https://vendor.example.org/a.deb#sha256=1\"], pin: 1 }]\npackages: [{ installed-on: x* }]\n")
	f.Add("sources: host\npackages: [a, \"b (>= 1)\"]\nbase: essential\nexclude: [c]\nupstream: omit\n")
	f.Add("sources:\n- {name: d, urls: [\"http://h/x\"], suites: [s, f/], components: [main], architectures: [amd64], signed-by: /nonexistent, pin: 100, release-names: [x]}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		section, err := strictyaml.Parse("mirror.yaml", []byte(text))
		if err != nil {
			return
		}
		if _, err := (Kind{}).Parse(section, nil, dir); err != nil && !strings.HasPrefix(err.Error(), "mirror.yaml:") {
			if hinted := (*artifact.HintError)(nil); !errors.As(err, &hinted) {
				t.Fatalf("an error without a place: %v", err)
			}
		}
	})
}
