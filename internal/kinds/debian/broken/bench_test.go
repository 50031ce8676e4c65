package broken

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// BenchmarkBroken asks what breaks in an image of about 5,000 of this machine's packages, when a few are denied
// and when what everything needs is. It reports the time as a ratio to that of apt-get -s install of what the image was
// made for, once.
func BenchmarkBroken(b *testing.B) {
	indexes := debiantest.HostIndexes(b, debiantest.HostLists(b, "amd64"), "amd64")
	u := universeOfHost(indexes)
	random := rand.New(rand.NewPCG(1, 0))
	all := u.All()
	var requests []resolver.Request
	var closure *resolver.Closure
	for closure == nil || len(closure.Packages) < 5000 {
		for range 400 {
			r := mustRequests(b, all[random.IntN(len(all))].Name)[0]
			if c, err := u.Resolve(context.Background(), []resolver.Request{r}, nil, resolver.Options{}); err == nil && len(c.Packages) < 500 {
				requests = append(requests, r)
			}
		}
		var err error
		if closure, err = u.Resolve(context.Background(), requests, nil, resolver.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	pins := artifact.Pins{Date: debiantest.Today}
	requested := make(map[*resolver.Package]bool)
	for _, p := range closure.Requested {
		requested[p] = true
	}
	for _, p := range closure.Packages {
		a, err := p.Item("host", func(string) []string { return nil })
		if err != nil {
			b.Fatal(err)
		}
		a.Requested = requested[p]
		pins.Items = append(pins.Items, a)
	}
	root := debiantest.NewAptRoot(b, b.TempDir())
	offer(root, closure.Packages)
	root.Update()
	var names []string
	for _, p := range closure.Requested[:100] {
		names = append(names, p.Name)
	}
	start := time.Now()
	root.Install(false, names...)
	rival := time.Since(start)

	whole := pins
	whole.Items = append([]artifact.Item(nil), pins.Items...)
	for i := range whole.Items {
		whole.Items[i].Requested = true
	}
	for _, c := range []struct {
		name   string
		pins   artifact.Pins
		absent func(a *artifact.Item, i int) bool
	}{
		{"1in500", pins, func(a *artifact.Item, i int) bool { return i%500 == 7 }},
		{"libc6", pins, func(a *artifact.Item, i int) bool { return a.Name == "libc6" }},
		{"all-requested-1in500", whole, func(a *artifact.Item, i int) bool { return i%500 == 7 }},
		{"all-requested-libc6", whole, func(a *artifact.Item, i int) bool { return a.Name == "libc6" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			absent := make(map[string]bool)
			for i := range c.pins.Items {
				a := &c.pins.Items[i]
				absent[a.ID()] = c.absent(a, i)
			}
			var broken []artifact.Breakage
			for b.Loop() {
				var err error
				if broken, err = Find(context.Background(), c.pins, nil, func(id string) bool { return absent[id] }); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			ours := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(len(c.pins.Items)), "packages")
			b.ReportMetric(float64(len(broken)), "broken")
			b.ReportMetric(ours.Seconds()/rival.Seconds(), "of-apt")
		})
	}
}
