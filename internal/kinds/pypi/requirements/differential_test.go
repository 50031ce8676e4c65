package requirements_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/kinds/pypi/requirements"
)

// oracle reads requirements files with pip's own parser, and each requirement as pip does for an installation.
const oracle = `
import optparse, os
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.exceptions import PipError

session = PipSession()

def read(name):
    options = optparse.Values({"require_hashes": False, "features_enabled": []})
    found = []
    try:
        for parsed in parse_requirements(name, session, options=options):
            req = install_req_from_parsed_requirement(parsed, user_supplied=True)
            if req.editable or req.link or not req.name:
                return "not from an index"
            hashes = sorted(a + ":" + d.lower() for a, all in (req.hash_options or {}).items() for d in all)
            where = parsed.comes_from.split(" ", 1)[1]
            found.append([parsed.constraint, req.name, sorted(req.extras), sorted(map(str, req.req.specifier)), str(req.markers or "") != "", hashes, where])
    except (PipError, RecursionError, ValueError, SystemExit) as e:
        return "%s: %s" % (type(e).__name__, e)
    return [found, options.require_hashes]

def answer(folder_and_names):
    folder, names = folder_and_names
    os.chdir(folder)
    return [read(n) for n in names]
`

type generator struct{ *rand.Rand }

func (g generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g generator) requirement() string {
	return g.pick("acme", "Acme.Web", "zope-interface", "a_b", "x") + g.pick("", "", "[all]", "[test,docs]", " [x] ") +
		g.pick("", "", "==1.0", ">=1,<2", " ~= 1.4.2", "!=1.5", " == 2.* ", ">=1.0 , <3") +
		g.pick("", "", "", "; python_version < '3.13'", " ;sys_platform=='linux'", ";", "; extra == 'x'", " ; os_name == \"nt\" and python_version>'3'")
}

func (g generator) hash() string {
	digest := strings.Repeat(g.pick("0", "a", "1f", "C3"), 64)[:64]
	return g.pick("--hash=sha256:"+digest, "--hash sha256:"+digest, "--ha=sha256:"+digest, "--hash='sha256:"+digest+"'", "--hash=sha512:"+digest+digest)
}

// line is a line or several of a requirements file.
func (g generator) line(includes []string, hashed bool) string {
	end := g.pick("\n", "\n", "\n", "\r\n", "\n\n", " \n", "\t\n", " # why\n", "  #\n", "\f")
	switch g.IntN(16) {
	case 0:
		return g.pick("# a comment", "#", "   # another", "#not\\", " ", "", "#-r x") + end
	case 1:
		if len(includes) > 0 {
			return g.pick("-r ", "-r", "--requirement ", "--requirement=", "-c ", "-c", "--constraint ", "--const=", "--req ") + includes[g.IntN(len(includes))] + end
		}
	case 2:
		return g.pick("--pre", "--prefer-binary", "--only-binary :all:", "--only-binary=:none:", "--use-feature=fast-deps") + end
	case 3:
		if g.IntN(10) == 0 {
			return g.requirement() + " " + g.hash() + end
		}
	case 6:
		one := g.requirement()
		at := g.IntN(len(one) + 1)
		return one[:at] + "\\\n" + one[at:] + end
	case 7:
		switch g.IntN(20) { // what we refuse, or pip
		case 0:
			return g.pick("--index-url https://pypi.example.org/simple", "-i x", "--extra-index-url=x", "-f wheels", "--no-index", "--trusted-host x") + end
		case 1:
			return g.pick("-e .", "-e git+https://example.org/x#egg=x", "https://example.org/x.whl", "acme @ https://example.org/a.zip", "git+https://example.org/x.git", "./x.whl") + end
		case 2:
			return g.pick("--unknown", "-x", "acme --pre", "acme --hash=md5:00", "acme --hash=sha256", "acme '", "--hash", "-r", "acme #no comment", "acme==", "acme#x", "acme==${VERSION}", "acme==$VERSION") + end
		case 3:
			return g.pick("acme foo", "acme>", "acme==1.0 \\ ", "acme --hash=sha256:00 more", "\\", "acme --global-option=x", "--require-hashes", "--no-binary acme") + end
		}
	}
	if hashed {
		return g.pick("acme", "a_b[x] ") + g.pick("==1.0", " == 2.1.post1 ", "===3") + g.pick("", " ; os_name == 'nt'") + g.pick(" ", " \\\n    ") + g.hash() + g.pick("", " \\\n  "+g.hash()) + end
	}
	return g.requirement() + end
}

