package resolver

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestResolveCasesInstall holds the closures of solveCases to what the real apt
// can install from them alone: each request by itself, each set at once.
func TestResolveCasesInstall(t *testing.T) {
	for _, c := range slices.Concat(solveCases, policyCases) {
		if c.err != "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newTestUniverse(t, c.indexes...)
			closure, err := c.resolve(t, u)
			if err != nil {
				t.Fatal(err)
			}
			for index, arch := range u.Nodes {
				native := u.Architectures[arch]
				root := debiantest.NewAptRoot(t, t.TempDir())
				root.NativeTo(native, u.Architectures[1:])
				addPackages(root, closure.Packages)
				root.Update()
				var jobs [][]string
				for _, r := range parseRequestList(t, c.requests) {
					if r.architecture == "" || r.architecture == native {
						for _, name := range installNames(u, index, r, closure.Packages) {
							jobs = append(jobs, []string{name})
						}
					}
				}
				for name, list := range c.sets {
					var job []string
					for _, r := range parseRequestList(t, list) {
						job = append(job, installNames(u, index, r, setNamed(closure, name))...)
					}
					jobs = append(jobs, job)
				}
				for _, job := range jobs {
					_, problem := root.Install(c.recommends, job...)
					if problem != "" && !strings.Contains(c.warnings, "unless a version is requested") {
						t.Errorf("%s: %v from %s: %s", native, job, texts(closure.Packages), problem)
					}
				}
			}
		})
	}
}

// installNames returns what a person would tell apt for a request: "name=version"
// of what is carried for it.
func installNames(u *Universe, index int, r Request, carried []*Package) (names []string) {
	for _, f := range u.match(index, r, u.sortedNames()) {
		best := ""
		for _, id := range f.entries {
			if p := u.pkg(id); best == "" && slices.Contains(carried, p) {
				best = p.Name + ":" + p.Architecture + "=" + p.Version
			}
		}
		if best != "" {
			names = append(names, strings.Replace(best, ":all=", "=", 1))
		}
	}
	return names
}

// TestResolveInstalls does the same for sets of large made-up archives.
func TestResolveInstalls(t *testing.T) {
	installed := 0
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		const names = 1000
		u := newTestUniverse(t, index("bookworm", debiantest.RandomArchive(random, names, 4)))
		for range 4 {
			c := solveCase{sets: map[string]string{"one": debiantest.RandomRequests(random, names, 4)}}
			closure, err := c.resolve(t, u)
			if err != nil {
				continue
			}
			root := debiantest.NewAptRoot(t, t.TempDir())
			addPackages(root, closure.Packages)
			root.Update()
			var wanted []string
			for r := range strings.SplitSeq(c.sets["one"], ";") {
				wanted = append(wanted, strings.Fields(r)[0])
			}
			if _, problem := root.Install(false, wanted...); problem != "" {
				t.Errorf("seed %d: %v from %s: %s", seed, wanted, texts(closure.Packages), problem)
			}
			installed++
		}
	}
	if installed < 5 {
		t.Errorf("only %d sets could be had: the archives are too hard", installed)
	}
}
