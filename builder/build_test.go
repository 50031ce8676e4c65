package builder

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A content that two sources have is one file to fetch, from the addresses of both.
func TestDistinct(t *testing.T) {
	a := &artifact.Item{Source: "debian", Size: 1, SHA256: strings.Repeat("a", 64), URLs: []string{"http://ftp.debian.org/a"}}
	b := &artifact.Item{Source: "debian", Size: 2, SHA256: strings.Repeat("b", 64), URLs: []string{"http://ftp.debian.org/b"}}
	again := &artifact.Item{Source: "vendor", Size: 1, SHA256: a.SHA256, URLs: []string{"http://mirror.example.org/a"}}
	got := distinct([]*artifact.Item{a, b, again})
	if len(got) != 2 || !slices.Equal(got[0].URLs, []string{"http://ftp.debian.org/a", "http://mirror.example.org/a"}) || got[1] != b || len(a.URLs) != 1 {
		t.Errorf("%v", got)
	}
}
