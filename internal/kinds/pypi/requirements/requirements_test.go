package requirements_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/requirements"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestRead(t *testing.T) {
	files := fstest.MapFS{
		"site/all.txt":    {Data: []byte("# all\n-r more/web.txt\n-c limits.txt\nacme[x]>=1 ; python_version<'3.13'  # why\n--pre\n")},
		"site/limits.txt": {Data: []byte("web<3\n")},
		"site/more/web.txt": {Data: []byte("web==2.0 \\\n  --hash=" + digest + " \\\n  --hash=" + strings.ToUpper(digest[7:]) + "\n" +
			"other == 1\n")},
	}
	if _, err := requirements.Read("site/all.txt", files.ReadFile); err == nil || !strings.Contains(err.Error(), "is not a digest") {
		t.Errorf("a digest without algorithm: %v", err)
	}
	files["site/more/web.txt"] = &fstest.MapFile{Data: []byte("web==2.0\n")}
	list, err := requirements.Read("site/all.txt", files.ReadFile)
	if err != nil || !list.Pre || list.HashesNeeded || len(list.Requirements) != 2 || len(list.Constraints) != 1 ||
		list.Requirements[0].Where != "site/more/web.txt:1" || list.Requirements[1].Where != "site/all.txt:4" || list.Constraints[0].String() != "web<3" {
		t.Errorf("%+v, %v", list, err)
	}
	if v, pinned := list.Requirements[0].Version(); !pinned || v.String() != "2.0" {
		t.Errorf("%s, %t", v, pinned)
	}
}

