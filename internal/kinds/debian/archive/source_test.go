package archive

import (
	"slices"
	"testing"
)

// Servers of the first clouds take an unescaped plus for a space, and a doubled slash for part of the name.
func TestAddresses(t *testing.T) {
	src := Source{URLs: []string{"http://h/debian", "file:///srv/debian"}}
	got := src.Addresses("pool//a+b~1.deb")
	if want := []string{"http://h/debian/pool//a%2bb~1.deb", "file:///srv/debian/pool//a%2bb~1.deb"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
