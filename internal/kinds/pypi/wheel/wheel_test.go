package wheel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

func TestTarget(t *testing.T) {
	target, err := wheel.ParseTarget("3.12", "manylinux_2_28_aarch64", "linux_aarch64")
	if err != nil {
		t.Fatal(err)
	}
	e := target.Environment()
	if e.PythonVersion != "3.12" || e.PythonFullVersion != "3.12.0" || e.SysPlatform != "linux" || e.PlatformMachine != "aarch64" || e.OSName != "posix" || e.ImplementationName != "cpython" {
		t.Errorf("%+v", e)
	}
	// The best first: what is built for this Python, for the newest platform.
	ordered := strings.Fields(`a-1-cp312-cp312-manylinux_2_28_aarch64.whl a-1-cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64.whl a-1-cp312-cp312-linux_aarch64.whl
		a-1-cp312-abi3-manylinux_2_17_aarch64.whl a-1-cp37-abi3-manylinux_2_28_aarch64.whl a-1-py3-none-linux_aarch64.whl a-1-cp312-none-any.whl a-1-py2.py3-none-any.whl`)
	last := -1
	for _, name := range ordered {
		f, err := wheel.ParseWheel(name)
		if err != nil {
			t.Fatal(err)
		}
		rank, ok := target.Rank(f)
		if !ok || rank <= last {
			t.Errorf("%s: %d, %t after %d", name, rank, ok, last)
		}
		last = rank
	}
	for _, name := range strings.Fields("a-1-cp311-cp311-linux_aarch64.whl a-1-cp312-cp312-linux_x86_64.whl a-1-cp313-abi3-linux_aarch64.whl a-1-py2-none-any.whl a-1-cp312-cp312-manylinux_2_31_aarch64.whl a-1-cp312-cp312t-linux_aarch64.whl") {
		if f, err := wheel.ParseWheel(name); err != nil {
			t.Fatal(err)
		} else if rank, ok := target.Rank(f); ok {
			t.Errorf("%s is supported: %d", name, rank)
		}
	}
	if full, err := wheel.ParseTarget("3.11.2", "win_amd64"); err != nil || full.Python().String() != "3.11.2" || full.Environment().PlatformSystem != "Windows" || !slices.Contains(full.Tags(), wheel.Tag{Interpreter: "cp311", ABI: "cp311", Platform: "win_amd64"}) {
		t.Errorf("%+v, %v", full, err)
	}
}

func TestTargetErrors(t *testing.T) {
	for text, want := range map[string]string{
		"2.7 linux_x86_64":                  `"2.7" is not a version of Python 3`,
		"3 linux_x86_64":                    `"3" is not a version of Python 3`,
		"3.100000000000000000000 win32":     "is not a version of Python 3",
		"3.11":                              "python 3.11: no platform",
		"3.11 x86_64":                       `"x86_64" is not a platform of Python packages`,
		"3.11 manylinux_2_x86_64":           "is not a platform of Python packages",
		"3.11 manylinux_2_12_aarch64":       "is not a platform of Python packages",
		"3.11 manylinux_2_9999_x86_64":      "is not a platform of Python packages",
		"3.11 macosx_10_9_arm64":            "is not a platform of Python packages",
		"3.11 linux_x86_64 win_amd64":       "linux_x86_64 and win_amd64 are not platforms of one machine",
		"3.11 linux_x86_64 linux_aarch64":   "are not platforms of one machine",
		"3.11 musllinux_1_02_x86_64":        "is not a platform of Python packages",
		"3.11 manylinux_2_28_x86_64;linux":  "is not a platform of Python packages",
		"3.11 manylinux2014_x86_64_x":       "is not a platform of Python packages",
		"3.11.post1 manylinux_2_28_aarch64": "is not a version of Python 3",
	} {
		fields := strings.Fields(text)
		_, err := wheel.ParseTarget(fields[0], fields[1:]...)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSdist(t *testing.T) {
	for text, want := range map[string]string{
		"acme_web-1.0.tar.gz":         "acme-web 1.0",
		"Acme.Web-1.0-2.tar.gz":       "acme-web 1.0.post2",
		"acme-web-1.0.dev1.zip":       "acme-web 1.0.dev1",
		"acme-web-1.0+a-b.tgz":        "acme-web 1.0+a.b",
		"acme-web-extra-1.0.tar.gz":   `"extra-1.0" is not a version`,
		"other-1.0.tar.gz":            "it does not begin with acme-web-",
		"acme-web-1.0.exe":            "it does not end in .tar.gz",
		"../acme-web-1.0.tar.gz":      "it does not begin with acme-web-",
		"acme-web-1.0\n.tar.gz":       "is not a version",
		"acme-web-.tar.gz":            `"" is not a version`,
		"acme_web-1-py3-none-any.whl": "acme-web 1",
		"other-1-py3-none-any.whl":    "is a wheel of other, not of acme-web",
	} {
		f, err := wheel.Parse(text, "acme.web")
		got := f.Project + " " + f.Version.String()
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"a-1-py3-none-any.whl", "a.b_c-1!2+x-1y-cp38.cp39-abi3-win32.linux_x86_64.whl", "A-1-2.tar.gz", "a-1.zip", "a-1-..-none-any.whl"} {
		f.Add(name, "a")
	}
	target, err := wheel.ParseTarget("3.11", "manylinux_2_28_x86_64")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, project string) {
		file, err := wheel.Parse(name, project)
		if err != nil {
			return
		}
		if strings.ContainsAny(name, "/\\\x00\n") || file.Project == "" || file.Version.IsZero() || file.IsWheel() != strings.HasSuffix(name, ".whl") {
			t.Fatalf("%q: %+v", name, file)
		}
		target.Rank(file)
	})
}

func FuzzParseTarget(f *testing.F) {
	f.Add("3.11", "manylinux_2_28_x86_64")
	f.Add("3.12.1rc1", "macosx_13_0_arm64")
	f.Fuzz(func(t *testing.T, python, platform string) {
		if target, err := wheel.ParseTarget(python, platform); err == nil && (len(target.Tags()) == 0 || target.Python().IsZero()) {
			t.Fatalf("%q %q", python, platform)
		}
	})
}