func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"acme\n\n-i https://pypi.example.org/simple": "r.txt:3: --index-url is not supported in this file\nhint: remove the line; the definition says",
		"--extra-index-url=x":                        "r.txt:1: --extra-index-url is not supported",
		"--pypi-url x":                               "--index-url is not supported",
		"-e .":                                       "r.txt:1: --editable is not supported in this file\nhint: put the package on an index",
		"acme @ https://example.org/a.zip":           `acme comes from the address "https://example.org/a.zip", and not from an index`,
		"git+https://example.org/x.git":              `"git+https://example.org/x.git" is an address, and not a requirement`,
		"./wheels/acme-1-py3-none-any.whl":           "is a path, and not a requirement",
		"acme==${VERSION}":                           "environment variables are not replaced",
		"-r r.txt":                                   "r.txt:1: r.txt includes itself, through r.txt",
		"-r https://example.org/r.txt":               "is an address\nhint: copy the file beside this one",
		"-r none.txt":                                "r.txt:1: open none.txt: file does not exist",
		"acme --hash=sha256:00":                      `"sha256:00" is not a digest`,
		"acme --hash=md5:00":                         `"md5:00" is not a digest`,
		"acme --hash":                                "--hash needs a value",
		"acme --pre":                                 "--pre has no meaning after a requirement",
		"acme --hash=" + digest:                      "acme: with hashes, each requirement needs a version (==) and a hash",
		"acme==1 --hash=" + digest + "\nother==1":    "r.txt:2: other: with hashes",
		"--require-hashes\nacme==1":                  "r.txt:2: acme: with hashes",
		"--no-binary acme":                           "--no-binary is not supported in this file\nhint: list the project under sdist",
		"--frob":                                     `unknown option "--frob"`,
		"--pr":                                       "option --pr may be --pre or --prefer-binary",
		"--pre=1":                                    "--pre takes no value",
		"-r 'x":                                      "are not closed",
		"acme>=":                                     `r.txt:1: "acme>=": column 5`,
		"acme\\\n  >= x":                             `r.txt:1: `,
		"\xff":                                       "the file is not UTF-8",
		"acme #x\nacme#x":                            "r.txt:2: ",
	} {
		files := fstest.MapFS{"r.txt": {Data: []byte(text)}}
		if _, err := requirements.Read("r.txt", files.ReadFile); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func environment(t testing.TB, python, platform string) pep508.Environment {
	t.Helper()
	target, err := wheel.ParseTarget(python, platform)
	if err != nil {
		t.Fatal(err)
	}
	return target.Environment()
}

const pylock = `
lock-version = "1.0"
requires-python = ">=3.10"
environments = ["sys_platform == 'linux'"]
default-groups = ["main"]
created-by = "somebody"

[[packages]]
name = "Acme_Web"
version = "1.2"
index = "https://pypi.example.org/simple"
sdist = { name = "acme_web-1.2.tar.gz", url = "https://files.example.org/a/acme_web-1.2.tar.gz", size = 10, hashes = { sha256 = "DIGEST" } }
wheels = [
  { url = "https://files.example.org/b/acme_web-1.2%2Bx-py3-none-any.whl", upload-time = 2025-01-02T03:04:05Z, hashes = { sha256 = "DIGEST", blake2 = "00" } },
]

[[packages]]
name = "only-old"
version = "1"
marker = "python_version < '3.11'"
wheels = [{ url = "https://files.example.org/only_old-1-py3-none-any.whl", hashes = { sha256 = "DIGEST" } }]

[[packages]]
name = "extra"
version = "1"
marker = "'cli' in extras or 'main' not in dependency_groups"
vcs = { type = "git", url = "https://example.org/x.git" }
`

func TestPylock(t *testing.T) {
	data := []byte(strings.ReplaceAll(pylock, "DIGEST", digest[7:]))
	for target, want := range map[string]string{
		"3.11 linux_x86_64":       "[acme-web 1.2]",
		"3.10 linux_x86_64":       "[acme-web 1.2 only-old 1]",
		"3.9 linux_x86_64":        "pylock.toml is for Python >=3.10; the target has 3.9.0",
		"3.11 win_amd64":          "pylock.toml is for other environments than Python 3.11.0 on win32 AMD64",
		"3.11 linux_x86_64 cli":   "pylock.toml: extra: extra comes from a repository (vcs), and not from an index",
		"3.11 linux_x86_64 other": "[acme-web 1.2]",
	} {
		f := strings.Fields(target)
		pins, err := requirements.ReadPylock("pylock.toml", data, requirements.Selection{Environment: environment(t, f[0], f[1]), Extras: f[2:]})
		check(t, target, want, pins, err)
		if err == nil {
			file := pins[0].Files
			if len(file) != 2 || file[0].Name != "acme_web-1.2+x-py3-none-any.whl" || file[0].Hashes[0].String() != digest || len(file[0].Hashes) != 1 || file[1].Size != 10 || pins[0].Index != "https://pypi.example.org/simple" {
				t.Errorf("%+v", pins[0])
			}
		}
	}
}

// check compares what a lock file gives.
func check(t *testing.T, name, want string, pins []requirements.Pin, err error) {
	t.Helper()
	var all []string
	for _, pin := range pins {
		all = append(all, pin.Project+" "+pin.Version.String())
	}
	got := fmt.Sprint(all)
	if err != nil {
		got = err.Error()
	}
	if got != want && (err == nil || !strings.Contains(got, want)) {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
}

func TestPylockErrors(t *testing.T) {
	wheels := `wheels = [{ url = "https://example.org/a-1-py3-none-any.whl", hashes = { sha256 = "` + digest[7:] + `" } }]`
	for text, want := range map[string]string{
		`lock-version = 1`:   "pylock.toml:1: column",
		`lock-version = "2"`: `lock-version is "2", not 1.x`,
		`packages = [`:       "pylock.toml:1: column",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\n" + wheels:                                                                                "a has no version",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a b\"\nversion=\"1\"\n" + wheels:                                                               "is not the name of a project",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"x\"\n" + wheels:                                                                 "is not a valid version",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"":                                                                            "neither wheels nor a source distribution",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nrequires-python=\">=3.13\"\n" + wheels:                                     "it needs Python >=3.13; the target has 3.11.0",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nmarker=\"x\"\n" + wheels:                                                   "unknown variable x",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\n" + wheels + "\n[[packages]]\nname=\"A\"\nversion=\"2\"\n" + wheels:        "A: it is listed twice",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nwheels=[{url=\"https://example.org/a\",hashes={md5=\"00\"}}]":              "a has no hash that can be verified",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nwheels=[{url=\"https://example.org/a\",hashes={sha256=\"00\"}}]":           "is not a digest",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nwheels=[{name=\"../a\",url=\"x\",hashes={sha256=\"" + digest[7:] + "\"}}]": "is not the name of a file",
		"lock-version=\"1.0\"\n[[packages]]\nname=\"a\"\nversion=\"1\"\nwheels=[{path=\"a.whl\",hashes={sha256=\"00\"}}]":                          "a comes from the path",
	} {
		pins, err := requirements.ReadPylock("pylock.toml", []byte(text), requirements.Selection{Environment: environment(t, "3.11", "linux_x86_64")})
		check(t, text, want, pins, err)
		if err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

const uvLock = `
version = 1
requires-python = ">=3.9"

[[package]]
name = "site"
version = "0.1"
source = { virtual = "." }
dependencies = [
  { name = "acme", extra = ["web"] },
  { name = "winonly", marker = "sys_platform == 'win32'" },
  { name = "numpy", version = "1.0", source = { registry = "https://pypi.org/simple" }, marker = "python_full_version < '3.11'" },
  { name = "numpy", version = "2.0", source = { registry = "https://pypi.org/simple" }, marker = "python_full_version >= '3.11'" },
]
[package.optional-dependencies]
gpu = [{ name = "fromgit" }]
[package.dev-dependencies]
dev = [{ name = "winonly" }]

[[package]]
name = "acme"
version = "1.2"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "numpy" }]
sdist = { url = "https://files.example.org/acme-1.2.tar.gz", hash = "DIGEST", size = 5 }
[package.optional-dependencies]
web = [{ name = "winonly", marker = "extra == 'x'" }, { name = "webdep" }]

[[package]]
name = "webdep"
version = "3"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "acme" }]
wheels = [{ url = "https://files.example.org/webdep-3-py3-none-any.whl", hash = "DIGEST", size = 5 }]

[[package]]
name = "winonly"
version = "1"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.example.org/winonly-1-py3-none-any.whl", hash = "DIGEST" }]

[[package]]
name = "numpy"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.11'"]
wheels = [{ url = "https://files.example.org/numpy-1.0-py3-none-any.whl", hash = "DIGEST" }]

[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.12'", "python_full_version >= '3.11' and python_full_version < '3.12'"]
wheels = [{ url = "https://files.example.org/numpy-2.0-py3-none-any.whl", hash = "DIGEST" }]

[[package]]
name = "fromgit"
version = "1"
source = { git = "https://example.org/x.git#0123" }

[[package]]
name = "unused"
version = "1"
source = { path = "x.whl" }
`

func TestUV(t *testing.T) {
	data := strings.ReplaceAll(uvLock, "DIGEST", digest)
	for target, want := range map[string]string{
		"3.11 linux_x86_64":     "[acme 1.2 numpy 2.0 webdep 3]",
		"3.10 linux_x86_64":     "[acme 1.2 numpy 1.0 webdep 3]",
		"3.12 win_amd64":        "[acme 1.2 numpy 2.0 webdep 3 winonly 1]",
		"3.11 linux_x86_64 gpu": "uv.lock: fromgit comes from git https://example.org/x.git#0123, and not from an index",
		"3.8 linux_x86_64":      "uv.lock is for Python >=3.9; the target has 3.8.0",
	} {
		f := strings.Fields(target)
		pins, err := requirements.ReadUV("uv.lock", []byte(data), requirements.Selection{Environment: environment(t, f[0], f[1]), Extras: f[2:]})
		check(t, target, want, pins, err)
	}
	pins, err := requirements.ReadUV("uv.lock", []byte(data), requirements.Selection{Environment: environment(t, "3.11", "linux_x86_64"), Groups: []string{"dev"}})
	check(t, "dev", "[acme 1.2 numpy 2.0 webdep 3 winonly 1]", pins, err)
	if err == nil && (pins[0].Index != "https://pypi.org/simple" || pins[0].Files[0].Name != "acme-1.2.tar.gz" || pins[0].Files[0].Size != 5 || pins[0].Where != "uv.lock: acme") {
		t.Errorf("%+v", pins[0])
	}
	for old, replaced := range map[string][2]string{
		"version = 1\nrequires":                 {"version = 2\nrequires", "version is 2, not 1"},
		`{ name = "webdep" }]`:                  {`{ name = "gone" }]`, "uv.lock: acme: it needs gone , of which the file has 0 for this environment"},
		`size = 5 }]`:                           {`size = -5 }]`, "the size is -5"},
		"python_full_version >= '3.11'\" },\n]": {"x\" },\n]", "unknown variable x"},
		`hash = "` + digest + `", size = 5 }]`:  {`hash = "md5:00", size = 5 }]`, "has no hash that can be verified"},
	} {
		text := strings.Replace(data, old, replaced[0], 1)
		if text == data {
			t.Fatalf("there is no %q", old)
		}
		pins, err := requirements.ReadUV("uv.lock", []byte(text), requirements.Selection{Environment: environment(t, "3.11", "linux_x86_64")})
		if err == nil {
			t.Errorf("%q: no error", replaced[0])
		}
		check(t, replaced[0], replaced[1], pins, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a[x]>=1 \\\n --hash=" + digest + " # c\n-r b.txt\n--pre\n")
	f.Add("-rb.txt\n-c 'b.txt'\n\uFEFF\u2028a;python_version<'3'\f${X}\\")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := requirements.Read("a.txt", func(name string) ([]byte, error) {
			switch name {
			case "a.txt":
				return []byte(text), nil
			case "b.txt":
				return []byte("b==1\n"), nil
			}
			return nil, errors.New("there is no " + name)
		})
		if err != nil {
			return
		}
		for _, l := range append(list.Requirements, list.Constraints...) {
			if l.URL != "" || l.Where == "" || !pep508.ValidName(l.Name) {
				t.Fatalf("%q: %+v", text, l)
			}
		}
	})
}

func FuzzReadPylock(f *testing.F) {
	f.Add(strings.ReplaceAll(pylock, "DIGEST", digest[7:]))
	e := environment(f, "3.11", "linux_x86_64")
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := requirements.ReadPylock("pylock.toml", []byte(text), requirements.Selection{Environment: e})
		checkPins(t, text, pins, err)
	})
}

func FuzzReadUV(f *testing.F) {
	f.Add(strings.ReplaceAll(uvLock, "DIGEST", digest))
	e := environment(f, "3.11", "linux_x86_64")
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := requirements.ReadUV("uv.lock", []byte(text), requirements.Selection{Environment: e, Groups: []string{"dev"}})
		checkPins(t, text, pins, err)
	})
}

func checkPins(t *testing.T, text string, pins []requirements.Pin, err error) {
	for _, pin := range pins {
		if err != nil || pin.Version.IsZero() || len(pin.Files) == 0 || !pep508.ValidName(pin.Project) {
			t.Fatalf("%q: %+v, %v", text, pin, err)
		}
		for _, file := range pin.Files {
			if len(file.Hashes) == 0 || strings.Contains(file.Name, "/") {
				t.Fatalf("%q: %+v", text, file)
			}
		}
	}
}
