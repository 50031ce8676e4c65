package files

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSumsOfCoreutils reads what the real programs write.
func TestSumsOfCoreutils(t *testing.T) {
	dir := t.TempDir()
	names := []string{"plain.txt", "two words", `back\slash`, "line\nend", "*star", "(round) = "}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{{"sha256sum"}, {"sha256sum", "--binary"}, {"sha256sum", "--tag"}, {"sha512sum"}, {"sha512sum", "--tag"}} {
		cmd := exec.Command(command[0], append(append(command[1:], "--"), names...)...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		list, err := parseSums(out)
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		for _, name := range names {
			want := list[name]
			want.Size = int64(len(name))
			if !want.Identified() || want.VerifyData([]byte(name)) != nil {
				t.Errorf("%v: %q: %v\n%s", command, name, want, out)
			}
		}
	}
}

func TestSums(t *testing.T) {
	a, b, long := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 128)
	for name, c := range map[string]struct {
		text string
		want string // a name that is there; empty: the error's part
		err  string
	}{
		"comment and empty lines": {text: "# x: 3 bytes\n\n" + a + "  x\n", want: "x"},
		"a folder of its own":     {text: a + "  ./x\n", want: "x"},
		"no line end":             {text: a + "  x", want: "x"},
		"upper case":              {text: strings.ToUpper(a) + "  x\r\n", want: "x"},
		"both digests":            {text: a + "  x\n" + long + "  x\n", want: "x"},
		"the same twice":          {text: a + "  x\n" + a + "  x\n", want: "x"},
		"weak beside strong":      {text: "SHA1 (x) = " + a[:40] + "\nSHA256 (x) = " + a + "\n", want: "x"},
		"two digests":             {text: a + "  x\n" + b + " *x\n", err: "line 2: \"x\" has two digests"},
		"leaves the folder":       {text: a + "  ../../etc/passwd\n", err: "leaves the folder"},
		"leaves it in the middle": {text: a + "  a/../../b\n", err: "leaves the folder"},
		"absolute":                {text: a + "  /etc/passwd\n", err: "leaves the folder"},
		"escaped, and leaves":     {text: `\` + a + "  ../x\n", err: "leaves the folder"},
		"a bad escape":            {text: `\` + a + "  x\\y\n", err: "invalid escape sequence"},
		"a web page":              {text: "<html>\n", err: "line 1: "},
		"a cut digest":            {text: "SHA256 (x) = " + a[:63] + "\n", err: "is not a digest of SHA256"},
		"another length":          {text: a + "a  x\n", err: "is not a line of a list"},
		"no name":                 {text: a + "\n", err: "is not a line of a list"},
	} {
		list, err := parseSums([]byte(c.text))
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v %v, want %s", name, list, err, c.err)
		case c.err == "" && (err != nil || list[c.want].SHA256 != a):
			t.Errorf("%s: got %v, %v", name, list, err)
		}
	}
	if list, err := parseSums([]byte(a[:32] + "  x\n")); err != nil || list["x"].Identified() || list["x"].Size != -1 {
		t.Errorf("MD5 alone: %v, %v", list, err)
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 64) + "  x\n"))
	f.Add([]byte(`\SHA512 (x\\y) = ` + strings.Repeat("a", 128)))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseSums(data)
		for name := range list {
			if err == nil && (strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../")) {
				t.Fatalf("%q leaves the folder", name)
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nentries: { a: [ { name: a, version: 1.0.0, urls: [a-1.0.0.tgz], digest: " + strings.Repeat("a", 64) + " } ] }\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 || bytes.Count(data, []byte("&")) > 10 {
			return // aliases
		}
		_, _ = parseIndex(data)
	})
}
