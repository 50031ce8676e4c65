package pep440_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
)

// oracle answers for versions and specifiers with Debian's python3-packaging.
const oracle = `
from packaging.version import Version, InvalidVersion
from packaging.specifiers import SpecifierSet, InvalidSpecifier

def version(pair):
    parsed = []
    for text in pair:
        try:
            parsed.append(Version(text))
        except InvalidVersion:
            parsed.append(None)
    a, b = parsed
    order = None if a is None or b is None else (a > b) - (a < b)
    return [None if a is None else [str(a), a.local or "", a.public, a.is_prerelease, a.is_postrelease], order]

def specifier(case):
    text, versions = case
    try:
        s = SpecifierSet(text)
        prereleases = bool(s.prereleases)
    except InvalidSpecifier:
        return None
    except InvalidVersion: # what follows === is not a version: 23.0 can only compare
        return [[s.contains(v, prereleases=True) for v in versions], None, None]
    return [[s.contains(v, prereleases=True) for v in versions], prereleases, list(s.filter(versions))]

def answer(question):
    kind, cases = question
    return [{"version": version, "specifier": specifier}[kind](case) for case in cases]
`

// A generator makes versions at random, the same ones in each run.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(440, seed))} }

func (g generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

// maybe is one of the choices, or nothing.
func (g generator) maybe(oneIn int, choices ...string) string {
	if g.IntN(oneIn) == 0 {
		return g.pick(choices...)
	}
	return ""
}

func (g generator) digits() string {
	return g.pick("0", "1", "2", "3", "9", "10", "11", "00", "01", "010", "2024", "20240131235959", "18446744073709551617")
}

// randomVersion is a version in one of its spellings, with small numbers, so that neighbours are frequent.
func (g generator) randomVersion() string {
	n := func() string { return g.pick("0", "1", "2", "1", "0", "10") }
	if g.IntN(4) == 0 {
		n = g.digits
	}
	sep := func() string { return g.maybe(2, ".", "-", "_", "") }
	var b strings.Builder
	b.WriteString(g.maybe(10, "v", "V", " ", "\t"))
	if g.IntN(10) == 0 {
		b.WriteString(n() + "!")
	}
	b.WriteString(n())
	for range g.IntN(4) {
		b.WriteString("." + n())
	}
	if g.IntN(3) == 0 {
		b.WriteString(sep() + g.pick("a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC", "Alpha") + sep() + g.maybe(1, n(), n(), n(), ""))
	}
	switch g.IntN(8) {
	case 0:
		b.WriteString("-" + n())
	case 1, 2:
		b.WriteString(sep() + g.pick("post", "rev", "r", "POST") + sep() + g.maybe(1, n(), n(), n(), ""))
	}
	if g.IntN(4) == 0 {
		b.WriteString(sep() + g.pick("dev", "DEV") + sep() + g.maybe(1, n(), n(), n(), ""))
	}
	if g.IntN(5) == 0 {
		b.WriteString("+" + g.pick("x", "ubuntu", "1", "01", "2", "10", "1a", "A"))
		for range g.IntN(3) {
			b.WriteString(g.pick(".", "-", "_") + g.pick("x", "1", "0", "deb", "12"))
		}
	}
	b.WriteString(g.maybe(12, " ", "\n"))
	return b.String()
}

// damaged is a version with a character added, removed or replaced.
func (g generator) damaged(v string) string {
	at := g.IntN(len(v))
	odd := g.pick(".", "-", "_", "+", "!", "a", "v", "x", "*", " ", "~", "1", "é", "post", "..", "+.")
	switch g.IntN(3) {
	case 0:
		return v[:at] + odd + v[at:]
	case 1:
		return v[:at] + v[at+1:]
	}
	return v[:at] + odd + v[at+1:]
}

// neighbour is a version close to v, which a specifier that names v should tell apart from it.
func (g generator) neighbour(v string) string {
	v = strings.TrimSpace(v)
	public, _, _ := strings.Cut(v, "+")
	switch g.IntN(12) {
	case 0:
		return v + ".0"
	case 1:
		return public + "+x"
	case 2:
		return public + ".dev0"
	case 3:
		return public + "a0"
	case 4:
		return public + ".post0"
	case 5:
		return public + "rc1"
	case 6:
		return public + ".post1.dev1+y"
	case 7:
		return strings.TrimSuffix(public, ".0")
	case 8:
		return "1!" + public
	case 9:
		if i := strings.LastIndexAny(public, ".-_abcr"); i > 0 {
			return public[:i]
		}
		return public + ".1"
	case 10:
		return public + ".1"
	}
	return v
}

func TestVersionsLikePackaging(t *testing.T) {
	g := newGenerator(1)
	python := pypitest.StartPython(t, oracle, "packaging")
	var pairs [][2]string
	for range 24000 {
		a := g.randomVersion()
		b := g.randomVersion()
		if g.IntN(2) == 0 {
			b = g.neighbour(a)
		}
		if g.IntN(5) == 0 {
			a = g.damaged(a)
		}
		pairs = append(pairs, [2]string{a, b})
	}
	var answers [][2]any
	python.Ask([]any{"version", pairs}, &answers)
	valid, compared := 0, 0
	for i, pair := range pairs {
		a, err := pep440.Parse(pair[0])
		want, ok := answers[i][0].([]any)
		if ok != (err == nil) {
			t.Errorf("%q: packaging accepts it: %t, we: %v", pair[0], ok, err)
			continue
		}
		if !ok {
			continue
		}
		valid++
		if got := []any{a.String(), a.Local(), a.Public().String(), a.IsPrerelease(), a.IsPostrelease()}; !slices.Equal(got, want) {
			t.Errorf("%q: got %v, packaging %v", pair[0], got, want)
		}
		if again, err := pep440.Parse(a.String()); err != nil || !again.Equal(a) {
			t.Errorf("%q: its canonical form %q is another version: %v", pair[0], a, err)
		}
		b, err := pep440.Parse(pair[1])
		order, ok := answers[i][1].(float64)
		if ok != (err == nil) {
			t.Errorf("%q: packaging accepts it: %t, we: %v", pair[1], ok, err)
			continue
		}
		if !ok {
			continue
		}
		compared++
		if got := a.Compare(b); got != int(order) || b.Compare(a) != -got || (a.Key() == b.Key()) != (got == 0) {
			t.Errorf("%q and %q: got %d, %d, packaging %v; keys %q, %q", pair[0], pair[1], got, b.Compare(a), order, a.Key(), b.Key())
		}
	}
	if valid < 10000 || compared < 10000 {
		t.Errorf("only %d valid and %d compared: the cases are too odd", valid, compared)
	}
	t.Logf("%d versions, %d valid, %d pairs compared", len(pairs), valid, compared)
}

// newer are rules that packaging got after 23.0, the version of Debian 12: why a difference is right. It returns an empty string if
// none explains a difference about the version.
func newer(set pep440.Specifiers, v pep440.Version) string {
	arbitrary := 0
	for _, s := range set {
		if s.Operator == "===" {
			arbitrary++
		}
		switch {
		case arbitrary > 1:
			return "26.1 keeps both of two === with equal versions"
		case s.IsPrefix() && strings.Contains(s.Text, "!"), s.Operator == "~=" && strings.Contains(s.Text, "!"), (s.IsPrefix() || s.Operator == "~=") && strings.Contains(v.String(), "!"):
			return "24.0 compares prefixes with an epoch"
		case s.Operator == "<" && s.Version().IsPostrelease() && v.IsPrerelease():
			return "26.1 excludes only pre-releases of V itself from <V"
		case s.Operator == ">" && v.Local() != "":
			return "26.1 excludes only local versions of V itself from >V"
		case s.Operator == ">" && s.Version().IsPrerelease() && v.IsPostrelease():
			return "26.1 excludes only post-releases of V itself from >V"
		case s.Operator == "~=" && s.Text != s.Version().String():
			return "23.0 counts an unusual spelling of a suffix (.c1, .rev2, .pre3) as a number of the release"
		}
	}
	return ""
}

func TestSpecifiersLikePackaging(t *testing.T) {
	g := newGenerator(2)
	python := pypitest.StartPython(t, oracle, "packaging")
	type question struct {
		text     string
		versions []string
	}
	var questions []question
	var cases [][2]any
	for valid := 0; valid < 10500; {
		v := g.randomVersion()
		var parts []string
		for range 1 + g.IntN(2)*g.IntN(3) {
			op := g.pick("==", "!=", "~=", "<", "<=", ">", ">=", "===")
			named := strings.TrimSpace(g.neighbour(v))
			if op != "==" && op != "!=" && op != "===" && g.IntN(8) > 0 {
				named, _, _ = strings.Cut(named, "+")
			}
			if (op == "==" || op == "!=") && g.IntN(3) == 0 {
				named = strings.TrimRight(strings.FieldsFunc(named, func(r rune) bool { return strings.ContainsRune("abcdprv-_+ABCDPRV", r) })[0], ".") + ".*"
			}
			if g.IntN(30) == 0 && named != "" {
				named = g.damaged(named)
			}
			parts = append(parts, g.maybe(6, " ")+op+g.maybe(4, " ", "  ", "\t")+named+g.maybe(8, " "))
		}
		q := question{text: strings.Join(parts, ",")}
		if _, err := pep440.ParseSpecifiers(q.text); err == nil {
			valid++
		}
		for range 2 {
			for _, near := range []string{g.neighbour(v), g.neighbour(g.neighbour(v)), g.randomVersion()} {
				if _, err := pep440.Parse(near); err == nil {
					q.versions = append(q.versions, near)
				}
			}
		}
		questions = append(questions, q)
		cases = append(cases, [2]any{q.text, q.versions})
	}
	var answers []*[3]any
	python.Ask([]any{"specifier", cases}, &answers)
	valid, compared, named := 0, 0, map[string]int{}
	for i, q := range questions {
		set, err := pep440.ParseSpecifiers(q.text)
		if (answers[i] != nil) != (err == nil) {
			if strings.HasSuffix(strings.TrimSpace(q.text), "===") || strings.Contains(q.text, "===,") {
				named["packaging accepts === without a version"]++
				continue
			}
			t.Errorf("%q: packaging accepts it: %t, we: %v", q.text, answers[i] != nil, err)
			continue
		}
		if answers[i] == nil {
			continue
		}
		valid++
		contains := answers[i][0].([]any)
		filtered, answered := answers[i][2].([]any)
		reason := ""
		var versions []pep440.Version
		for j, text := range q.versions {
			v, err := pep440.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, v)
			compared++
			if got := set.Match(v); got != contains[j] {
				why := newer(set, v)
				if why == "" {
					t.Errorf("%q allows %q: got %t, packaging %v", q.text, text, got, contains[j])
				}
				named[why]++
				reason += why
			}
		}
		if !answered {
			named["23.0 only compares where the text after === is not a version"]++
			continue
		}
		if got := set.NamesPrerelease(); got != answers[i][1].(bool) {
			if !slices.ContainsFunc(set, func(s pep440.Specifier) bool {
				return s.NamesPrerelease() && (s.Operator == "<" || s.Operator == ">" || s.Operator == "===")
			}) {
				t.Errorf("%q names a pre-release: got %t, packaging %t", q.text, got, !got)
			}
			named["24.2 considers pre-releases where < and > name one"]++
			reason += "named"
		}
		got := set.Filter(versions, false)
		same := slices.EqualFunc(got, filtered, func(v pep440.Version, text any) bool { return v.Text() == strings.TrimSpace(text.(string)) })
		switch {
		case same || reason != "":
		case len(filtered) == 0 && !slices.ContainsFunc(got, func(v pep440.Version) bool { return !v.IsPrerelease() }):
			named["26.0 takes pre-releases where nothing else matches, as PEP 440 says"]++
		default:
			t.Errorf("%q filters %q: got %v, packaging %q", q.text, q.versions, got, filtered)
		}
	}
	if valid < 10000 || compared < 40000 {
		t.Errorf("only %d valid and %d compared: the cases are too odd", valid, compared)
	}
	t.Logf("%d specifiers, %d valid, %d comparisons; differences: %v", len(questions), valid, compared, named)
}
