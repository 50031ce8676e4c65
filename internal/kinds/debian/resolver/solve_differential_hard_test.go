//go:build differential

package resolver

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestDifferentialHard is TestDifferential over a made-up archive of more than
// 2,000 stanzas that is hard to solve.
func TestDifferentialHard(t *testing.T) {
	architectures := []string{"amd64", "i386"}
	indexes := hardArchive(rand.New(rand.NewPCG(*differentialSeed, 7)), architectures)
	stanzas := 0
	for _, x := range indexes {
		stanzas += strings.Count(string(x.Text), "Package: ")
	}
	if stanzas < 2000 {
		t.Fatalf("only %d stanzas", stanzas)
	}
	requests := min(300, 3**differentialRequests) // these are quick
	alone := requests * 2 / 3
	native := slices.DeleteFunc(slices.Clone(indexes), func(x debiantest.HostIndex) bool { return x.Architecture != architectures[0] })
	one := newDifferential(t, native, architectures[0])
	one.beyond = true
	one.run(0, alone)
	two := newDifferential(t, indexes, architectures...)
	two.beyond = true
	two.run(alone, requests)
	t.Logf("%d stanzas", stanzas)
	// Requests that exclude each other can put a package into the closure that apt,
	// which does not search, prefers and fails by: one in some hundred here.
	judge(t, requests*99/100, requests, one, two)
}

const hardNames = 1200

// hardArchive writes an index for each architecture. Names lean on names with lower
// numbers; on the way there are virtual packages that lead to others, cycles,
// alternatives whose first side conflicts with something, versioned Provides, all
// values of Multi-Arch, newest versions that cannot be installed, Breaks with
// Replaces, and Pre-Depends. A suite of lower priority has newer versions, and what
// needs some of them. apt copes with most of it.
func hardArchive(random *rand.Rand, architectures []string) []debiantest.HostIndex {
	texts := make([]strings.Builder, len(architectures))
	h := &hardWriter{Rand: random}
	for range hardNames {
		multiArch := []string{"", "", "same", "foreign", "allowed"}[random.IntN(5)]
		all := random.IntN(4) == 0
		if all && multiArch != "foreign" {
			multiArch = ""
		}
		h.multiArch, h.all, h.versions = append(h.multiArch, multiArch), append(h.all, all), append(h.versions, 1+random.IntN(3))
	}
	for number := range hardNames {
		for version := 1; version <= h.versions[number]; version++ {
			fields := h.fields(number, version)
			for at, architecture := range architectures {
				size := 1000 + random.IntN(100000)
				if h.all[number] {
					architecture, size = "all", 5000+number
				}
				id := fmt.Sprintf("n%d_%d.0_%s", number, version, architecture)
				fmt.Fprintf(&texts[at], "Package: n%d\nVersion: %d.0\nArchitecture: %s\n%sFilename: pool/%s.deb\nSize: %d\nSHA256: %x\n\n",
					number, version, architecture, fields, id, size, sha256.Sum256([]byte(id)))
			}
		}
	}
	var indexes []debiantest.HostIndex
	for at, architecture := range architectures {
		indexes = append(indexes, debiantest.HostIndex{Source: "hard", Suite: "s", Component: "main", Architecture: architecture, Text: []byte(texts[at].String())})
	}
	return append(indexes, h.later(architectures)...)
}

