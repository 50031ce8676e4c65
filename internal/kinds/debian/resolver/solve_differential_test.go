//go:build differential

package resolver

import (
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

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

var (
	differentialRequests = flag.Int("requests", 300, "how many random requests to compare with apt, the last third of them for two architectures")
	differentialSeed     = flag.Uint64("seed", 1, "of the random requests")
	differentialForeign  = flag.String("architecture", "arm64", "the second architecture")
)

// TestDifferential asks the resolver and the real apt the same random requests
// over the archive that this machine uses. apt, given our closure alone, must
// install what it installs from everything; and the closures together must not
// be larger than what apt takes. With several architectures that holds for a
// node of each.
func TestDifferential(t *testing.T) {
	lists := debiantest.HostLists(t, "amd64", *differentialForeign)
	alone := *differentialRequests - *differentialRequests/3
	one := newDifferential(t, debiantest.HostIndexes(t, lists, "amd64"), "amd64")
	one.run(0, alone)
	two := newDifferential(t, debiantest.HostIndexes(t, lists, "amd64", *differentialForeign), "amd64", *differentialForeign)
	two.run(alone, *differentialRequests)
	judge(t, *differentialRequests, *differentialRequests, one, two)
}

// judge checks the results against what is asked of a resolver: so many of the
// requests must install.
func judge(t *testing.T, least, requests int, parts ...*differential) {
	var good, apart int
	var ours, theirs int64
	var notes []string
	for _, d := range parts {
		good, apart, ours, theirs, notes = good+d.good, apart+d.apart, ours+d.ours, theirs+d.theirs, append(notes, d.notes...)
	}
	slices.Sort(notes)
	t.Logf("seed %d: %d of %d requests install, %d of them not all packages at once; %d bytes, apt takes %d: ratio %.4f\n%s", *differentialSeed, good, requests,
		apart, ours, theirs, float64(ours)/float64(theirs), strings.Join(notes, "\n"))
	if good < least {
		t.Errorf("%d requests do not install", requests-good)
	}
	if float64(ours) > 1.02*float64(theirs) {
		t.Errorf("the closures are larger than apt's")
	}
}

// newDifferential reads indexes for nodes of some architectures, for us and for apt.
func newDifferential(t *testing.T, indexes []debiantest.HostIndex, architectures ...string) *differential {
	d := &differential{T: t, universe: newHostUniverse(t, indexes), full: make(map[string]*debiantest.AptRoot), known: make(map[string]*Package), entries: make(map[*Package]EntryID)}
	for _, architecture := range architectures {
		root := debiantest.NewAptRoot(t, t.TempDir())
		root.NativeTo(architecture, nil)
		for _, x := range indexes {
			if x.Architecture == architecture {
				root.AddSuite(x.Text, x.Priority)
			}
		}
		root.Update()
		d.full[architecture] = root
	}
	d.all = d.universe.All()
	for _, p := range d.all {
		for _, o := range p.Origins {
			d.known[p.Name+" "+p.Version+" "+o.Architecture] = p
		}
		if strings.Contains(p.Stanza(0), "\nConflicts: ") {
			d.contentious = append(d.contentious, p)
		}
	}
	for _, id := range d.universe.ByName.Values {
		d.entries[d.universe.pkg(id)] = id
	}
	return d
}

// run compares the requests of some numbers, two at a time.
func (d *differential) run(first, end int) {
	var wait sync.WaitGroup
	next := make(chan differentialCase)
	for range 2 {
		wait.Go(func() {
			for c := range next {
				d.compare(c)
			}
		})
	}
	for number := first; number < end; number++ {
		random := rand.New(rand.NewPCG(*differentialSeed, uint64(number)))
		pool := d.all
		if random.IntN(3) == 0 {
			pool = d.contentious
		}
		next <- randomCase(number, pool, random)
	}
	close(next)
	wait.Wait()
}

type differential struct {
	*testing.T
	universe *Universe
	full     map[string]*debiantest.AptRoot // by architecture
	known    map[string]*Package            // by "NAME VERSION ARCHITECTURE-OF-INDEX"
	entries  map[*Package]EntryID
	// beyond says that much of the archive is beyond apt's own solver. What apt cannot
	// install from all of it, it need not from our closure; and sizes count only where
	// it has no Recommends to give up.
	beyond bool

	all, contentious []*Package

	mu           sync.Mutex
	good, apart  int // installed; of which apt does not install all at once
	ours, theirs int64
	notes        []string
}

func (d *differential) note(c differentialCase, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf("#%03d %v recommends=%v: %s", c.number, c.requests, c.recommends, fmt.Sprintf(format, args...)))
}

