package archive

import (
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// security reports whether the release is for security updates: it says so by its
// Label ("Debian-Security"), or its suite is named so ("noble-security").
func (r *Release) security() bool {
	for _, text := range []string{r.Header.Get("Label"), r.Header.Get("Suite"), r.Header.Get("Codename"), r.suite} {
		if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(text, "/updates")), "-security") {
			return true
		}
	}
	return false
}

// Security reports whether a release for security updates lists one of the origins.
func (up *Upstream) Security(origins []deb822.Origin) bool {
	for _, o := range origins {
		for i, src := range up.Sources {
			for j := range src.Suites {
				if src.Name == o.Source && src.Suites[j].Name == o.Suite && up.releases[i][j].security() {
					return true
				}
			}
		}
	}
	return false
}