// later writes the suite of lower priority (NotAutomatic, ButAutomaticUpgrades).
func (h *hardWriter) later(architectures []string) (indexes []debiantest.HostIndex) {
	texts := make([]strings.Builder, len(architectures))
	for number := 50; number < hardNames; number += 4 {
		version, multiArch := h.versions[number]+1, ""
		if h.multiArch[number] != "" {
			multiArch = "Multi-Arch: " + h.multiArch[number] + "\n"
		}
		relation := h.relation(number)
		for at, architecture := range architectures {
			write := func(name, version, architecture, fields string) {
				id := name + "_" + version + "_" + architecture
				fmt.Fprintf(&texts[at], "Package: %s\nVersion: %s\nArchitecture: %s\n%sFilename: pool/%s.deb\nSize: %d\nSHA256: %x\n\n",
					name, version, architecture, fields, id, 5000+number, sha256.Sum256([]byte(id)))
			}
			own := architecture
			if h.all[number] {
				own = "all"
			}
			write(fmt.Sprintf("n%d", number), fmt.Sprintf("%d.0", version), own, multiArch+"Depends: "+relation+"\n")
			if number%3 == 0 {
				write(fmt.Sprintf("m%d", number), "1.0", architecture, fmt.Sprintf("Depends: n%d (>= %d.0)\n", number, version))
			}
		}
	}
	for at, architecture := range architectures {
		indexes = append(indexes, debiantest.HostIndex{Source: "hard", Suite: "later", Component: "main", Architecture: architecture, Priority: 100, Text: []byte(texts[at].String())})
	}
	return indexes
}

// A hardWriter writes the relations of packages.
type hardWriter struct {
	*rand.Rand
	multiArch []string
	all       []bool
	versions  []int
}

func (h *hardWriter) chance(n int) bool { return h.IntN(n) == 0 }

// below is a lower number, not far.
func (h *hardWriter) below(number int) int { return max(0, number-1-h.IntN(60)) }

func (h *hardWriter) relation(number int) string {
	other := h.below(number)
	// Ten names share a virtual package; one of them provides it with a version.
	if virtual := min(other/10, number/10-1); virtual >= 0 && h.chance(8) {
		if h.chance(3) {
			return fmt.Sprintf("v%d (>= 2)", virtual)
		}
		return fmt.Sprintf("v%d", virtual)
	}
	text := fmt.Sprintf("n%d", other)
	if h.multiArch[other] == "allowed" && h.chance(2) {
		text += ":any"
	}
	switch version := 1 + h.IntN(h.versions[other]); h.IntN(8) {
	case 0:
		text += fmt.Sprintf(" (>= %d.0)", version)
	case 1:
		text += fmt.Sprintf(" (<< %d.0)", h.versions[other]+1)
	}
	return text
}

func (h *hardWriter) fields(number, version int) string {
	fields := make(map[string][]string)
	add := func(name, format string, args ...any) {
		fields[name] = append(fields[name], fmt.Sprintf(format, args...))
	}
	if number > 0 {
		for range h.IntN(3) {
			clause := h.relation(number)
			for h.chance(3) {
				clause += " | " + h.relation(number)
			}
			field := []string{"Depends", "Depends", "Depends", "Depends", "Pre-Depends", "Recommends"}[h.IntN(6)]
			if number%40 == 22 && field == "Pre-Depends" {
				field = "Depends" // no Pre-Depends in a cycle: Policy 3.5
			}
			add(field, "%s", clause)
		}
	}
	switch {
	case version > 1 && version == h.versions[number] && h.chance(50):
		add("Depends", "missing (>= 1)")
	case number%40 == 21: // a cycle of two
		add("Depends", "n%d", number+1)
	case number%40 == 22:
		add("Depends", "n%d", number-1)
	case number%40 == 31: // a side that conflicts with what the other dependency is
		add("Depends", "n%d | n%d, n%d", number-1, number-2, number-3)
	case number%40 == 30:
		add("Conflicts", "n%d", number-2)
	case number > 0 && h.chance(20):
		other := h.below(number)
		add("Breaks", "n%d (<< %d.0)", other, h.versions[other])
		add("Replaces", "n%d (<< %d.0)", other, h.versions[other])
	case number%97 == 96: // one of its kind
		add("Provides", "alone")
		add("Conflicts", "alone")
	}
	switch number % 10 {
	case 0:
		add("Provides", "v%d", number/10)
		if number > 100 { // a virtual package on the way to another
			add("Depends", "v%d", number/10-1-h.IntN(5))
		}
	case 5:
		add("Provides", "v%d (= %d)", number/10, 1+version)
	case 7:
		add("Provides", "v%d", number/10)
	}
	if h.multiArch[number] != "" {
		add("Multi-Arch", "%s", h.multiArch[number])
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(fields[name], ", "))
	}
	return b.String()
}
