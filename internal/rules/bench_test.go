package rules_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/rules"
)

// large makes an archive of n artifacts, and rules of which half name packages and half
// have patterns; some are on versions, sources or sections, some on clients or times.
func large(t testing.TB, artifacts, count int) ([]artifact.Item, func(int) [][]string, []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"lib", "python3", "perl", "golang", "dev", "doc", "common", "data", "utils", "node", "ruby", "fonts", "kde", "gnome", "r-cran", "haskell", "tools", "core", "plugin", "server"}
	name := func() string {
		return fmt.Sprintf("%s-%s%d-%s", words[random.IntN(20)], words[random.IntN(20)], random.IntN(400), words[random.IntN(20)])
	}
	all := make([]artifact.Item, artifacts)
	for i := range all {
		all[i] = deb(t, fmt.Sprintf("%s %d.%d-%d amd64 %s bookworm/main src%d", name(), random.IntN(9), random.IntN(20), random.IntN(4), words[random.IntN(20)], random.IntN(artifacts/2)))
	}
	properties := make([][][]string, artifacts)
	for i := range all {
		properties[i] = debian.Kind{}.PropertiesOf(&all[i])
		all[i].Metadata = nil
	}
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range count {
		key, value := "package", name()
		if i%2 == 1 {
			w := words[random.IntN(20)]
			value = []string{"%s-x%d*", "*%d-%s", "%s-*-%d", "*%s%d*", "[a-f]*%s-%d"}[random.IntN(5)]
			if value == "*%d-%s" {
				value = fmt.Sprintf(value, random.IntN(400), w)
			} else {
				value = fmt.Sprintf(value, w, random.IntN(400))
			}
		}
		rest := ""
		switch i % 10 {
		case 2, 3:
			rest = fmt.Sprintf(", version: '<< %d.%d'", random.IntN(9), random.IntN(20))
		case 4:
			key, value = "source", fmt.Sprintf("src%d", random.IntN(artifacts/2))
		case 5:
			key, value = "source", fmt.Sprintf("src%d*", random.IntN(9999)+1000)
		case 6:
			rest = ", section: " + words[random.IntN(20)]
		case 7:
			rest = ", client: 10.0.0.0/8"
		case 8:
			rest = ", time: Mon-Fri"
		}
		fmt.Fprintf(&b, "  - deny: { %s: '%s'%s }\n", key, value, rest)
	}
	return all, func(i int) [][]string { return properties[i] }, []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, count := range []int{1000, 50_000} {
		_, _, text := large(b, 60_000, count)
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rules.Parse("rules.yaml", text, onlyDebian); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, count := range []int{0, 1000, 50_000} {
		all, properties, text := large(b, 60_000, count)
		if count == 0 {
			text = []byte("default: allow")
		}
		r, err := rules.Parse("rules.yaml", text, onlyDebian)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Apply(all, properties)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			table := r.Apply(all, properties)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)), "B-kept")
			_, denied, conditional := table.Counts()
			b.ReportMetric(float64(denied), "denied")
			b.ReportMetric(float64(conditional), "conditional")
		})
	}
}

func BenchmarkVerdict(b *testing.B) {
	all, properties, text := large(b, 60_000, 1000)
	r, err := rules.Parse("rules.yaml", text, onlyDebian)
	if err != nil {
		b.Fatal(err)
	}
	table, client := r.Apply(all, properties), netip.MustParseAddr("10.1.2.3")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		table.Verdict(i, client, monday)
		if i++; i == len(all) {
			i = 0
		}
	}
}
