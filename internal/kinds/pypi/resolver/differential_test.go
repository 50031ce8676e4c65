package resolver_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

var (
	indexes = flag.Int("indexes", 40, "how many made-up indexes are given to pip")
	seed    = flag.Uint64("seed", 1, "what they are made from")
)

// pip runs "pip install --dry-run" of Debian's pip in a child of a process that has it loaded.
const pip = `
import os, tempfile
from pip._internal.cli.main import main
import pip._internal.commands.install, pip._internal.resolution.resolvelib.resolver, pip._internal.index.package_finder

def answer(question):
    if question == "python":
        import platform
        return platform.python_version()
    with tempfile.TemporaryDirectory() as folder:
        report, log = folder + "/report", folder + "/log"
        child = os.fork()
        if child == 0:
            out = os.open(log, os.O_WRONLY | os.O_CREAT)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = 70
            try:
                code = main(["install", "--isolated", "--dry-run", "--ignore-installed", "--break-system-packages", "--no-cache-dir", "--disable-pip-version-check",
                    "--no-input", "--only-binary", ":all:", "--report", report] + question)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        text = open(log).read()
        if status != 0:
            return {"code": os.waitstatus_to_exitcode(status), "log": text}
        import json
        return {"code": 0, "log": text, "install": [[i["metadata"]["name"], i["metadata"]["version"], os.path.basename(i["download_info"]["url"])] for i in json.load(open(report))["install"]]}
`

type outcome struct {
	Code    int
	Log     string
	Install [][3]string
}

// An index of wheels, as the resolver asks for it.
type index struct {
	wheels []pypitest.Wheel
	target *wheel.Target
}

func (x *index) Versions(_ context.Context, project string) ([]*resolver.Candidate, error) {
	var files []*resolver.File
	for i, w := range x.wheels {
		if w.Name != project {
			continue
		}
		name, err := wheel.ParseWheel(w.Filename())
		if err != nil {
			return nil, err
		}
		f := &resolver.File{Filename: name, Yanked: w.Yanked, YankedReason: "withdrawn", Data: &x.wheels[i]}
		if !w.Hidden {
			f.RequiresPython = w.RequiresPython
		}
		files = append(files, f)
	}
	return resolver.Candidates(project, files, x.target, false), nil
}

func (x *index) Dependencies(_ context.Context, c *resolver.Candidate) (d resolver.Dependencies, err error) {
	w := c.Files[0].Data.(*pypitest.Wheel)
	d.Extras = w.Extras
	for _, text := range w.Requires {
		r, err := pep508.ParseRequirement(text)
		if err != nil {
			return d, err
		}
		d.Requires = append(d.Requires, r)
	}
	d.RequiresPython, err = pep440.ParseSpecifiers(w.RequiresPython)
	return d, err
}

