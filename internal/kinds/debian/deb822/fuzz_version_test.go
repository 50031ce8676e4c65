package deb822

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// FuzzCompareVersionsDpkg asks dpkg: dpkg(1), --compare-versions. What dpkg does
// not take for a version is not compared.
func FuzzCompareVersionsDpkg(f *testing.F) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		f.Fatal("dpkg is missing; type: apt-get install dpkg")
	}
	for _, pair := range [][2]string{{"1:2.0~rc1-1", "1:2.0-1"}, {"1.0-1+deb12u1", "1.0-1"}, {"1.0-0", "1.0"}, {"1.a", "1.+"}, {"0:1", "1"}, {"1~~", "1~"}, {"00", "0"}, {"1-", "1"}, {"9999999999999999999999", "1e"}} {
		f.Add(pair[0], pair[1])
	}
	// asks reports whether a relation holds; known is false when dpkg complains.
	asks := func(a, relation, b string) (holds, known bool) {
		var complaint strings.Builder
		cmd := exec.Command(dpkg, "--compare-versions", "--", a, relation, b)
		cmd.Env = []string{"LC_ALL=C"}
		cmd.Stderr = &complaint
		err := cmd.Run()
		var exit *exec.ExitError
		if complaint.Len() > 0 || err != nil && !errors.As(err, &exit) {
			return false, false
		}
		return err == nil, true
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !ValidVersion(a) || !ValidVersion(b) || len(a)+len(b) > 200 {
			return
		}
		less, known := asks(a, "lt", b)
		if !known {
			return
		}
		more, _ := asks(a, "gt", b)
		want := 0
		switch {
		case less:
			want = -1
		case more:
			want = 1
		}
		if got := sign(CompareVersions(a, b)); got != want {
			t.Errorf("%q and %q: %d, dpkg says %d", a, b, got, want)
		}
	})
}
