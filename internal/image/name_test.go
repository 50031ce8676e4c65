package image_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image/layout"
)

func TestLocalNames(t *testing.T) {
	date := time.Date(2026, 12, 1, 1, 0, 0, 0, time.FixedZone("", 7200)) // the day before, in UTC
	pinned, latest := layout.LocalNames("site", date, "sha256:1a2b3c4d"+strings.Repeat("0", 56))
	if pinned != "minimirror.local/site:20261130-1a2b3c4d" || latest != "minimirror.local/site:latest" {
		t.Errorf("%s, %s", pinned, latest)
	}
	for name, want := range map[string]bool{pinned: true, latest: false, "minimirror.local/site:1": false, "docker.io/site:20261130-1a2b3c4d": false} {
		if layout.IsPinnedName(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
	for name, want := range map[string]bool{"site": true, "kubernetes-node": true, "a.b_c": true, "a..b": false, "a-": false, ".a": false, "A": false, "a/b": false, "": false} {
		if layout.ValidName(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
