package deb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ulikunitz/xz/lzma"
)

const control = "Package: good\nVersion: 1:2.0-1\nArchitecture: amd64\nDepends: libc6 (>= 2)\nDescription: a test\n of more lines\n .\n than one\n"

// An entry is a file of a tar archive, or a member of a .deb.
type entry struct {
	name string
	data string
}

func ar(entries ...entry) string {
	var b strings.Builder
	b.WriteString(magic)
	for _, e := range entries {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", e.name, 0, 0, 0, "100644", len(e.data), e.data)
		if len(e.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func tarOf(entries ...entry) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.data)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if target, link := strings.CutPrefix(e.data, "-> "); link {
			h.Typeflag, h.Linkname, h.Size, e.data = tar.TypeSymlink, target, 0, ""
		}
		if w.WriteHeader(h) != nil {
			panic(e.name)
		}
		_, _ = io.WriteString(w, e.data)
	}
	_ = w.Close()
	return b.String()
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

var (
	binary  = entry{"debian-binary", "2.0\n"}
	ctl     = entry{"control.tar", tarOf(entry{"./", ""}, entry{"./md5sums", "0"}, entry{"./control", control})}
	data    = entry{"data.tar", tarOf(entry{"./usr", ""})}
	withTar = func(entries ...entry) string { return ar(binary, entry{"control.tar", tarOf(entries...)}, data) }
)

func TestHostile(t *testing.T) {
	good := ar(binary, ctl, data)
	for _, c := range []struct{ name, file, want string }{
		{"good", good, ""},
		{"names with a slash", ar(entry{"debian-binary/", "2.0\n"}, entry{"control.tar/", ctl.data}, entry{"data.tar/", data.data}), ""},
		{"a later minor version", ar(entry{"debian-binary", "2.1\nand more\n"}, ctl, data), ""},
		{"members of other programs", ar(binary, entry{"_gpgbuilder", "x"}, ctl, entry{"_x", "yy"}, data, entry{"_gpgorigin", "z"}), ""},
		{"bytes after the end", good + "rubbish", ""},
		{"a file called control elsewhere", withTar(entry{"./x/control", "no"}, entry{"control", control}), ""},
		{"a compressed control.tar", ar(binary, entry{"control.tar.gz", gzipped(ctl.data)}, data), ""},

		{"empty", "", "it is empty"},
		{"a page", "<!DOCTYPE html><title>Sign in</title>", `it is not a Debian package: it begins with "<!DOCTYP"`},
		{"short", "!<ar", `it begins with "!<ar"`},
		{"old", "0.939000\n123\n", "packages before 1996"},
		{"no members", magic, "not a Debian package: the first member is not debian-binary"},
		{"a library", ar(entry{"crc32.o/", "x"}), "the first member is not debian-binary"},
		{"version", ar(entry{"debian-binary", "3.0\n"}, ctl, data), `version "3.0"`},
		{"version below", ar(entry{"debian-binary", "2\n"}, ctl, data), `version "2"`},
		{"version without end", ar(entry{"debian-binary", "2.0"}, ctl, data), `version "2.0"`},
		{"no control.tar", ar(binary), "it has no control.tar"},
		{"no data.tar", ar(binary, ctl), "it has no data.tar"},
		{"data first", ar(binary, data, ctl), `a member "data.tar" where control.tar should be`},
		{"two control members", ar(binary, ctl, entry{"control.tar.gz", gzipped(ctl.data)}, data), `a member "control.tar.gz" where data.tar should be`},
		{"a long name", ar(binary, entry{"#1/20", "control.tar"}, data), `a member "#1/20"`},
		{"compression of control", ar(binary, entry{"control.tar.bz2", "x"}, data), "control.tar.bz2 has a compression that dpkg does not read"},
		{"compression of data", ar(binary, ctl, entry{"data.tar.lz4", "x"}), "data.tar.lz4 has a compression that dpkg does not read"},
		{"other compression inside", ar(binary, entry{"control.tar.xz", gzipped(ctl.data)}, data), "control.tar.xz: "},
		{"data is no archive", ar(binary, ctl, entry{"data.tar.gz", "no gzip"}), "data.tar.gz: "},
		{"data is no tar", ar(binary, ctl, entry{"data.tar", strings.Repeat("x", 1024)}), "data.tar: "},
		{"truncated in data", good[:len(good)-700], "data.tar: the file is truncated: 700 of"},
		{"truncated in a header", good[:len(magic)+60+4+30], "it is truncated, or damaged: the last member's header has 30 bytes"},
		{"truncated in control", good[:len(magic)+60+4+60+600], "control.tar: the file is truncated"},
		{"truncated gzip", ar(binary, entry{"control.tar.gz", gzipped(ctl.data)[:40]}, data), "control.tar.gz: "},
		{"wrong checksum", ar(binary, entry{"control.tar.gz", flipped(gzipped(ctl.data))}, data), "control.tar.gz: "},
		{"size below zero", strings.Replace(good, "4         `", "-4        `", 1), `has the size "-4`},
		{"size is no number", strings.Replace(good, "4         `", "0x4       `", 1), `has the size "0x4`},
		{"huge size", strings.Replace(good, "4         `", "9999999999`", 1), "debian-binary: the file is truncated"},
		{"header", strings.Replace(good, "`\n2.0", "''2.0", 1), "does not end as it should"},
		{"outside", withTar(entry{"../control", control}, entry{"control", control}), `"../control" leads outside`},
		{"outside below", withTar(entry{"./x/../control", control}), `leads outside`},
		{"absolute", withTar(entry{"/control", control}), `"/control" leads outside`},
		{"a link", withTar(entry{"control", "-> /etc/passwd"}), "control is not a regular file"},
		{"two files control", withTar(entry{"control", control}, entry{"./control", control}), "it has two files control"},
		{"no file control", withTar(entry{"md5sums", control}), "it has no file control"},
		{"empty control", withTar(entry{"control", "\n\n"}), "control is empty"},
		{"huge control", withTar(entry{"control", strings.Repeat(control, 1<<14)}), "more than apt can read"},
		{"huge others", ar(binary, entry{"control.tar.gz", gzipped(tarOf(entry{"md5sums", strings.Repeat("x", maxControlTar+1)}, entry{"control", control}))}, data), "it has more than 67108864 bytes"},
		{"huge after the end", ar(binary, entry{"control.tar.gz", gzipped(ctl.data + strings.Repeat("\x00", maxControlTar+1))}, data), "it has more than 67108864 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(c.file), "halves": iotest.HalfReader(strings.NewReader(c.file)), "with EOF": iotest.DataErrReader(strings.NewReader(c.file))} {
				got, err := ReadControl(r)
				if c.want == "" && (err != nil || string(got) != control) {
					t.Errorf("%s: %v, %q", how, err, got)
				}
				if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: %v, want %q", how, err, c.want)
				}
			}
		})
	}
}

