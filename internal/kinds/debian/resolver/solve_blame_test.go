package resolver

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// A countingContext is cancelled when it was asked often enough.
type countingContext struct {
	context.Context
	left int
}

func (c *countingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A dead end is left for what is to blame: that a set names many packages, each
// in two versions, multiplies nothing.
func TestResolveFindsWhatIsToBlame(t *testing.T) {
	var archive strings.Builder
	var set []string
	for i := range 60 {
		fmt.Fprintf(&archive, "a%02d 1\na%02d 2\n", i, i)
		set = append(set, fmt.Sprintf("a%02d", i))
	}
	for _, c := range []struct{ name, last, err string }{
		{"a version of the first", "zz 1\n Depends: y | x\nx 1\n Conflicts: a00 (>= 2)\ny 1\n Depends: yy\nyy 1\n Breaks: a00 (>= 2)", ""},
		{"the last itself", "zz 1\n Depends: y | x\nx 1\n Depends: no\ny 1\n Depends: no", "zz 1 (requested) → y 1 → needs no"},
		{"every version of the first", "zz 1\n Conflicts: a00", "conflicts with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := &countingContext{context.Background(), 10000}
			_, err := newTestUniverse(t, one(archive.String()+c.last)...).Resolve(ctx, nil,
				map[string][]Request{"one": parseRequestList(t, strings.Join(set, ";")+";zz")}, Options{})
			if got := fmt.Sprint(err); c.err == "" && err != nil || !strings.Contains(got, c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