func TestLikePip(t *testing.T) {
	python := pypitest.StartPython(t, oracle, "pip")
	g := generator{rand.New(rand.NewPCG(440, 3))}
	folder := t.TempDir()
	var names []string
	for number := range 3000 {
		var b strings.Builder
		if g.IntN(20) == 0 {
			b.WriteString("\uFEFF")
		}
		var includes []string
		if number > 20 {
			includes = []string{names[g.IntN(len(names))]}
		}
		hashed := g.IntN(4) == 0
		for range g.IntN(9) {
			b.WriteString(g.line(includes, hashed))
		}
		text := b.String()
		if g.IntN(3) == 0 {
			text = strings.TrimRight(text, "\n")
		}
		name := fmt.Sprintf("r%d.txt", number)
		pypitest.WriteFile(t, filepath.Join(folder, name), text)
		names = append(names, name)
	}
	var answers []any
	python.Ask([]any{folder, names}, &answers)
	same, failed, lines, named := 0, 0, 0, map[string]int{}
	for i, name := range names {
		list, err := requirements.Read(name, func(name string) ([]byte, error) { return read(folder, name) })
		answer, valid := answers[i].([]any)
		text, _ := read(folder, name)
		switch {
		case !valid && err != nil:
			failed++
		case !valid:
			t.Errorf("%q: pip says %v, we %+v", text, answers[i], list)
		case err != nil:
			why := refusal(err)
			if why == "" {
				t.Errorf("%q: pip says %v, we %v", text, answers[i], err)
			}
			named[why]++
		default:
			same++
			got, want := [2][]string{}, [2][]string{}
			for _, found := range answer[0].([]any) {
				f := found.([]any)
				at := 0
				if f[0].(bool) {
					at = 1
				}
				want[at] = append(want[at], fmt.Sprint(f[1:]...))
			}
			for at, all := range [2][]requirements.Line{list.Requirements, list.Constraints} {
				for _, l := range all {
					var hashes []string
					for _, h := range l.Hashes {
						hashes = append(hashes, h.String())
					}
					slices.Sort(hashes)
					var specs []string
					for _, s := range l.Specifiers {
						specs = append(specs, s.String())
					}
					slices.Sort(specs)
					file, number, _ := strings.Cut(l.Where, ":")
					got[at] = append(got[at], fmt.Sprint(l.Name, l.Extras, specs, !l.Marker.IsZero(), hashes, fmt.Sprintf("%s (line %s)", file, number)))
					lines++
				}
			}
			for at := range got {
				for j := range want[at] {
					want[at][j] = strings.ToLower(want[at][j])
				}
				for j := range got[at] {
					got[at][j] = strings.ToLower(got[at][j])
				}
				if !slices.Equal(got[at], want[at]) {
					t.Errorf("%q: got %q, pip %q", text, got[at], want[at])
				}
			}
		}
	}
	if same < 1500 || lines < 5000 {
		t.Errorf("only %d files with %d lines are read: the cases are too odd", same, lines)
	}
	t.Logf("%d files: %d with %d requirements are the same, %d refused by both; only by us: %v", len(names), same, lines, failed, named)
}

// refusal says why we refuse what pip accepts.
func refusal(err error) string {
	for _, one := range []struct{ text, why string }{
		{"is not supported in this file", "other indexes, options of builds, -e"},
		{"and not from an index", "addresses"},
		{"is an address", "addresses"},
		{"is a path", "addresses"},
		{"includes itself", "circles"},
		{"environment variables are not replaced", "environment variables"},
		{"has no meaning after a requirement", "options after a requirement that pip ignores"},
		{"among options", "words after options that pip ignores"},
		{"is not a digest", "digests of a wrong length"},
		{"is not a valid version specifier", "specifiers from before PEP 440, until pip 24.1"},
		{"with hashes, each requirement needs", "what pip refuses later, in hash mode"},
	} {
		if strings.Contains(err.Error(), one.text) {
			return one.why
		}
	}
	return ""
}

func read(folder, name string) ([]byte, error) {
	if !filepath.IsLocal(name) {
		return nil, errors.New(name + " is outside")
	}
	return fs.ReadFile(os.DirFS(folder), name)
}
