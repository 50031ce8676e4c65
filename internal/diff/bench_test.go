package diff

import (
	"fmt"
	"io"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// BenchmarkCompare compares two months of a whole distribution, of which one item in twenty is upgraded, and writes the difference.
func BenchmarkCompare(b *testing.B) {
	var old, new []string
	for i := range 60_000 {
		old = append(old, fmt.Sprintf("s name-%05d 1 amd64 main", i))
		new = append(new, fmt.Sprintf("s name-%05d %d amd64 main", i, 1+(i%20)/19))
	}
	before, after := side("numbered", old...), side("numbered", new...)
	b.ReportAllocs()
	for b.Loop() {
		d := Compare(before, after, []artifact.Kind{numbered{}})
		if d.Count.Upgraded != 3000 {
			b.Fatal(d.Count)
		}
		if err := d.Text(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
