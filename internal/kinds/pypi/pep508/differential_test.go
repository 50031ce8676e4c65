package pep508_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
)

// oracle answers for markers and requirements with Debian's python3-packaging.
const oracle = `
from packaging.markers import Marker, InvalidMarker, UndefinedComparison
from packaging.requirements import Requirement, InvalidRequirement
from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion
from packaging.utils import canonicalize_name

def marker(case, environments):
    try:
        m = Marker(case)
    except (InvalidMarker, SyntaxError, ValueError):
        return None
    answers = []
    for e in environments:
        try:
            answers.append(m.evaluate(e))
        except UndefinedComparison:
            answers.append("undefined")
        except InvalidVersion:
            answers.append("no version")
    return [str(m), answers]

def requirement(case):
    try:
        r = Requirement(case)
    except (InvalidRequirement, InvalidSpecifier, SyntaxError, ValueError):
        return None
    return [r.name, canonicalize_name(r.name), sorted(set(map(canonicalize_name, r.extras))), sorted(map(str, r.specifier)), r.url or "", str(r.marker or "")]

def answer(question):
    kind, cases, environments = question
    if kind == "marker":
        return [marker(c, environments) for c in cases]
    return [requirement(c) for c in cases]
`

// environments are five machines: two Linux, macOS, Windows with an extra, and PyPy with odd values.
var environments = []pep508.Environment{
	{ImplementationName: "cpython", ImplementationVersion: "3.11.2", OSName: "posix", PlatformMachine: "x86_64", PlatformPythonImplementation: "CPython",
		PlatformRelease: "6.1.0", PlatformSystem: "Linux", PlatformVersion: "#1 SMP Debian", PythonFullVersion: "3.11.2", PythonVersion: "3.11", SysPlatform: "linux"},
	{ImplementationName: "cpython", ImplementationVersion: "3.10.0", OSName: "posix", PlatformMachine: "aarch64", PlatformPythonImplementation: "CPython",
		PlatformRelease: "6.1.0-18-amd64", PlatformSystem: "Linux", PlatformVersion: "#1", PythonFullVersion: "3.10.0", PythonVersion: "3.10", SysPlatform: "linux", Extra: "Socks_Proxy"},
	{ImplementationName: "cpython", ImplementationVersion: "3.13.0rc1", OSName: "posix", PlatformMachine: "arm64", PlatformPythonImplementation: "CPython",
		PlatformRelease: "23.5.0", PlatformSystem: "Darwin", PlatformVersion: "Darwin Kernel Version 23.5.0", PythonFullVersion: "3.13.0rc1", PythonVersion: "3.13", SysPlatform: "darwin", Extra: "test"},
	{ImplementationName: "cpython", ImplementationVersion: "3.9.13", OSName: "nt", PlatformMachine: "AMD64", PlatformPythonImplementation: "CPython",
		PlatformRelease: "10", PlatformSystem: "Windows", PlatformVersion: "10.0.19045", PythonFullVersion: "3.9.13", PythonVersion: "3.9", SysPlatform: "win32", Extra: "socks-proxy"},
	{ImplementationName: "pypy", ImplementationVersion: "7.3.11", OSName: "posix", PlatformMachine: "x86_64", PlatformPythonImplementation: "PyPy",
		PlatformRelease: "", PlatformSystem: "Linux", PlatformVersion: "", PythonFullVersion: "3.9.16", PythonVersion: "3.9", SysPlatform: "linux"},
}

// names are the values of an environment by the names of the variables.
func names(e pep508.Environment) map[string]string {
	return map[string]string{
		"implementation_name": e.ImplementationName, "implementation_version": e.ImplementationVersion, "os_name": e.OSName,
		"platform_machine": e.PlatformMachine, "platform_python_implementation": e.PlatformPythonImplementation, "platform_release": e.PlatformRelease,
		"platform_system": e.PlatformSystem, "platform_version": e.PlatformVersion, "python_full_version": e.PythonFullVersion,
		"python_version": e.PythonVersion, "sys_platform": e.SysPlatform, "extra": e.Extra,
	}
}

type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(508, seed))} }

func (g generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g generator) space() string { return g.pick("", " ", " ", " ", "  ", "\t") }

