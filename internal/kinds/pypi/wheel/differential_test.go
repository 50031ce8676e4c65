package wheel_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// oracle lists the tags of a target with Debian's python3-packaging, as if Python ran there, and with pip; and it reads file names.
const oracle = `
import re, sysconfig
from packaging import tags, utils, _manylinux, _musllinux
from packaging.version import InvalidVersion
from pip._internal.utils.compatibility_tags import get_supported

def platforms(name):
    family, _, rest = name.partition("_")
    if family == "macosx":
        major, minor, machine = rest.split("_", 2)
        return list(tags.mac_platforms((int(major), int(minor)), machine))
    m = re.fullmatch(r"(manylinux|musllinux)_(\d+)_(\d+)_(.*)", name)
    if not m:
        return [name]
    major, minor, machine = int(m[2]), int(m[3]), m[4]
    if m[1] == "musllinux":
        _musllinux._get_musl_version = lambda executable: _musllinux._MuslVersion(major, minor)
        return list(_musllinux.platform_tags(machine))
    _manylinux._get_glibc_version = lambda: (major, minor)
    _manylinux._have_compatible_abi = lambda executable, arch: True
    return list(_manylinux.platform_tags("linux_" + machine, machine))

def target(case):
    minor, name = case
    expanded = platforms(name)
    abi = f"cp3{minor}" + ("m" if minor < 8 else "")
    full = [str(t) for t in tags.cpython_tags((3, minor), [abi], expanded)]
    full += [str(t) for t in tags.compatible_tags((3, minor), f"cp3{minor}", expanded)]
    by_pip = [str(t) for t in get_supported(f"3{minor}", [name], "cp", [abi])]
    return [full, by_pip]

def filename(name):
    try:
        if name.endswith(".whl"):
            project, version, build, all = utils.parse_wheel_filename(name)
            return [project, str(version), list(build), sorted(map(str, all))]
        project, version = utils.parse_sdist_filename(name)
        return [project, str(version), [], []]
    except (utils.InvalidWheelFilename, utils.InvalidSdistFilename, InvalidVersion, ValueError):
        return None

def answer(question):
    kind, cases = question
    return [{"target": target, "filename": filename}[kind](c) for c in cases]
`

func TestTagsLikePackaging(t *testing.T) {
	python := pypitest.StartPython(t, oracle, "packaging", "pip")
	names := []string{"manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux_2_5_x86_64", "manylinux_2_36_aarch64", "manylinux_2_17_ppc64le", "musllinux_1_2_x86_64",
		"musllinux_1_0_aarch64", "linux_x86_64", "linux_riscv64", "macosx_13_0_arm64", "macosx_11_0_x86_64", "macosx_14_3_x86_64", "macosx_10_9_x86_64", "win_amd64", "win32", "win_arm64"}
	var cases [][2]any
	for _, name := range names {
		for _, minor := range []int{6, 7, 8, 11, 13} {
			cases = append(cases, [2]any{minor, name})
		}
	}
	var answers [][2][]string
	python.Ask([]any{"target", cases}, &answers)
	for i, c := range cases {
		target, err := wheel.ParseTarget(fmt.Sprintf("3.%d", c[0]), c[1].(string))
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, tag := range target.Tags() {
			got = append(got, tag.String())
		}
		want := answers[i][0]
		for j := range want {
			want[j] = strings.ReplaceAll(want[j], "_fat32", "_fat3") // 26.3 corrects the name
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %d tags, packaging %d\n%s\n%s", c, len(got), len(want), got, want)
		}
		// pip knows nothing of older glibc and musl when another platform than its own is asked for; where it lists a tag, the order is ours.
		at := -1
		for _, tag := range answers[i][1] {
			tag = strings.ReplaceAll(tag, "_fat32", "_fat3")
			place := slices.Index(got, tag)
			if place <= at {
				t.Errorf("%v: pip has %s in another place", c, tag)
				break
			}
			at = place
		}
	}
	t.Logf("%d targets", len(cases))
}

func TestFilenamesLikePackaging(t *testing.T) {
	random := rand.New(rand.NewPCG(427, 1))
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	python := pypitest.StartPython(t, oracle, "packaging", "pip")
	var cases []string
	for range 14000 {
		name := pick("acme", "Acme_Web", "zope.interface", "a", "A1", "acme__web", "foo_bar.baz", "3to2") + "-" +
			pick("1.0", "1.0.post1", "2.0rc1", "1.0+local.1", "1.0+local_1", "1!2.0", "1.0_1", "2004d", "0", "1.0.dev3", "01.2", "v1")
		if random.IntN(3) > 0 {
			if random.IntN(4) == 0 {
				name += "-" + pick("1", "2abc", "0", "10_x", "x1", "2024.1")
			}
			name += "-" + pick("py3", "py2.py3", "cp311", "cp38.cp39", "cp36", "CP311") + "-" + pick("none", "abi3", "cp311", "none.abi3") + "-" +
				pick("any", "manylinux_2_17_x86_64.manylinux2014_x86_64", "linux_x86_64", "win_amd64", "macosx_10_9_universal2") + ".whl"
		} else {
			name += pick(".tar.gz", ".tar.gz", ".zip")
		}
		if random.IntN(6) == 0 {
			at := random.IntN(len(name))
			name = name[:at] + pick("-", ".", "_", "", " ", "/", "é", "+", "--", "1") + name[at+random.IntN(2):]
		}
		cases = append(cases, name)
	}
	var answers []*[4]any
	python.Ask([]any{"filename", cases}, &answers)
	valid, named := 0, map[string]int{}
	for i, name := range cases {
		f, err := wheel.Parse(name, "")
		if (answers[i] != nil) != (err == nil) {
			project := ""
			if answers[i] != nil {
				project = answers[i][0].(string)
			}
			stem, _, _ := strings.Cut(name, "-")
			switch {
			case err == nil && f.IsWheel() && strings.Contains(strings.Split(name, "-")[1], "_"):
				named["pip takes _ in the version of a wheel for -"]++
			case err != nil && strings.Trim(strings.ToLower(project), "abcdefghijklmnopqrstuvwxyz0123456789-") != "", err != nil && strings.HasPrefix(project, "-"), err != nil && strings.HasSuffix(project, "-"), err != nil && project == "":
				named["packaging accepts what is no name of a project"]++
			case err != nil && strings.HasSuffix(stem, "_"):
				named["packaging accepts what is no name of a project"]++
			case err != nil && strings.HasSuffix(name, ".whl"):
				named["26.3 refuses tags that are empty or have other characters"]++
			case err != nil && strings.Contains(name, " "):
				named["packaging accepts spaces around the version"]++
			default:
				t.Errorf("%q: packaging accepts it: %t, we: %v", name, answers[i] != nil, err)
			}
			continue
		}
		if err != nil {
			continue
		}
		valid++
		want := answers[i]
		build := "[]"
		if f.Build.Given {
			build = fmt.Sprintf("[%d %s]", f.Build.Number, f.Build.Text)
		}
		var tags []string
		for _, tag := range f.Tags {
			tags = append(tags, tag.String())
		}
		slices.Sort(tags)
		tags = slices.Compact(tags)
		if f.Project != want[0] || f.Version.String() != want[1] || build != fmt.Sprint(want[2]) || fmt.Sprint(tags) != fmt.Sprint(want[3]) {
			t.Errorf("%q: got %+v, packaging %v", name, f, want)
		}
	}
	if valid < 9000 {
		t.Errorf("only %d are valid: the cases are too odd", valid)
	}
	t.Logf("%d names, %d valid; differences: %v", len(cases), valid, named)
}
