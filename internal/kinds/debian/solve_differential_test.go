//go:build differential

package debian

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	u := NewUniverse("amd64")
	full := newAptRoot(t, t.TempDir())
	for i, text := range indexes {
		if err := u.Add(Origin{Source: "host", Suite: fmt.Sprintf("suite%d", i), Component: "main", Architecture: "amd64"}, text); err != nil {
			t.Fatal(err)
		}
		full.addRepository(text)
	}
	full.update()
	d := &differential{T: t, universe: u, full: full}
	random := rand.New(rand.NewPCG(*differentialSeed, 0))
	all := u.All()
	var cases []differentialCase
	for i := range *differentialRequests {
		cases = append(cases, randomCase(i, all, random))
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
	t.Logf("%d of %d requests install; %d bytes, apt takes %d: ratio %.4f\n%s", d.good, len(cases), d.ours, d.theirs,
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

	mu           sync.Mutex
	good         int
	ours, theirs int64
	notes        []string
}

func (d *differential) note(c differentialCase, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf("#%03d %v: %s", c.number, c.names, fmt.Sprintf(format, args...)))
}

func (d *differential) compare(c differentialCase) {
	// What apt can install from everything: all at once, else one by one.
	jobs := [][]string{c.names}
	taken := make(map[string]bool)
	together, problem := d.full.install(c.recommends, c.names...)
	if problem != "" {
		jobs = nil
		for _, name := range c.names {
			alone, problem := d.full.install(c.recommends, name)
			if problem != "" {
				d.note(c, "apt cannot install %s: %s", name, problem)
				continue
			}
			jobs = append(jobs, []string{name})
			together = append(together, alone...)
		}
	}
	for _, p := range together {
		taken[p] = true
	}
	closure, err := d.resolve(c)
	if err != nil {
		if len(jobs) < len(c.names) && (len(jobs) != 1 || len(jobs[0]) != len(c.names)) {
			d.note(c, "and we: %v", err)
			d.mu.Lock()
			d.good++
			d.mu.Unlock()
			return
		}
		d.Errorf("#%03d %v: %v", c.number, c.names, err)
		return
	}
	var text bytes.Buffer
	var ours int64
	for _, p := range closure.Packages {
		ours += p.Size
		text.Write(p.Stanza(0))
		text.WriteString("\n\n")
	}
	root := newAptRoot(d.T, d.TempDir())
	defer os.RemoveAll(root.dir)
	root.addRepository(text.Bytes())
	root.update()
	ok := true
	for _, job := range jobs {
		if _, problem := root.install(c.recommends, job...); problem != "" {
			d.Errorf("#%03d recommends=%v: apt cannot install %v from our closure: %s", c.number, c.recommends, job, problem)
			ok = false
		}
	}
	var theirs int64
	sizes := d.sizes()
	for p := range taken {
		theirs += sizes[p]
	}
	if theirs > 0 && float64(ours) > 1.05*float64(theirs) || float64(ours) < 0.95*float64(theirs) {
		var more, less []string
		have := make(map[string]bool)
		for _, p := range closure.Packages {
			key := p.Name + " " + p.Version
			have[key] = true
			if !taken[key] {
				more = append(more, p.Name)
			}
		}
		for p := range taken {
			if !have[p] {
				less = append(less, strings.Fields(p)[0])
			}
		}
		slices.Sort(less)
		d.note(c, "recommends=%v joint=%v %.3f of apt's size; only we: %s; only apt: %s", c.recommends, len(jobs) == 1, float64(ours)/float64(theirs), list(more, "and"), list(less, "and"))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		d.good++
	}
	d.ours += ours
	d.theirs += theirs
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

var allSizes = sync.OnceValue(func() map[string]int64 { return make(map[string]int64) })

// sizes returns the bytes of every package by "name version".
func (d *differential) sizes() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	sizes := allSizes()
	if len(sizes) == 0 {
		for _, p := range d.universe.All() {
			sizes[p.Name+" "+p.Version] = p.Size
		}
	}
	return sizes
}

// hostIndexes returns the Packages files that this machine's apt has.
func hostIndexes(t testing.TB) (texts [][]byte) {
	files, err := filepath.Glob("/var/lib/apt/lists/*_binary-amd64_Packages*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no package lists on this machine: run apt-get update (%v)", err)
	}
	for _, file := range files {
		text, err := aptHelperCat(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}
