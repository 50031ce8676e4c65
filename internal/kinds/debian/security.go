package debian

import "strings"

// security reports whether the release is for security updates: it says so by its
// Label ("Debian-Security"), or its suite is named so ("noble-security").
func (r *release) security() bool {
	for _, text := range []string{r.header.get("Label"), r.header.get("Suite"), r.header.get("Codename"), r.suite} {
		if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(text, "/updates")), "-security") {
			return true
		}
	}
	return false
}

// security reports whether a release for security updates lists one of the origins.
func (up *upstream) security(origins []Origin) bool {
	for _, o := range origins {
		for i, src := range up.sources {
			for j := range src.suites {
				if src.name == o.Source && src.suites[j].name == o.Suite && up.releases[i][j].security() {
					return true
				}
			}
		}
	}
	return false
}
