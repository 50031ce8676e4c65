package dpkg

import (
	"fmt"
	"slices"
	"testing"
)

// Of two packages, two are unpacked and two are installed: not four of anything.
func TestInstallCountsPackages(t *testing.T) {
	var said []string
	d := &dpkg{total: 2, done: map[string]int{}, progress: func(name, state string, done, total int) {
		said = append(said, fmt.Sprintf("%d of %d %s %s", done, total, state, name))
	}}
	for _, line := range []string{
		"status: a: half-installed", "status: a: unpacked", "status: b: unpacked", "processing: configure: a", "status: a: unpacked", "status: a: half-configured",
		"status: a: installed", "status: b: installed", "status: b: installed",
	} {
		if problems := d.report(line); problems != nil {
			t.Errorf("%s: %v", line, problems)
		}
	}
	want := []string{"1 of 2 unpacked a", "2 of 2 unpacked b", "1 of 2 installed a", "2 of 2 installed b", "2 of 2 installed b"}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}
