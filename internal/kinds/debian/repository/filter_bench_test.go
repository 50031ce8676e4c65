package repository

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// BenchmarkFilter takes packages out of this machine's package lists: one, and one in a hundred. It reports
// the time as a ratio to that of sha256sum and gzip -1 of the same files, and what memory it adds.
func BenchmarkFilter(b *testing.B) {
	pins := artifact.Pins{Date: debiantest.Today, Sources: []artifact.Source{{Name: "host", Releases: []artifact.Release{}}}}
	u := resolver.NewUniverse()
	for _, x := range debiantest.HostIndexes(b, debiantest.HostLists(b, "amd64"), "amd64") {
		u.Add(deb822.Origin{Source: x.Source, Suite: x.Suite, Component: x.Component, Architecture: x.Architecture, Priority: x.Priority}, x.Text)
	}
	suites := make(map[string]bool)
	for _, p := range u.All() {
		a, err := p.Item("host", func(string) []string { return nil })
		if err != nil {
			b.Fatal(err)
		}
		pins.Items = append(pins.Items, a)
		if suite := p.Origins[0].Suite; !suites[suite] {
			suites[suite] = true
			pins.Sources[0].Releases = append(pins.Sources[0].Releases, artifact.Release{Name: suite, Metadata: []string{"Suite: " + suite, "Components: main contrib", "Architectures: amd64"}})
		}
	}
	image := debiantest.TestTree{}.With(b, plan(b, pins))
	for _, each := range []int{len(pins.Items), 100} {
		b.Run(fmt.Sprintf("1in%d", each), func(b *testing.B) {
			absent := make(map[string]bool)
			for i := each / 2; i < len(pins.Items); i += each {
				absent[pins.Items[i].ID()] = true
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Filter(context.Background(), debiantest.FilterRequest(image, pins.Sources, func(id string) bool { return absent[id] })); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			ours := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(len(pins.Items)), "packages")
			b.ReportMetric(ours.Seconds()/timeOfGzip(b, image).Seconds(), "of-sha256sum-gzip")
		})
	}
}

// timeOfGzip is the best of three.
func timeOfGzip(b *testing.B, image debiantest.TestTree) time.Duration {
	best := time.Hour
	for range 3 {
		var all time.Duration
		for name, data := range image {
			if filepath.Base(name) != "Packages" {
				continue
			}
			for _, program := range [][]string{{"sha256sum"}, {"gzip", "-1"}} {
				cmd := exec.Command(program[0], program[1:]...)
				cmd.Stdin = bytes.NewReader(data)
				start := time.Now()
				if err := cmd.Run(); err != nil {
					b.Fatalf("%s: %v", program[0], err)
				}
				all += time.Since(start)
			}
		}
		best = min(best, all)
	}
	return best
}
