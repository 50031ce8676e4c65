package builder

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// What a set has for every node goes into the sets for particular architectures and systems, where there are any.
func TestDistribute(t *testing.T) {
	set := func(name, system, architecture, item string) artifact.Set {
		return artifact.Set{Name: name, System: system, Architecture: architecture, Requested: []string{item}, Items: []string{item}}
	}
	got := distribute([]artifact.Set{
		set("a", "bookworm", "amd64", "1"), set("a", "trixie", "amd64", "2"), set("a", "trixie", "arm64", "3"),
		set("a", "", "any", "f"), set("a", "", "amd64", "g"), set("b", "", "any", "h"), set("c", "", "amd64", "i"), set("c", "", "any", "j"),
	})
	var lines []string
	for _, s := range got {
		lines = append(lines, s.Name+" "+s.Nodes()+": "+strings.Join(s.Items, ","))
	}
	want := []string{"a bookworm/amd64: 1,f,g", "a trixie/amd64: 2,f,g", "a trixie/arm64: 3,f", "b any: h", "c amd64: i,j"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}
