//go:build differential

package debian

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	differentialRequests = flag.Int("requests", 300, "how many random requests to compare with apt")
	differentialSeed     = flag.Uint64("seed", 1, "of the random requests")
)

// TestDifferential asks the resolver and the real apt the same random requests
// over this machine's own package lists. apt, given our closure alone, must
// install what it installs from everything; and the closure must not be larger
// than what apt takes.
func TestDifferential(t *testing.T) {
	indexes := hostIndexes(t)
	u := newHostUniverse(t, indexes)
	full := newAptRoot(t, t.TempDir())
	for _, text := range indexes {
		full.addRepository(text)
	}
	full.update()
	d := &differential{T: t, universe: u, full: full, sizes: make(map[string]int64)}
	random := rand.New(rand.NewPCG(*differentialSeed, 0))
	all := u.All()
	var contentious []*Package
	for _, p := range all {
		d.sizes[p.Name+" "+p.Version] = p.Size
		if bytes.Contains(p.Stanza(0), []byte("\nConflicts: ")) {
			contentious = append(contentious, p)
		}
	}
	var cases []differentialCase
	for i := range *differentialRequests {
		pool := all
		if random.IntN(3) == 0 {
			pool = contentious
		}
		cases = append(cases, randomCase(i, pool, random))
	}
	var wait sync.WaitGroup
	next := make(chan differentialCase)
	for range 2 {
		wait.Go(func() {
			for c := range next {
				d.compare(c)
			}
		})
	}
	for _, c := range cases {
		next <- c
	}
	close(next)
	wait.Wait()
	slices.Sort(d.notes)
	t.Logf("%d of %d requests install, %d of them not all packages at once; %d bytes, apt takes %d: ratio %.4f\n%s", d.good, len(cases), d.apart, d.ours, d.theirs,
		float64(d.ours)/float64(d.theirs), strings.Join(d.notes, "\n"))
	if d.good != len(cases) {
		t.Errorf("%d requests do not install", len(cases)-d.good)
	}
	if float64(d.ours) > 1.02*float64(d.theirs) {
		t.Errorf("the closures are larger than apt's")
	}
}

// A differentialCase is one request list.
type differentialCase struct {
	number     int
	names      []string // for apt: name or name=version
	requests   []string // for us
	recommends bool
}

func randomCase(number int, all []*Package, random *rand.Rand) differentialCase {
	c := differentialCase{number: number, recommends: random.IntN(3) == 0}
	for range 1 + random.IntN(12) {
		p := all[random.IntN(len(all))]
		if slices.ContainsFunc(c.names, func(s string) bool { return s == p.Name || strings.HasPrefix(s, p.Name+"=") }) {
			continue
		}
		switch random.IntN(8) {
		case 0:
			c.names = append(c.names, p.Name+"="+p.Version)
			c.requests = append(c.requests, p.Name+"="+p.Version)
		case 1:
			c.names = append(c.names, p.Name)
			c.requests = append(c.requests, p.Name+" (>= "+p.Version+")")
		default:
			c.names = append(c.names, p.Name)
			c.requests = append(c.requests, p.Name)
		}
	}
	return c
}

type differential struct {
	*testing.T
	universe *Universe
	full     *aptRoot

	sizes        map[string]int64 // by "NAME VERSION"
	mu           sync.Mutex
	good, apart  int // installed; of which apt does not install all at once
	ours, theirs int64
	notes        []string
}

func (d *differential) note(c differentialCase, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf("#%03d %v: %s", c.number, c.names, fmt.Sprintf(format, args...)))
}

func (d *differential) compare(c differentialCase) {
	taken, refused := d.ask(c)
	closure, err := d.resolve(c)
	if err != nil && len(refused) > 0 {
		// apt can't have some of them either: go on without.
		d.note(c, "apt refuses %v; we: %v", refused, err)
		c = c.without(refused)
		if refused = nil; len(c.names) == 0 {
			d.count(&d.good)
			return
		}
		taken, _ = d.ask(c)
		closure, err = d.resolve(c)
	}
	if err != nil {
		d.Errorf("#%03d %v: %v", c.number, c.names, err)
		return
	}
	var ours, theirs int64
	have := make(map[string]bool)
	for _, p := range closure.Packages {
		have[p.Name+" "+p.Version] = true
		ours += p.Size
	}
	for p := range taken.packages {
		theirs += d.sizes[p]
	}
	if len(refused) == 0 && math.Abs(float64(ours-theirs)) > 0.05*float64(theirs) {
		d.note(c, "recommends=%v together=%v %.3f of apt's size; only we: %s; only apt: %s", c.recommends, taken.together,
			float64(ours)/float64(theirs), difference(have, taken.packages), difference(taken.packages, have))
	}

	root := newAptRoot(d.T, d.TempDir())
	defer os.RemoveAll(root.dir)
	root.addPackages(closure.Packages)
	root.update()
	jobs := [][]string{c.names}
	if !taken.together {
		d.count(&d.apart)
		jobs = nil
		for _, name := range c.names {
			jobs = append(jobs, []string{name})
		}
	}
	good := true
	for _, job := range jobs {
		if _, problem := root.install(c.recommends, job...); problem != "" {
			d.Errorf("#%03d %v recommends=%v: apt cannot install %v from our closure: %s", c.number, c.names, c.recommends, job, problem)
			good = false
		}
	}
	if len(refused) > 0 {
		d.note(c, "we carry what apt refuses: %v", refused)
		ours, theirs = 0, 0
	}
	if good {
		d.count(&d.good)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ours += ours
	d.theirs += theirs
}

// An answer is what apt takes from everything: all requests at once if it can,
// else one by one.
type answer struct {
	together bool
	packages map[string]bool
}

func (d *differential) ask(c differentialCase) (a answer, refused []string) {
	a.packages = make(map[string]bool)
	add := func(names ...string) bool {
		packages, problem := d.full.install(c.recommends, names...)
		for _, p := range packages {
			a.packages[p] = true
		}
		return problem == ""
	}
	if a.together = add(c.names...); a.together {
		return a, nil
	}
	for _, name := range c.names {
		if !add(name) {
			refused = append(refused, name)
		}
	}
	return a, refused
}

// without leaves names out.
func (c differentialCase) without(names []string) differentialCase {
	rest := differentialCase{number: c.number, recommends: c.recommends}
	for i, name := range c.names {
		if !slices.Contains(names, name) {
			rest.names, rest.requests = append(rest.names, name), append(rest.requests, c.requests[i])
		}
	}
	return rest
}

func (d *differential) count(n *int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*n++
}

// difference lists the names of what is in a only.
func difference(a, b map[string]bool) string {
	var names []string
	for p := range a {
		if !b[p] {
			names = append(names, strings.Fields(p)[0])
		}
	}
	slices.Sort(names)
	return list(names, "and")
}

func (d *differential) resolve(c differentialCase) (*Closure, error) {
	var requests []Request
	for _, text := range c.requests {
		r, err := ParseRequest(text)
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	d.mu.Lock() // a Universe is for one goroutine
	defer d.mu.Unlock()
	return d.universe.Resolve(context.Background(), requests, nil, Options{Recommends: c.recommends})
}
