//go:build differential

package resolver

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestDifferentialVersions compares random pairs of real versions, some of them
// cut or joined, with dpkg.
func TestDifferentialVersions(t *testing.T) {
	all := newHostUniverse(t, debiantest.HostIndexes(t, debiantest.HostLists(t, "amd64"), "amd64")).All()
	random := rand.New(rand.NewPCG(*differentialSeed, 1))
	pick := func() string {
		v := all[random.IntN(len(all))].Version
		switch random.IntN(6) {
		case 0:
			v += "~"
		case 1:
			v += "+b" + fmt.Sprint(random.IntN(3))
		case 2:
			v = strings.Replace(v, "-", ".", 1)
		case 3:
			v = v[:1+random.IntN(len(v))]
		}
		return v
	}
	var pairs [][2]string
	var input strings.Builder
	for range 4000 {
		a, b := pick(), pick()
		if random.IntN(2) == 0 { // nearly the same
			b = a[:random.IntN(len(a))] + b[random.IntN(len(b)):]
		}
		pairs = append(pairs, [2]string{a, b})
		fmt.Fprintln(&input, a, b)
	}
	script := exec.Command("sh", "-c", `while read a b; do
		if dpkg --compare-versions "$a" lt "$b" 2>/dev/null; then echo -1; else
			case $? in 1) if dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi;; *) echo bad;; esac
		fi
	done`)
	script.Stdin = strings.NewReader(input.String())
	out, err := script.Output()
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for i, answer := range strings.Fields(string(out)) {
		if answer == "bad" {
			bad++
			continue
		}
		if got := fmt.Sprint(cmp.Compare(deb822.CompareVersions(pairs[i][0], pairs[i][1]), 0)); got != answer {
			t.Errorf("compareVersions(%q, %q) = %s, dpkg: %s", pairs[i][0], pairs[i][1], got, answer)
		}
	}
	t.Logf("%d pairs, dpkg takes %d of them for no versions", len(pairs), bad)
}
