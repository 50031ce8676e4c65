package resolver_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// read makes wheels of lines "name version needs…": each need is a requirement without spaces; "python>=3.12", "yanked", "hidden" and a tag are
// about the wheel.
func read(t *testing.T, text string) (wheels []pypitest.Wheel) {
	t.Helper()
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		w := pypitest.Wheel{Name: fields[0], Version: fields[1], Extras: []string{"x", "y-z"}}
		for _, f := range fields[2:] {
			switch {
			case f == "yanked":
				w.Yanked = true
			case f == "hidden":
				w.Hidden = true
			case strings.HasPrefix(f, "python"):
				w.RequiresPython = strings.TrimPrefix(f, "python")
			case strings.Count(f, "-") == 2 && strings.HasPrefix(f, "cp"):
				w.Tag = f
			default:
				w.Requires = append(w.Requires, strings.ReplaceAll(f, ";", "; "))
			}
		}
		wheels = append(wheels, w)
	}
	return wheels
}

func target(t testing.TB) *wheel.Target {
	t.Helper()
	target, err := wheel.ParseTarget("3.11", "manylinux_2_28_x86_64")
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestResolve(t *testing.T) {
	for name, test := range map[string]struct{ index, wanted, constraints, want string }{
		"newest":            {"a 1.0\na 2.0", "a", "", "a 2.0"},
		"transitive":        {"a 1.0 b>=1\nb 1.0 c\nb 2.0 c<2\nc 1.0\nc 2.0", "a", "", "a 1.0, b 2.0, c 1.0"},
		"backtracking":      {"a 2.0 c>=2\na 1.0 c\nb 1.0 c<2\nc 1.0\nc 2.0", "a b", "", "a 1.0, b 1.0, c 1.0"},
		"constraint":        {"a 1.0 b\nb 1.0\nb 2.0", "a", "b<2 z==1", "a 1.0, b 1.0"},
		"extra":             {"a 1.0 b[x]\nb 1.0 c;extra=='x' d;extra=='q'\nc 1.0", "a", "", "a 1.0, b 1.0[x], c 1.0"},
		"extra and version": {"b 2.0\nb 1.0 c;extra=='x'\nc 1.0", "b[x] b<2", "", "b 1.0[x], c 1.0"},
		"marker":            {"a 1.0 b;python_version<'3.11' c;sys_platform=='linux'\nc 1.0", "a", "", "a 1.0, c 1.0"},
		"pre-release":       {"a 1.0\na 2.0rc1", "a", "", "a 1.0"},
		"named pre-release": {"a 1.0\na 2.0rc1", "a>=2.0rc1", "", "a 2.0rc1"},
		"only pre-releases": {"a 1.0rc1\na 2.0rc1", "a", "", "a 2.0rc1"},
		"yanked":            {"a 1.0\na 2.0 yanked", "a", "", "a 1.0"},
		"pinned yanked":     {"a 1.0\na 2.0 yanked", "a==2.0", "", "a 2.0"},
		"python":            {"a 1.0\na 2.0 python>=3.12", "a", "", "a 1.0"},
		"hidden python":     {"a 1.0\na 2.0 python>=3.12 hidden", "a", "", "a 1.0"},
		"another platform":  {"a 1.0\na 2.0 cp311-cp311-win_amd64", "a", "", "a 1.0"},
		"address":           {"a 1.0\na 2.0 b@https://example.org/b.zip", "a", "", "a 1.0"},
		"circle":            {"a 1.0 b\nb 1.0 a>=1", "a", "", "a 1.0, b 1.0"},
		"local version":     {"a 1.0\na 1.0+site.1", "a==1.0", "", "a 1.0+site.1"},
	} {
		t.Run(name, func(t *testing.T) {
			solution, err := resolve(t, read(t, test.index), strings.Fields(test.wanted), strings.Fields(test.constraints), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, pin := range solution.Pins {
				text := pin.String()
				if len(pin.Extras) > 0 {
					text += "[" + strings.Join(pin.Extras, ",") + "]"
				}
				got = append(got, text)
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func resolve(t testing.TB, wheels []pypitest.Wheel, wanted, constraints []string, previous map[string]pep440.Version) (*resolver.Solution, error) {
	t.Helper()
	roots := func(texts []string) (all []resolver.Root) {
		for _, text := range texts {
			r, err := pep508.ParseRequirement(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, resolver.Root{Requirement: r, Where: "mirror.yaml:7"})
		}
		return all
	}
	on := target(t)
	return resolver.Resolve(t.Context(), resolver.Problem{Index: &index{wheels, on}, Target: on, Requirements: roots(wanted), Constraints: roots(constraints), Previous: previous})
}

func TestConflicts(t *testing.T) {
	for name, test := range map[string]struct{ index, wanted, constraints, want string }{
		"two projects": {"acme 2.0 libx<2\nother 1.0 libx>=2\nother 1.1 libx>=2\nlibx 1.0\nlibx 2.0\nlibx 2.1", "acme>=2 other", "", `no versions fit together for python 3.11 on manylinux_2_28_x86_64
  mirror.yaml:7: acme>=2 is wanted
  mirror.yaml:7: other is wanted
  acme 2.0 needs libx<2
  other 1.0 and 1.1 need libx>=2
  the index has acme 2.0
  the index has libx 1.0, 2.0 and 2.1
  the index has other 1.0 and 1.1
hint: loosen one of these requirements, or leave one of the projects out`},
		"no project":    {"a 1.0 libz", "a", "", "a 1.0 needs libz\n  the index has a 1.0\n  libz is not in the index\nhint: check the name libz, and which indexes the definition has"},
		"constraint":    {"a 1.0 b>=2\nb 1.0\nb 2.0", "a", "b<2", "mirror.yaml:7: the constraint is b<2\n  a 1.0 needs b>=2"},
		"python":        {"a 1.0 python>=3.12 hidden", "a", "", "a 1.0 needs Python >=3.12\n  the index has a 1.0\nhint: a needs another Python than 3.11.0: allow an older version, or make a target of a newer Python"},
		"python page":   {"a 1.0 python>=3.12", "a", "", "a 1.0 needs Python >=3.12; the target has 3.11.0\nhint: allow another version of a, make a target of another Python, or write the whole version of the target's, such as 3.11.0"},
		"platform":      {"a 1.0 cp311-cp311-win_amd64", "a", "", "a 1.0 has no wheel for python 3.11 on manylinux_2_28_x86_64\n"},
		"pre-release":   {"a 1.0\na 2.0rc1", "a>=1.5", "", "the index has a 1.0\n  a 2.0rc1 is a pre-release\nhint: to use a pre-release, write a>=2.0rc1, or pre: true"},
		"yanked":        {"a 1.0\na 2.0 yanked", "a>=1.5", "", "a 2.0 was yanked (withdrawn)\nhint: to use a yanked version, write a==2.0"},
		"address":       {"a 2.0 b@https://example.org/b.zip", "a", "", "a 2.0 cannot be used: it needs b from the address https://example.org/b.zip, and not from an index"},
		"wanted twice":  {"a 1.0\na 2.0", "a<2 a>=2", "", "mirror.yaml:7: a<2 is wanted\n  mirror.yaml:7: a>=2 is wanted\n  the index has a 1.0 and 2.0\n"},
		"many versions": {"a 1.0\na 1.1\na 1.2\na 1.3\na 1.4", "a>2", "", "the index has a 1.0 to 1.4 (5 versions)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, read(t, test.index), strings.Fields(test.wanted), strings.Fields(test.constraints), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestPrevious(t *testing.T) {
	wheels := read(t, "a 1.0\na 2.0\na 3.0 yanked\nb 1.0 a>=1\nb 2.0 a>=2")
	version := func(text string) pep440.Version {
		v, err := pep440.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for previous, want := range map[string]string{"a 1.0, b 1.0": "[a 1.0 b 1.0]", "a 1.0": "[a 2.0 b 2.0]", "a 3.0": "[a 2.0 b 2.0]", "b 1.0": "[a 2.0 b 1.0]"} {
		kept := map[string]pep440.Version{}
		for one := range strings.SplitSeq(previous, ", ") {
			name, text, _ := strings.Cut(one, " ")
			kept[name] = version(text)
		}
		solution, err := resolve(t, wheels, []string{"b"}, nil, kept)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, pin := range solution.Pins {
			got = append(got, pin.String())
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", previous, got, want)
		}
	}
}

// TestReasons checks what "why" is made from, and that the resolver asks only for what it considers.
func TestReasons(t *testing.T) {
	solution, err := resolve(t, read(t, "a 2.0 b[x]>=1\na 1.0\nb 1.0 c;extra=='x'\nc 1.0\nd 1.0\nb 0.9"), []string{"a", "b[nothing]"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if solution.Projects != 3 || solution.Metadata != 3 || !slices.Equal(solution.Warnings, []string{"b 1.0 does not provide the extra nothing"}) {
		t.Errorf("%+v", solution)
	}
	want := []resolver.Reason{{Where: "mirror.yaml:7", Requirement: "b[nothing]"}, {Project: "a", Requirement: "b[x]>=1"}}
	if got := solution.Pins[1]; got.Project != "b" || !slices.Equal(got.Reasons, want) {
		t.Errorf("%+v", got)
	}
}

// TestHard has problems whose combinations are far too many to try each.
func TestHard(t *testing.T) {
	// Twelve projects of ten versions that do not matter, and two that never fit together.
	var b strings.Builder
	var wanted []string
	for i := range 12 {
		for v := range 10 {
			fmt.Fprintf(&b, "p%d %d.0 q%d\n", i, v+1, i)
			fmt.Fprintf(&b, "q%d %d.0\n", i, v+1)
		}
		wanted = append(wanted, fmt.Sprintf("p%d", i))
	}
	for v := range 10 {
		fmt.Fprintf(&b, "y %d.0 z<5\nx %d.0 z>=5\nz %d.0\n", v+1, v+1, v+1)
	}
	_, err := resolve(t, read(t, b.String()), append(wanted, "x", "y"), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "x 1.0 to 10.0 (10 versions) need z>=5\n  y 1.0 to 10.0 (10 versions) need z<5\n") || strings.Contains(err.Error(), "p1") {
		t.Error(err)
	}
}

// TestDeterministic resolves made-up indexes whose wheels come in another order each time.
func TestDeterministic(t *testing.T) {
	on := target(t)
	for number := range 300 {
		random := rand.New(rand.NewPCG(7, uint64(number)))
		p := madeUp(random)
		first, err := p.resolve(t, on)
		for range 3 {
			random.Shuffle(len(p.wheels), func(i, j int) { p.wheels[i], p.wheels[j] = p.wheels[j], p.wheels[i] })
			if again, err2 := p.resolve(t, on); !slices.Equal(first, again) || fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("#%d: %v, %v, then %v, %v", number, first, err, again, err2)
			}
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	on := target(t)
	r, _ := pep508.ParseRequirement("a")
	if _, err := resolver.Resolve(ctx, resolver.Problem{Index: &index{read(t, "a 1.0"), on}, Target: on, Requirements: []resolver.Root{{Requirement: r}}}); err == nil || err != context.Canceled {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	for wanted, want := range map[string]string{
		"a@https://example.org/a.whl": "mirror.yaml:7: a: packages come from an index, not from an address\nhint: put the package on an index",
		"a;sys_platform~='linux'":     "cannot compare",
	} {
		if _, err := resolve(t, nil, []string{wanted}, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
	if _, err := resolve(t, nil, nil, []string{"a[x]<2"}, nil); err == nil || !strings.Contains(err.Error(), "a constraint cannot have extras\nhint: write the extras in requirements") {
		t.Error(err)
	}
}
