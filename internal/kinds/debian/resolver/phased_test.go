package resolver

import (
	"context"
	"testing"
)

// TestPhasedWhole: a whole archive is carried without what waits, but for what has no other version.
func TestPhasedWhole(t *testing.T) {
	u := newTestUniverse(t, index("stable", "foo 1\nfoo 1 all"), index("updates", "foo 2\n Phased-Update-Percentage: 10\nnew 1\n Phased-Update-Percentage: 10"),
		index("security", "bar 1\nbaz 2"), index("other", "bar 2\n Phased-Update-Percentage: 10\nbaz 2\n Phased-Update-Percentage: 0"))
	if got, want := texts(u.All()), "bar 1, baz 2, foo 1 all, foo 1, new 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	closure, err := u.Resolve(context.Background(), parseRequestList(t, "baz; bar"), nil, Options{})
	if err != nil || texts(closure.Packages) != "bar 1, baz 2" {
		t.Errorf("got %v, %v", closure, err)
	}
}