func (d *differential) compare(c differentialCase) {
	taken, refused := d.ask(c)
	closure, err := d.resolve(c)
	if err != nil && len(refused) > 0 {
		// apt can't have some of them either: go on without.
		d.note(c, "apt refuses %v; we: %v", refused, err)
		c.requests = slices.DeleteFunc(c.requests, func(r differentialRequest) bool { return slices.Contains(refused, r.forApt()) })
		if len(c.requests) == 0 {
			d.count(&d.good)
			return
		}
		taken, refused = d.ask(c)
		closure, err = d.resolve(c)
	}
	if err != nil {
		d.Errorf("#%03d %v: %v", c.number, c.requests, err)
		return
	}
	var ours, theirs int64
	have := make(map[*Package]bool)
	for _, p := range closure.Packages {
		have[p] = true
		ours += p.Size
	}
	for p := range taken.packages {
		theirs += p.Size
	}
	if len(refused) > 0 {
		d.note(c, "we carry what apt refuses: %v", refused)
		ours, theirs = 0, 0
	} else if math.Abs(float64(ours-theirs)) > 0.05*float64(theirs) {
		d.note(c, "%.3f of apt's size: %s", float64(ours)/float64(theirs), d.reasons(c, taken, have))
	}
	if d.beyond && (c.recommends || !taken.together) {
		ours, theirs = 0, 0
	}
	if d.installs(c, closure, taken.together) {
		d.count(&d.good)
	}
	if !taken.together {
		d.count(&d.apart)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ours += ours
	d.theirs += theirs
}

// installs tries the closure on a node of each architecture.
func (d *differential) installs(c differentialCase, closure *Closure, together bool) bool {
	good := true
	for architecture := range d.full {
		root := debiantest.NewAptRoot(d.T, d.TempDir())
		root.NativeTo(architecture, nil)
		addPackages(root, slices.DeleteFunc(slices.Clone(closure.Packages), func(p *Package) bool {
			return !slices.ContainsFunc(p.Origins, func(o deb822.Origin) bool { return o.Architecture == architecture })
		}))
		root.Update()
		names := d.on(architecture, c.requests)
		jobs := [][]string{names}
		if !together {
			jobs = nil
			for _, name := range names {
				jobs = append(jobs, []string{name})
			}
		}
		for _, job := range jobs {
			if len(job) == 0 {
				continue
			}
			if _, problem := root.Install(c.recommends, job...); problem != "" {
				if _, same := d.full[architecture].Install(c.recommends, job...); d.beyond && same != "" {
					d.note(c, "apt on %s installs %v neither from our closure nor from everything", architecture, job)
					continue
				}
				d.note(c, "apt on %s CANNOT install %v from our closure: %s", architecture, job, problem)
				good = false
			}
		}
		os.RemoveAll(root.Dir)
	}
	return good
}

// An answer is what apt takes from everything: all requests at once if it can,
// else one by one.
type answer struct {
	together bool
	packages map[*Package]bool
}

func (d *differential) ask(c differentialCase) (a answer, refused []string) {
	a.together, a.packages = true, make(map[*Package]bool)
	for architecture, root := range d.full {
		add := func(names ...string) bool {
			packages, problem := root.Install(c.recommends, names...)
			for _, p := range packages {
				a.packages[d.known[p+" "+architecture]] = true
			}
			return problem == ""
		}
		names := d.on(architecture, c.requests)
		if len(names) == 0 || add(names...) {
			continue
		}
		a.together = false
		for _, name := range names {
			if !add(name) && !slices.Contains(refused, name) {
				refused = append(refused, name)
			}
		}
	}
	return a, refused
}

func (d *differential) count(n *int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*n++
}

func (d *differential) resolve(c differentialCase) (*Closure, error) {
	var requests []Request
	for _, text := range c.requests {
		r, err := ParseRequest(text.String())
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	d.mu.Lock() // a Universe is for one goroutine
	defer d.mu.Unlock()
	return d.universe.Resolve(context.Background(), requests, nil, Options{Recommends: c.recommends})
}
