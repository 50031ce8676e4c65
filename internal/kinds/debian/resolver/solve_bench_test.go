package resolver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// BenchmarkResolve indexes and resolves 200 random packages of this machine's
// package lists. It reports the time as a ratio to that of apt-get -s install
// for the same, with and without apt's binary cache, and the peak of memory.
func BenchmarkResolve(b *testing.B) {
	indexes := debiantest.HostIndexes(b, debiantest.HostLists(b, "amd64"), "amd64")
	root := debiantest.NewAptRoot(b, b.TempDir())
	for _, x := range indexes {
		root.AddRepository(x.Text)
	}
	root.Update()
	names := installable(b, indexes, root)
	var requests []Request
	for _, name := range names {
		requests = append(requests, parseRequestList(b, name)...)
	}

	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // forget the peak so far
	b.ReportAllocs()
	for b.Loop() {
		u := newHostUniverse(b, indexes)
		if _, err := u.Resolve(context.Background(), requests, nil, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	ours := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(peakMemory(b), "peak-MB")

	warm := timeOf(root, names)
	root.Write("apt.conf", fmt.Appendf(nil, debiantest.AptConf+"Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n", root.Dir))
	cold := timeOf(root, names)
	b.ReportMetric(ours.Seconds()/warm.Seconds(), "of-apt-with-cache")
	b.ReportMetric(ours.Seconds()/cold.Seconds(), "of-apt")
}

// installable picks 200 packages that apt can install together.
func installable(b *testing.B, indexes []debiantest.HostIndex, root *debiantest.AptRoot) (names []string) {
	random := rand.New(rand.NewPCG(1, 0))
	all := newHostUniverse(b, indexes).All()
	for len(names) < 200 {
		next := names
		for range 20 {
			next = append(next[:len(next):len(next)], all[random.IntN(len(all))].Name)
		}
		if _, problem := root.Install(false, next...); problem == "" {
			names = next
		}
	}
	return names
}

// time returns the best of three simulations.
func timeOf(r *debiantest.AptRoot, names []string) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		if _, problem := r.Install(false, names...); problem != "" {
			r.Fatal(problem)
		}
		best = min(best, time.Since(start))
	}
	return best
}

// peakMemory returns the most memory that was resident, in megabytes.
func peakMemory(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes float64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
