package wheel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Target is what packages are for: a version of CPython and a platform. All that decides which files can be installed there follows from
// it, and nothing from the machine that resolves.
type Target struct {
	text        string
	python      pep440.Version
	minor       int // of Python 3
	platforms   []string
	environment pep508.Environment
	ranks       map[Tag]int // the place of each supported tag, the best first
	tags        []Tag
}

// ParseTarget makes the target of a version of CPython, such as "3.11" or "3.11.2", and one or more platforms: manylinux_2_28_x86_64 and
// musllinux_1_2_aarch64 (with all older ones), linux_x86_64, macosx_13_0_arm64, win_amd64. Wheels for earlier platforms are preferred to
// wheels for later ones. Without the third number of Python, it is 0: the oldest that may be there. An error has a hint.
func ParseTarget(python string, platforms ...string) (*Target, error) {
	t := &Target{text: "python " + python + " on " + strings.Join(platforms, ", ")}
	v, err := pep440.Parse(python)
	if err != nil || v.Release(0) != "3" || strings.Count(v.Public().String(), ".") == 0 || v.IsPostrelease() || v.Local() != "" || strings.Contains(v.String(), "!") {
		return nil, artifact.Hint(fmt.Errorf("%q is not a version of Python 3", python), `write "3.11", or "3.11.2" with quotes`)
	}
	if t.minor, err = strconv.Atoi(v.Release(1)); err != nil || t.minor > 99 {
		return nil, artifact.Hint(fmt.Errorf("%q is not a version of Python 3", python), `write "3.11", or "3.11.2" with quotes`)
	}
	if len(platforms) == 0 {
		return nil, artifact.Hint(fmt.Errorf("python %s: no platform", python), platformHint)
	}
	t.python = v
	full := v.String()
	if strings.Count(full, ".") == 1 && !v.IsPrerelease() {
		full += ".0"
	}
	for i, name := range platforms {
		expanded, env, err := expandPlatform(name)
		if err != nil {
			return nil, err
		}
		if i > 0 && (env.SysPlatform != t.environment.SysPlatform || env.PlatformMachine != t.environment.PlatformMachine) {
			return nil, artifact.Hint(fmt.Errorf("%s and %s are not platforms of one machine", platforms[0], name), "make a target of each")
		}
		t.environment = env
		for _, p := range expanded {
			if !slices.Contains(t.platforms, p) {
				t.platforms = append(t.platforms, p)
			}
		}
	}
	t.environment.ImplementationName, t.environment.PlatformPythonImplementation = "cpython", "CPython"
	t.environment.PythonVersion = fmt.Sprintf("3.%d", t.minor)
	t.environment.PythonFullVersion, t.environment.ImplementationVersion = full, full
	t.supported()
	return t, nil
}

// String describes the target: "python 3.11 on manylinux_2_28_x86_64".
func (t *Target) String() string { return t.text }

// Environment is what markers are evaluated for. The release and the version of the kernel are unknown, and empty.
func (t *Target) Environment() pep508.Environment { return t.environment }

// Python is the full version of Python, which requires-python is compared with.
func (t *Target) Python() pep440.Version {
	v, err := pep440.Parse(t.environment.PythonFullVersion)
	if err != nil {
		panic(err)
	}
	return v
}

// Tags are the supported tags, the best first, in the order of packaging.tags. The caller must not change them.
func (t *Target) Tags() []Tag { return t.tags }

// Rank returns the place of the best tag of a wheel among the supported tags, from 0, and whether the target supports one.
func (t *Target) Rank(f Filename) (rank int, supported bool) {
	rank = len(t.tags)
	for _, tag := range f.Tags {
		if r, found := t.ranks[tag]; found && r < rank {
			rank = r
		}
	}
	return rank, rank < len(t.tags)
}

// supported lists the tags: those of this CPython, of its stable ABI, without ABI, of older stable ABIs, and then pure Python.
func (t *Target) supported() {
	cp := func(minor int) string { return fmt.Sprintf("cp3%d", minor) }
	add := func(interpreter, abi string, platforms ...string) {
		for _, p := range platforms {
			t.tags = append(t.tags, Tag{interpreter, abi, p})
		}
	}
	this, abi := cp(t.minor), cp(t.minor)
	if t.minor < 8 {
		abi += "m"
	}
	add(this, abi, t.platforms...)
	if t.minor >= 2 {
		add(this, "abi3", t.platforms...)
	}
	add(this, "none", t.platforms...)
	for minor := t.minor - 1; minor >= 2; minor-- {
		add(cp(minor), "abi3", t.platforms...)
	}
	pure := []string{fmt.Sprintf("py3%d", t.minor), "py3"}
	for minor := t.minor - 1; minor >= 0; minor-- {
		pure = append(pure, fmt.Sprintf("py3%d", minor))
	}
	for _, interpreter := range pure {
		add(interpreter, "none", t.platforms...)
	}
	add(this, "none", "any")
	for _, interpreter := range pure {
		add(interpreter, "none", "any")
	}
	t.ranks = make(map[Tag]int, len(t.tags))
	for i, tag := range t.tags {
		t.ranks[tag] = i
	}
}
