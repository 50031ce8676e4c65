//go:build differential

package resolver

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestDifferentialSets asks for random sets on nodes that have something already,
// older versions too. apt, on such a node and given a set alone, must install all
// of it at once and remove nothing; the sets together must not be larger than what
// apt takes from everything; and dpkg must be able to install the closure in the
// order of the set and in the steps of PlanInstall.
func TestDifferentialSets(t *testing.T) {
	indexes := debiantest.HostIndexes(t, debiantest.HostLists(t, "amd64"), "amd64")
	differSets(t, indexes, func(x debiantest.HostIndex) bool { return !strings.Contains(x.Suite, "-") }, max(1, *differentialRequests/60), min(20, max(1, *differentialRequests/5)), false)
}

// TestDifferentialHardSets is TestDifferentialSets over the made-up archive. Its
// nodes have the first versions of some packages.
func TestDifferentialHardSets(t *testing.T) {
	indexes := hardArchive(rand.New(rand.NewPCG(*differentialSeed, 8)), []string{"amd64"})
	old := indexes[0]
	old.Text = nil
	for stanza := range bytes.SplitSeq(indexes[0].Text, []byte("\n\n")) {
		if bytes.Contains(stanza, []byte("\nVersion: 1.0\n")) {
			old.Text = append(append(old.Text, stanza...), "\n\n"...)
		}
	}
	differSets(t, append(indexes, old), func(x debiantest.HostIndex) bool { return bytes.Equal(x.Text, old.Text) }, min(10, max(1, *differentialRequests/30)), 20, true)
}

// differSets tries some sets on each of some nodes, which have packages of the
// indexes that are old. hard is differential.beyond.
func differSets(t *testing.T, indexes []debiantest.HostIndex, old func(debiantest.HostIndex) bool, nodes, sets int, hard bool) {
	var olds []debiantest.HostIndex
	for _, x := range indexes {
		if old(x) {
			olds = append(olds, x)
		}
	}
	d := &setDifferential{TB: t, indexes: indexes, before: newHostUniverse(t, olds), hard: hard}
	names := newHostUniverse(t, indexes).All()
	for node := range nodes {
		random := rand.New(rand.NewPCG(*differentialSeed, uint64(1000+node)))
		d.newNode(random)
		for range sets {
			d.compare(node, randomCase(0, names, random))
		}
		os.RemoveAll(d.dir)
	}
	t.Logf("seed %d: %d sets installed, %d refused as apt does, %d that only we have; %d bytes, apt takes %d: ratio %.4f\n%s", *differentialSeed,
		d.good, d.refused, d.more, d.ours, d.theirs, float64(d.ours)/float64(d.theirs), strings.Join(d.notes, "\n"))
	if float64(d.ours) > 1.02*float64(d.theirs) {
		t.Error("the sets are larger than what apt takes")
	}
}

type setDifferential struct {
	testing.TB
	indexes []debiantest.HostIndex
	before  *Universe // what the nodes' packages come from
	hard    bool

	// The node.
	dir    string
	status []byte
	base   []*Package
	full   *debiantest.AptRoot // with all indexes
	now    *Universe

	replaces bool // the set that is compared has something of the node give way: apt may remove

	good, refused, more int
	ours, theirs        int64
	notes               []string
}

// newNode makes a node of a few random packages, the essential ones if there are
// any, and what they need.
func (d *setDifferential) newNode(random *rand.Rand) {
	names := d.before.All()
	for {
		requests := []Request{{text: "dpkg", Pattern: "dpkg"}}
		if d.hard {
			requests = nil
		} else {
			requests = append(requests, parseRequestList(d, "?essential")...)
		}
		for range 10 + random.IntN(20) {
			requests = append(requests, parseRequestList(d, names[random.IntN(len(names))].Name)...)
		}
		closure, err := d.before.Resolve(context.Background(), nil, map[string][]Request{"base": requests}, Options{Recommends: random.IntN(2) == 0})
		if err != nil {
			continue
		}
		d.base = closure.Sets[0].Packages
		break
	}
	d.status = nil
	for _, p := range d.base {
		d.status = append(append(d.status, p.Stanza(0)...), "\nStatus: install ok installed\n\n"...)
	}
	if d.hard {
		d.status = append(d.status, "Package: dpkg\nVersion: 1\nArchitecture: amd64\nStatus: install ok installed\n\n"...)
	}
	d.dir = d.TempDir()
	d.full = d.aptNode("full")
	for _, x := range d.indexes {
		d.full.AddSuite(x.Text, x.Priority)
	}
	d.full.Update()
	d.now = newHostUniverse(d, d.indexes)
	if _, err := d.now.addInstalled(d.status); err != nil {
		d.Fatal(err)
	}
}

// aptNode is the apt of the node, which removes nothing by itself.
func (d *setDifferential) aptNode(name string) *debiantest.AptRoot {
	root := debiantest.NewAptRoot(d, filepath.Join(d.dir, name))
	root.Write("apt.conf", fmt.Appendf(nil, debiantest.AptConf+"APT::Get::Remove \"false\";\n", root.Dir))
	root.Write("status", d.status)
	return root
}

func (d *setDifferential) compare(node int, c differentialCase) {
	var requests []Request
	var names []string
	for _, r := range c.requests {
		r.architecture = ""
		requests = append(requests, parseRequestList(d, r.String())...)
		names = append(names, r.forApt())
	}
	note := func(format string, args ...any) {
		d.notes = append(d.notes, fmt.Sprintf("        node %d: %v recommends=%v: %s", node, c.requests, c.recommends, fmt.Sprintf(format, args...)))
	}
	taken, problem := d.full.Install(c.recommends, names...)
	closure, err := d.now.Resolve(context.Background(), nil, map[string][]Request{"one": requests}, Options{Recommends: c.recommends})
	switch {
	case err != nil && problem == "":
		note("apt installs it; we: %v", err)
		d.Errorf("node %d: %v: %v", node, c.requests, err)
		return
	case err != nil:
		d.refused++
		return
	}
	d.replaces = slices.ContainsFunc(closure.Warnings, func(w string) bool { return strings.Contains(w, "will be removed from the nodes") })
	set := closure.Sets[0].Packages
	if !d.installs(requests, closure.Sets[0]) {
		note("CANNOT be installed: %v", set)
		return
	}
	d.good++
	if problem != "" {
		d.more++
		return
	}
	theirs := make(map[string]bool)
	for _, p := range taken {
		theirs[p] = true
	}
	var ours, total int64
	for _, p := range d.now.All() {
		if theirs[p.Name+" "+p.Version] {
			total += p.Size
		}
	}
	for _, p := range set {
		ours += p.Size
	}
	if diff := ours - total; diff > total/20 || diff < -total/20 {
		var more, less []string
		for _, p := range set {
			if name := p.Name + " " + p.Version; !theirs[name] {
				more = append(more, name)
			} else {
				delete(theirs, name)
			}
		}
		for name := range theirs {
			less = append(less, name)
		}
		slices.Sort(less)
		note("%d bytes, apt takes %d: we have %v, apt %v", ours, total, more, less)
	}
	if !d.hard || !c.recommends {
		d.ours += ours
		d.theirs += total
	}
}

// has returns the version of a package that the node has.
func (d *setDifferential) has(name string) string {
	if i := slices.IndexFunc(d.base, func(p *Package) bool { return p.Name == name }); i >= 0 {
		return d.base[i].Version
	}
	return ""
}
