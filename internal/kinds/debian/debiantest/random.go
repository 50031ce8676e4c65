package debiantest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// RandomArchive writes an archive that is hard to solve: few names, many
// relations between them, virtual packages, versions that cannot be installed.
func RandomArchive(random *rand.Rand, names, relations int) string {
	relation := func() string {
		name := fmt.Sprintf("p%d", random.IntN(names))
		if random.IntN(6) == 0 {
			name = fmt.Sprintf("v%d", random.IntN(1+names/3))
		}
		if random.IntN(3) == 0 {
			name += fmt.Sprintf(" (%s %d)", []string{"<<", "<=", "=", ">=", ">>"}[random.IntN(5)], 1+random.IntN(3))
		}
		return name
	}
	var b strings.Builder
	for i := range names {
		for version := range 1 + random.IntN(3) {
			fmt.Fprintf(&b, "p%d %d\n", i, version+1)
			var depends, conflicts, recommends []string
			for range random.IntN(relations + 1) {
				alternatives := []string{relation()}
				for range random.IntN(3) {
					alternatives = append(alternatives, relation())
				}
				switch clause := strings.Join(alternatives, " | "); random.IntN(6) {
				case 0:
					conflicts = append(conflicts, alternatives[0])
				case 1:
					recommends = append(recommends, clause)
				default:
					depends = append(depends, clause)
				}
			}
			fmt.Fprintf(&b, " Depends: %s\n Recommends: %s\n", strings.Join(depends, ", "), strings.Join(recommends, ", "))
			fmt.Fprintf(&b, " %s: %s\n", []string{"Conflicts", "Breaks"}[random.IntN(2)], strings.Join(conflicts, ", "))
			if random.IntN(4) == 0 {
				fmt.Fprintf(&b, " Provides: v%d%s\n", random.IntN(1+names/3), []string{"", " (= 2)"}[random.IntN(2)])
			}
		}
	}
	return b.String()
}

// RandomRequests asks for a few packages, sometimes in a version.
func RandomRequests(random *rand.Rand, names, most int) string {
	var requests []string
	for range 1 + random.IntN(most) {
		r := fmt.Sprintf("p%d", random.IntN(names))
		if random.IntN(6) == 0 {
			r += " (<= 2)"
		}
		requests = append(requests, r)
	}
	return strings.Join(requests, ";")
}
