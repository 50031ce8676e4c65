package deb822

import (
	"strings"
	"testing"
)

func TestCompareVersions(t *testing.T) {
	// Every line is in ascending order; "=" joins versions that are equal.
	for _, line := range []string{
		"0 1 2 10",
		"1~~ 1~~a 1~ 1 1a 1+ 1.0",
		"1.0~rc1 1.0~rc1-1 1.0 1.0-1 1.0-1+b1 1.0-1+deb12u1 1.0-1.1 1.0-2 1.0.1-1",
		"1=0:1=00:1 0:2 1:0 1:1 2:0~",
		"1.0=1.00=01.0 1.1",
		"1.0=1.0-0=1.0-", // an absent revision is the lowest, and equal to 0
		"2.30-1 2.30.1-1 2.100-1",
		"1-2 1-2-1=1-2-01 1-2-2",
		"1a 1aa 1ab 1b",
		"20210101 20210101git1 20210101+git1",
		"9223372036854775808:1 99999999999999999999:1",
		"1.99999999999999999998 1.99999999999999999999 1.100000000000000000000",
		"v1 v2", // no version by policy, but published
		"~ 0",
	} {
		groups := strings.Fields(line)
		for i, group := range groups {
			for j, other := range groups {
				for _, a := range strings.Split(group, "=") {
					for _, b := range strings.Split(other, "=") {
						if got := sign(CompareVersions(a, b)); got != sign(i-j) {
							t.Errorf("compareVersions(%q, %q) = %d, want %d", a, b, got, sign(i-j))
						}
					}
				}
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func FuzzCompareVersions(f *testing.F) {
	for _, s := range []string{"1:2.0~rc1-1", "0", "1.0-1+deb12u1", "-", ":", "~", "a:b-c", "1-"} {
		f.Add(s, "1.0-1", "2~")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !ValidVersion(a) || !ValidVersion(b) || !ValidVersion(c) {
			return
		}
		ab, bc, ac := sign(CompareVersions(a, b)), sign(CompareVersions(b, c)), sign(CompareVersions(a, c))
		if CompareVersions(a, a) != 0 || ab != -sign(CompareVersions(b, a)) {
			t.Errorf("%q and %q have no order", a, b)
		}
		if ab == bc && ac != ab || ab == 0 && ac != bc {
			t.Errorf("%q, %q, %q: %d, %d, but %d", a, b, c, ab, bc, ac)
		}
	})
}
