package debian

import (
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// A node is compared with the advisories for the release that it runs, or with none.
func TestReleaseOfNode(t *testing.T) {
	for _, test := range []struct {
		baseFiles string
		codenames []string
		want      string
	}{
		{"12.4+deb12u5", []string{"bookworm"}, "bookworm"},
		{"13.8+deb13u1", []string{"bookworm", "trixie"}, "trixie"},
		{"13", []string{"bookworm", "trixie"}, "trixie"},
		{"13.8", []string{"bookworm"}, ""},
		{"11.1+deb11u9", []string{"bookworm", "trixie"}, ""},
		{"14", []string{"sid"}, "sid"},
		{"14", []string{"sid", "bookworm"}, ""},
		{"", []string{"bookworm"}, "bookworm"},
		{"", []string{"bookworm", "trixie"}, ""},
		{"12", nil, ""},
	} {
		installed := []resolver.InstalledPackage{{Name: "bash", Version: "5.2"}}
		if test.baseFiles != "" {
			installed = append(installed, resolver.InstalledPackage{Name: "base-files", Version: test.baseFiles})
		}
		if got := releaseOfNode(installed, test.codenames); got != test.want {
			t.Errorf("base-files %s, releases %v: %q, want %q", test.baseFiles, test.codenames, got, test.want)
		}
	}
}