// flipped changes the checksum at the end of a gzip file.
func flipped(s string) string { return s[:len(s)-8] + string(s[len(s)-8]^1) + s[len(s)-7:] }

func TestParse(t *testing.T) {
	p, err := Parse([]byte("\n" + strings.Replace(control, "Depends", "SHA256: x\n y\nSize: 7\nPhased-Update-Percentage: 10\nDepends", 1) + "\n"))
	if err != nil || p.Name != "good" || p.Version != "1:2.0-1" || p.Architecture != "amd64" || string(p.Stanza) != control {
		t.Errorf("%+v, %v", p, err)
	}
	for text, want := range map[string]string{
		"":                                "no Version",
		"Package: a\n":                    "no Version and no Architecture",
		"Version: 1\nArchitecture: all\n": "without a Package field",
		"Package: a\nArchitecture: all\n": "it has no Version",
		"Package: a\nVersion: 1\n":        "it has no Architecture",
		"Package: a\nVersion: no v\nArchitecture: all\n":                        "invalid Version",
		"Package: ../a\nVersion: 1\nArchitecture: all\n":                        "invalid Package",
		"Package: a\nVersion: 1\nArchitecture: ../x\n":                          "invalid Architecture",
		"Package: a\nVersion: 1\nArchitecture: all\nDepends: b (\n":             "its field Depends is damaged",
		"Package: a\nVersion: 1\nArchitecture: all\nProvides: , |\n":            "its field Provides is damaged",
		"Package: a\nVersion: 1\nArchitecture: all\nnot a field\n":              "is not a field",
		"Package: a\nVersion: 1\nArchitecture: all\n\nPackage: b\nVersion: 1\n": "an empty line is in it",
		"Package: a\nVersion: 1\nArchitecture: all\nDescription: \x00\n":        "a NUL byte is in it",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestReal compares with what dpkg-deb reads of packages that it has made, in all its compressions.
func TestReal(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Fatal("dpkg-deb is missing; type: sudo apt-get install dpkg")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"tree/DEBIAN/control": control + "Maintainer: x\n", "tree/usr/share/doc/good/README": strings.Repeat("text\n", 1000)} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("dpkg-deb", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("dpkg-deb %q: %v", args, err)
		}
		return string(out)
	}
	for _, args := range [][]string{{"-Zgzip"}, {"-Zxz"}, {"-Zzstd"}, {"-Zzstd", "-z22"}, {"-Znone"}, {"-Zxz", "--no-uniform-compression"}, {"-Znone", "--no-uniform-compression"}} {
		run(append(args, "-b", "tree", "x.deb")...)
		f, err := os.Open(filepath.Join(dir, "x.deb"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadControl(f)
		f.Close()
		if want := run("-f", "x.deb"); err != nil || string(got) != want {
			t.Errorf("%q: %v\n%s\nwant\n%s", args, err, got, want)
		}
	}
	// What dpkg-deb makes no more, but reads.
	var b bytes.Buffer
	w, err := lzma.NewWriter(&b)
	if err == nil {
		_, err = io.WriteString(w, data.data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("bzip2"); err != nil {
		t.Fatal("bzip2 is missing; type: sudo apt-get install bzip2")
	}
	cmd := exec.Command("bzip2", "-c")
	cmd.Stdin = strings.NewReader(data.data)
	bz, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"data.tar.lzma": b.String(), "data.tar.bz2": string(bz)} {
		file := ar(binary, ctl, entry{name, content})
		if err := os.WriteFile(filepath.Join(dir, "x.deb"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		run("-c", "x.deb")
		if got, err := ReadControl(strings.NewReader(file)); err != nil || string(got) != control {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
}

// TestMemory reads a package of 1 GiB.
func TestMemory(t *testing.T) {
	const size = 1 << 30
	head := ar(binary, ctl) + fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n", "data.tar", 0, 0, 0, "100644", size)
	file := io.MultiReader(strings.NewReader(head+data.data), io.LimitReader(zeros{}, size-int64(len(data.data))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadControl(file)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err != nil || took > 1<<20 {
		t.Errorf("%v, %d bytes of memory", err, took)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func FuzzReadControl(f *testing.F) {
	f.Add([]byte(ar(binary, ctl, data)))
	f.Add([]byte(ar(binary, entry{"control.tar.gz", gzipped(ctl.data)}, data)))
	f.Add([]byte(ar(binary, entry{"_x", "y"}, ctl, entry{"data.tar.gz", gzipped(data.data)})))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := bytes.NewReader(file)
		control, err := ReadControl(r)
		if err != nil {
			return
		}
		if r.Len() > 0 {
			t.Fatalf("%d bytes are not read", r.Len())
		}
		p, err := Parse(control)
		if err != nil {
			return
		}
		again, err := Parse(p.Stanza)
		if err != nil || again.Name != p.Name || again.Version != p.Version || again.Architecture != p.Architecture || !bytes.Equal(again.Stanza, p.Stanza) {
			t.Fatalf("%v: %+v, then %+v", err, p, again)
		}
	})
}