// comparison is a comparison that packages might have, often at the border of one of the environments.
func (g generator) comparison() string {
	variable, value, op := "", "", g.pick("==", "!=", "<", "<=", ">", ">=", "==", ">=", "<")
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		variable = g.pick("python_version", "python_version", "python_full_version", "implementation_version")
		value = g.pick("3.11", "3.10", "3.9", "3.13", "3.1", "3.11.2", "3.10.0", "3.13.0", "3.13.0rc1", "3.9.13", "3.11.*", "3.*", "3.9.*", "3", "2.7", "7.3.11", "3.13.0.dev0", "4.0", "v3.11")
		op = g.pick(op, op, op, op, "~=", "===", "in", "not in")
		if strings.HasSuffix(op, "in") {
			value = g.pick("2.7, 3.9", "3.11 3.10", "3.1", "3.9.13,3.11.2")
		}
	case 4, 5:
		variable = g.pick("sys_platform", "os_name", "platform_system", "platform_machine", "implementation_name", "platform_python_implementation",
			"os.name", "sys.platform", "platform.machine", "python_implementation", "platform.python_implementation")
		value = g.pick("linux", "win32", "darwin", "posix", "nt", "Linux", "Darwin", "Windows", "x86_64", "aarch64", "arm64", "AMD64", "cpython", "CPython", "PyPy", "pypy", "")
		op = g.pick("==", "!=", "==", "!=", "in", "not in", op)
		if strings.HasSuffix(op, "in") {
			value = g.pick("linux darwin", "x86_64 AMD64 arm64", "nt", "posix,nt", "win")
		}
	case 6, 7:
		variable = "extra"
		value = g.pick("socks-proxy", "socks_proxy", "Socks.Proxy", "socks--proxy", "test", "Test", "docs", "")
		op = g.pick("==", "==", "==", "!=", "in", "not in")
	case 8:
		variable = g.pick("platform_release", "platform_version")
		value = g.pick("6.1.0", "6.1", "23", "10", "6.1.0-18-amd64", "10.0.19045", "#1", "5.10", "10.*")
	default:
		variable, value, op = g.pick("python_version", "os_name", "sys_platform", "platform_machine", "extra"), g.pick("3.9", "nt", "linux", "3.x", "1", "x y", "a-b"), g.pick(op, "~=", "===", "in")
	}
	quote := g.pick(`"`, `'`)
	left, right := variable, quote+value+quote
	if g.IntN(6) == 0 {
		left, right = right, left
	}
	spaces := func() string {
		if strings.HasSuffix(op, "in") && g.IntN(4) > 0 {
			return " "
		}
		return g.space()
	}
	return left + spaces() + op + spaces() + right
}

func (g generator) marker(depth int) string {
	var b strings.Builder
	b.WriteString(g.space())
	for i := range 1 + g.IntN(3)*g.IntN(2) {
		if i > 0 {
			b.WriteString(" " + g.pick("and", "or") + g.pick(" ", " ", " ", "  ", "\t"))
		}
		if depth > 0 && g.IntN(4) == 0 {
			b.WriteString("(" + g.marker(depth-1) + ")")
		} else {
			b.WriteString(g.comparison())
		}
	}
	b.WriteString(g.pick("", "", " "))
	return b.String()
}

// damaged is a text with one to two characters added, removed or replaced.
func (g generator) damaged(s string) string {
	for range 1 + g.IntN(2) {
		at := g.IntN(len(s))
		odd := g.pick("(", ")", "'", `"`, "[", "]", ",", ";", "@", " ", "=", "<", "x", "1", ".", "-", "_", "and", " or ", "not", "*", "!", "é", "#")
		switch g.IntN(3) {
		case 0:
			s = s[:at] + odd + s[at:]
		case 1:
			s = s[:at] + s[at+1:]
		default:
			s = s[:at] + odd + s[at+1:]
		}
		if s == "" {
			return " "
		}
	}
	return strings.ToValidUTF8(s, "?")
}

