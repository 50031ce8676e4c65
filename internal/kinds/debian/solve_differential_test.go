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
	differentialRequests      = flag.Int("requests", 300, "how many random requests to compare with apt")
	differentialSeed          = flag.Uint64("seed", 1, "of the random requests")
	differentialLists         = flag.String("lists", "/var/lib/apt/lists", "folder with apt's package lists")
	differentialArchitectures = flag.String("architectures", "amd64", "of the nodes, parted by commas")
)

// TestDifferential asks the resolver and the real apt the same random requests
// over real package lists. apt, given our closure alone, must install what it
// installs from everything; and the closure must not be larger than what apt
// takes. With several architectures that holds for a node of each.
func TestDifferential(t *testing.T) {
	architectures := strings.Split(*differentialArchitectures, ",")
	indexes := hostIndexes(t, *differentialLists, architectures...)
	d := &differential{T: t, universe: newHostUniverse(t, indexes), full: make(map[string]*aptRoot), known: make(map[string]*Package)}
	for _, architecture := range architectures {
		root := newAptRoot(t, t.TempDir())
		root.nativeTo(architecture, nil)
		for _, x := range indexes {
			if x.Architecture == architecture {
				root.addRepository(x.text)
			}
		}
		root.update()
		d.full[architecture] = root
	}
	all := d.universe.All()
	var contentious []*Package
	for _, p := range all {
		for _, o := range p.Origins {
			d.known[p.Name+" "+p.Version+" "+o.Architecture] = p
		}
		if bytes.Contains(p.Stanza(0), []byte("\nConflicts: ")) {
			contentious = append(contentious, p)
		}
	}
	random := rand.New(rand.NewPCG(*differentialSeed, 0))
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

// A differentialCase is one list of requests.
type differentialCase struct {
	number     int
	requests   []differentialRequest
	recommends bool
}

type differentialRequest struct {
	name, version string // the version is asked for exactly
	architecture  string // empty: any that has it
	least         string // the least version, which is no hard one
}

// String writes the request as in a definition.
func (r differentialRequest) String() string {
	text := r.name
	if r.architecture != "" {
		text += ":" + r.architecture
	}
	if r.version != "" {
		text += "=" + r.version
	}
	if r.least != "" {
		text += " (>= " + r.least + ")"
	}
	return text
}

// forApt writes it as an argument of apt-get.
func (r differentialRequest) forApt() string {
	if r.version != "" {
		return r.name + "=" + r.version
	}
	return r.name
}

func randomCase(number int, pool []*Package, random *rand.Rand) differentialCase {
	c := differentialCase{number: number, recommends: random.IntN(3) == 0}
	for range 1 + random.IntN(12) {
		p := pool[random.IntN(len(pool))]
		if slices.ContainsFunc(c.requests, func(r differentialRequest) bool { return r.name == p.Name }) {
			continue
		}
		r := differentialRequest{name: p.Name}
		switch random.IntN(8) {
		case 0:
			r.version = p.Version
		case 1:
			r.least = p.Version
		}
		if r.String() != r.name && p.Architecture != "all" {
			r.architecture = p.Architecture // others may have other versions
		}
		c.requests = append(c.requests, r)
	}
	return c
}

// on returns the requests that concern an architecture, for apt.
func (d *differential) on(architecture string, requests []differentialRequest) (names []string) {
	for _, r := range requests {
		if r.architecture != "" && r.architecture != architecture {
			continue
		}
		if index := slices.Index(d.universe.architectures, architecture); len(d.universe.versionsOn(slices.Index(d.universe.nodes, archID(index)), d.universe.names[r.name])) > 0 {
			names = append(names, r.forApt())
		}
	}
	return names
}

type differential struct {
	*testing.T
	universe *Universe
	full     map[string]*aptRoot // by architecture
	known    map[string]*Package // by "NAME VERSION ARCHITECTURE-OF-INDEX"

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
		d.note(c, "together=%v %.3f of apt's size; only we: %s; only apt: %s", taken.together,
			float64(ours)/float64(theirs), difference(have, taken.packages), difference(taken.packages, have))
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
		root := newAptRoot(d.T, d.TempDir())
		root.nativeTo(architecture, nil)
		root.addPackages(slices.DeleteFunc(slices.Clone(closure.Packages), func(p *Package) bool {
			return !slices.ContainsFunc(p.Origins, func(o Origin) bool { return o.Architecture == architecture })
		}))
		root.update()
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
			if _, problem := root.install(c.recommends, job...); problem != "" {
				d.Errorf("#%03d %v recommends=%v: apt on %s cannot install %v from our closure: %s", c.number, c.requests, c.recommends, architecture, job, problem)
				good = false
			}
		}
		os.RemoveAll(root.dir)
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
			packages, problem := root.install(c.recommends, names...)
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

// difference lists the names of what is in a only.
func difference(a, b map[*Package]bool) string {
	var names []string
	for p := range a {
		if !b[p] {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return list(slices.Compact(names), "and")
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