// hostTarget is the machine on which pip runs.
func hostTarget(t *testing.T, version string) *wheel.Target {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	target, err := wheel.ParseTarget(version, "manylinux_2_36_"+machine, "linux_"+machine)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// A problem is a made-up index, and what is wanted of it.
type problem struct {
	wheels      []pypitest.Wheel
	wanted      []string
	constraints []string
	pre         bool
}

// madeUp makes an index of a few projects whose newest versions often do not fit together.
func madeUp(random *rand.Rand) problem {
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	var p problem
	p.pre = random.IntN(20) == 0
	projects := []string{"alpha", "beta", "gamma", "delta", "eps-ilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"}[:3+random.IntN(10)]
	versions := map[string][]string{}
	for _, name := range projects {
		count := 1 + random.IntN(8)
		for i := range count {
			v := fmt.Sprintf("%d.%d", 1+i/2, i%2)
			if random.IntN(10) == 0 {
				v += pick("rc1", "b2", ".dev1", ".post1")
			}
			versions[name] = append(versions[name], v)
		}
	}
	tight := random.IntN(3) == 0
	specifier := func(name string) string {
		v := versions[name][random.IntN(len(versions[name]))]
		public, _, _ := strings.Cut(v, ".p")
		if tight && random.IntN(2) == 0 {
			return pick("==", "<=", ">=", "!=", "~=") + v
		}
		switch random.IntN(16) {
		case 0, 1:
			return ">=" + v
		case 2, 3:
			return "<=" + v
		case 4:
			return "<" + public
		case 5:
			return "!=" + v
		case 6:
			return "==" + v
		case 7:
			return "~=" + v
		case 8:
			return "==" + v[:1] + ".*"
		case 9:
			return ">" + v
		}
		return ""
	}
	for i, name := range projects {
		for _, v := range versions[name] {
			w := pypitest.Wheel{Name: name, Version: v, Extras: []string{"x", "y-z"}, Yanked: random.IntN(15) == 0}
			switch random.IntN(20) {
			case 0:
				w.RequiresPython = ">=3.12"
				w.Hidden = random.IntN(2) == 0
			case 1:
				w.RequiresPython = ">=3.6"
			}
			for range random.IntN(4) {
				other := projects[random.IntN(len(projects))]
				if random.IntN(3) > 0 {
					other = projects[min(i+1+random.IntN(3), len(projects)-1)]
				}
				if other == name {
					continue
				}
				extra := ""
				if random.IntN(6) == 0 {
					extra = "[" + pick("x", "y-z", "x,y-z") + "]"
				}
				marker := ""
				switch random.IntN(8) {
				case 0:
					marker = "; extra == 'x'"
				case 1:
					marker = "; extra == 'y-z'"
				case 2:
					marker = pick("; python_version < '3.10'", "; sys_platform == 'linux'", "; platform_machine == 'sparc'")
				}
				w.Requires = append(w.Requires, other+extra+specifier(other)+marker)
			}
			if random.IntN(60) == 0 {
				w.Requires = append(w.Requires, "nothing")
			}
			switch random.IntN(20) {
			case 0:
				w.Tag = "cp310-cp310-any" // for another Python
			case 1:
				w.Tag = "py2.py3-none-any"
			}
			p.wheels = append(p.wheels, w)
		}
	}
	for range 1 + random.IntN(4) {
		name := projects[random.IntN(len(projects))]
		extra := ""
		if random.IntN(5) == 0 {
			extra = "[" + pick("x", "y-z") + "]"
		}
		p.wanted = append(p.wanted, name+extra+specifier(name))
	}
	if random.IntN(5) == 0 {
		name := projects[random.IntN(len(projects))]
		p.constraints = append(p.constraints, name+specifier(name))
	}
	return p
}

// resolve resolves the problem, and returns what is chosen: "name version file", sorted.
func (p problem) resolve(t *testing.T, target *wheel.Target) ([]string, error) {
	roots := func(texts []string) (all []resolver.Root) {
		for _, text := range texts {
			r, err := pep508.ParseRequirement(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, resolver.Root{Requirement: r})
		}
		return all
	}
	solution, err := resolver.Resolve(t.Context(), resolver.Problem{Index: &index{p.wheels, target}, Target: target, Requirements: roots(p.wanted), Constraints: roots(p.constraints), Pre: p.pre})
	if err != nil {
		return nil, err
	}
	var got []string
	for _, pin := range solution.Pins {
		got = append(got, pin.String()+" "+pin.Files[0].Text)
	}
	return got, nil
}

func TestDifferential(t *testing.T) {
	pypitest.NeedPython(t, "pip")
	folder := t.TempDir()
	var mutex sync.Mutex
	var group sync.WaitGroup
	solved, failed, named := 0, 0, map[string]int{}
	for lane := range 2 { // one for each processor
		python := pypitest.StartPython(t, pip, "pip")
		group.Go(func() {
			version := ""
			python.Ask("python", &version)
			target := hostTarget(t, version)
			for number := lane; number < *indexes; number += 2 {
				p := madeUp(rand.New(rand.NewPCG(*seed, uint64(number))))
				root := filepath.Join(folder, fmt.Sprint(number))
				pypitest.WriteIndex(t, root, p.wheels)
				var constraints []string
				if len(p.constraints) > 0 {
					file := filepath.Join(root, "constraints.txt")
					pypitest.WriteFile(t, file, strings.Join(p.constraints, "\n")+"\n")
					constraints = []string{"-c", file}
				}
				ask := func(more ...string) (got []string, o outcome) {
					python.Ask(slices.Concat([]string{"--index-url", "file://" + root + "/simple"}, constraints, more), &o)
					for _, i := range o.Install {
						got = append(got, strings.Join(i[:], " "))
					}
					slices.Sort(got)
					return got, o
				}
				var pre []string
				if p.pre {
					pre = []string{"--pre"}
				}
				want, o := ask(slices.Concat(pre, p.wanted)...)
				got, err := p.resolve(t, target)
				// From an index of what was chosen, and of nothing else, pip installs the same.
				if o.Code == 0 && err == nil && slices.Equal(got, want) {
					closure := slices.DeleteFunc(slices.Clone(p.wheels), func(w pypitest.Wheel) bool {
						return !slices.Contains(got, w.Name+" "+w.Version+" "+w.Filename())
					})
					pypitest.WriteIndex(t, root+"/closure", closure)
					if again, o := ask(slices.Concat([]string{"--index-url", "file://" + root + "/closure/simple"}, pre, p.wanted)...); !slices.Equal(again, got) {
						t.Errorf("#%d: of %v alone, pip installs %v: %s", number, got, again, o.Log)
					}
				}
				mutex.Lock()
				var conflict *resolver.Conflict
				switch {
				case o.Code != 0 && err == nil:
					// pip installs what we found, if it is asked for just that.
					exact := slices.Concat(pre, p.wanted)
					for _, line := range got {
						fields := strings.Fields(line)
						exact = append(exact, fields[0]+"=="+fields[1])
					}
					why := "pip finds no solution"
					if strings.Contains(o.Log, "RecursionError") {
						why = "pip finds a solution, and then fails with a RecursionError"
					}
					named[why]++
					if again, o := ask(exact...); !slices.Equal(again, got) {
						t.Errorf("#%d: we find %v, pip %v when asked for these: %s", number, got, again, o.Log)
					}
				case o.Code != 0 && !strings.Contains(o.Log, "ResolutionImpossible") && !strings.Contains(o.Log, "No matching distribution found") && !strings.Contains(o.Log, "different Python"):
					t.Errorf("#%d: pip fails for another reason: %s", number, o.Log)
				case err != nil && !errors.As(err, &conflict):
					t.Errorf("#%d: %v", number, err)
				case o.Code == 0 && err == nil && slices.Equal(got, want):
					solved++
				case o.Code != 0 && err != nil:
					failed++
					says := func(name string) bool { return word(name).MatchString(err.Error()) }
					if slices.ContainsFunc(blamed(p, o.Log), says) {
						break
					}
					// There may be several causes: what we name fails by itself, too.
					named["we name another cause"]++
					named := slices.DeleteFunc(slices.Clone(p.wanted), func(text string) bool {
						r, err := pep508.ParseRequirement(text)
						return err != nil || !says(r.Name)
					})
					if len(named) == 0 {
						t.Errorf("#%d: pip blames %v, we say: %v", number, blamed(p, o.Log), err)
					} else if _, o := ask(slices.Concat(pre, named)...); o.Code == 0 {
						t.Errorf("#%d: pip installs %v, of which we say: %v", number, named, err)
					}
				default:
					t.Errorf("#%d wants %v, constraints %v, pre %t: got %v, %v\npip %d: %v\n%s\n%s", number, p.wanted, p.constraints, p.pre, got, err, o.Code, want, o.Log, describe(p))
				}
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("seed %d: %d solved, and again from the solution alone, %d without solution; differences: %v", *seed, solved, failed, named)
	if solved < *indexes/3 || failed < *indexes/10 {
		t.Errorf("%d solved and %d without solution of %d: the indexes are too easy or too hard", solved, failed, *indexes)
	}
}

func word(name string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(name) + `($|[^\w-])`)
}

// blamed are the projects that pip names when it finds no solution.
func blamed(p problem, log string) (projects []string) {
	_, said, _ := strings.Cut(log, "ERROR: ")
	for _, w := range p.wheels {
		if !slices.Contains(projects, w.Name) && word(w.Name).MatchString(said) {
			projects = append(projects, w.Name)
		}
	}
	for _, text := range p.wanted {
		if r, err := pep508.ParseRequirement(text); err == nil && !slices.Contains(projects, r.Name) && word(r.Name).MatchString(said) {
			projects = append(projects, r.Name)
		}
	}
	return projects
}

// describe prints a made-up index.
func describe(p problem) string {
	var b strings.Builder
	for _, w := range p.wheels {
		fmt.Fprintf(&b, "    %s needs %q, Python %q, hidden %t, yanked %t\n", w.Filename(), w.Requires, w.RequiresPython, w.Hidden, w.Yanked)
	}
	return b.String()
}