// newerMarker are rules that packaging got after 23.0, the version of Debian 12, and what differs on purpose: why a difference is right.
func newerMarker(text string, want any) string {
	var found []string
	// The comparisons of the marker, one by one.
	rest := text
	for {
		i := strings.IndexAny(rest, `"'`)
		if i < 0 {
			break
		}
		end := strings.IndexByte(rest[i+1:], rest[i])
		if end < 0 {
			break
		}
		found = append(found, rest[i+1:i+1+end])
		rest = rest[i+2+end:]
	}
	isVersion := func(s string) bool { _, err := pep440.ParseSpecifiers("==" + s); return err == nil && s != "" }
	isBound := func(s string) bool { _, err := pep440.ParseSpecifiers(">=" + s); return err == nil && s != "" }
	onText := false // a variable that is no version
	for _, v := range []string{"os_name", "os.name", "sys_platform", "sys.platform", "platform_machine", "platform.machine", "platform_system", "platform_version", "python_implementation", "implementation_name", "extra"} {
		onText = onText || strings.Contains(text, v)
	}
	switch {
	case strings.Contains(text, "===") && (strings.Contains(text, "version") || strings.Contains(text, "release")):
		return "26.1 compares with === as written"
	case want == "no version":
		return "26.0 compares what is not a version as text, where 23.0 fails"
	case strings.Contains(text, "platform_release"):
		return "26.0 compares platform_release as a version or not at all"
	case strings.ContainsAny(text, "<>") && slices.ContainsFunc(found, func(s string) bool { return !isBound(s) }):
		return "26.0 does not order texts, nor what only looks like a version (3.*)"
	case onText && (strings.ContainsAny(text, "<>") || strings.Contains(text, "~=") || strings.Contains(text, "===")):
		return "26.0 does not order texts, nor what only looks like a version (3.*)"
	case onText && slices.ContainsFunc(found, isVersion):
		return "26.0 compares only variables that are versions as versions"
	}
	return ""
}

func TestMarkersLikePackaging(t *testing.T) {
	g := newGenerator(1)
	python := pypitest.StartPython(t, oracle, "packaging")
	var cases []string
	for range 14000 {
		text := g.marker(3)
		if g.IntN(8) == 0 {
			text = g.damaged(text)
		}
		cases = append(cases, text)
	}
	var envs []map[string]string
	for _, e := range environments {
		envs = append(envs, names(e))
	}
	var answers []*[2]any
	python.Ask([]any{"marker", cases, envs}, &answers)
	valid, holds, named := 0, 0, map[string]int{}
	for i, text := range cases {
		m, err := pep508.ParseMarker(text)
		if (answers[i] != nil) != (err == nil) {
			switch {
			case err != nil && strings.Contains(err.Error(), "two texts are compared"):
				named["packaging fails at two texts only when it compares them"]++
			case err != nil && strings.Contains(err.Error(), "expected \"and\", \"or\" or the end"), strings.Contains(text, "é"):
				named["23.2 reads a marker to its end"]++
			case strings.Contains(text, "extras"):
				named["25.0 knows extras"]++
			default:
				t.Errorf("%q: packaging accepts it: %t, we: %v", text, answers[i] != nil, err)
			}
			continue
		}
		if err != nil {
			continue
		}
		valid++
		again, err := pep508.ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q: %q cannot be read again: %v", text, m, err)
		}
		for j, e := range environments {
			got, err := m.Evaluate(e)
			if same, err2 := again.Evaluate(e); same != got || (err == nil) != (err2 == nil) {
				t.Errorf("%q: %q means something else", text, m)
			}
			if got {
				holds++
			}
			want := answers[i][1].([]any)[j]
			if got == want || err != nil && want == "undefined" {
				continue
			}
			why := newerMarker(text, want)
			if why == "" {
				t.Errorf("%q for environment %d: got %t, %v, packaging %v", text, j, got, err, want)
			}
			named[why]++
		}
	}
	if valid < 10000 || holds < 10000 {
		t.Errorf("only %d valid and %d hold: the cases are too odd", valid, holds)
	}
	t.Logf("%d markers, %d valid, for %d environments; differences: %v", len(cases), valid, len(environments), named)
}

// requirement is a requirement that packages might have.
func (g generator) requirement() string {
	var b strings.Builder
	b.WriteString(g.pick("", "", "", " ") + g.pick("acme", "Acme.Web", "zope.interface", "a", "oslo_config", "x--y", "3to2", "in", "not-a", "A_") + g.space())
	if g.IntN(3) == 0 {
		b.WriteString("[" + g.space())
		for i := range g.IntN(4) {
			if i > 0 {
				b.WriteString(g.space() + "," + g.space())
			}
			b.WriteString(g.pick("all", "Test_Extra", "test.extra", "a-b", "x"))
		}
		b.WriteString(g.space() + "]" + g.space())
	}
	switch g.IntN(6) {
	case 0:
		b.WriteString("@" + g.space() + g.pick("https://example.org/a-1.0.zip", "git+ssh://git@example.org/x.git@v1#egg=x", "file:///srv/a.whl", "http://h/;x") + g.pick("", " ", "  "))
	case 1, 2, 3, 4:
		parenthesis := g.IntN(5) == 0
		if parenthesis {
			b.WriteString("(" + g.space())
		}
		for i := range g.IntN(4) {
			if i > 0 {
				b.WriteString(g.space() + "," + g.space())
			}
			b.WriteString(g.pick("==", "!=", "<", "<=", ">", ">=", "~=", "===", ">=") + g.space() + g.pick("1.0", "2", "1.4.2", "1.*", "2.0rc1", "1!3.0", "1.0+x", "0.9-1", "v2", "3.x"))
		}
		if parenthesis {
			b.WriteString(g.space() + ")")
		} else if g.IntN(20) == 0 {
			b.WriteString(",")
		}
		b.WriteString(g.space())
	}
	if g.IntN(3) == 0 {
		b.WriteString(";" + g.marker(1))
	}
	return b.String()
}

func TestRequirementsLikePackaging(t *testing.T) {
	g := newGenerator(2)
	python := pypitest.StartPython(t, oracle, "packaging")
	var cases []string
	for range 20000 {
		text := g.requirement()
		if g.IntN(5) == 0 {
			text = g.damaged(text)
		}
		cases = append(cases, text)
	}
	var answers []*[6]any
	python.Ask([]any{"requirement", cases, nil}, &answers)
	valid, named := 0, map[string]int{}
	for i, text := range cases {
		r, err := pep508.ParseRequirement(text)
		if (answers[i] != nil) != (err == nil) {
			switch {
			case err == nil && len(r.Specifiers) > 1 && slices.ContainsFunc(r.Specifiers, func(s pep440.Specifier) bool { return s.Operator == "===" }):
				named["packaging takes a comma for a part of the text after ==="]++
			case err != nil && strings.Contains(err.Error(), "ends with '_'"):
				named["packaging accepts names that end with _, which no index does"]++
			case err == nil && r.URL != "":
				named["23.2 does not check URLs"]++
			case err != nil && strings.Contains(err.Error(), "two texts are compared"):
				named["packaging fails at two texts only when it compares them"]++
			case err != nil && strings.Contains(err.Error(), "there is no version after ==="):
				named["packaging accepts === without a version"]++
			default:
				t.Errorf("%q: packaging accepts it: %t, we: %v", text, answers[i] != nil, err)
			}
			continue
		}
		if err != nil {
			continue
		}
		valid++
		want := answers[i]
		specs := strings.Split(r.Specifiers.String(), ",")
		if len(r.Specifiers) == 0 {
			specs = nil
		}
		list := func(v any) (texts []string) {
			for _, one := range v.([]any) {
				texts = append(texts, one.(string))
			}
			return texts
		}
		if wanted := list(want[3]); !slices.Equal(specs, wanted) && len(wanted) < len(specs) {
			named["packaging drops specifiers of equal versions (==2 and ==v2)"]++
		} else if !slices.Equal(specs, wanted) {
			t.Errorf("%q: specifiers %q, packaging %q", text, specs, wanted)
		}
		if r.Name != want[0] || r.Project() != want[1] || !slices.Equal(r.Extras, list(want[2])) || r.URL != want[4] || r.Marker.IsZero() != (want[5] == "") {
			t.Errorf("%q: got %+v, packaging %v", text, r, want)
		}
		if again, err := pep508.ParseRequirement(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%q: %q cannot be read again: %v", text, r, err)
		}
	}
	if valid < 10000 {
		t.Errorf("only %d are valid: the cases are too odd", valid)
	}
	t.Logf("%d requirements, %d valid; differences: %v", len(cases), valid, named)
}
