package osrelease

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A node of each system, in Go and in a shell.
func TestPick(t *testing.T) {
	systems := []artifact.System{
		{Name: "old", Words: []string{"bookworm"}}, {Name: "trixie", Words: []string{"trixie"}},
		{Name: "noble-db", Words: []string{"noble"}}, {Name: "noble-web", Words: []string{"noble"}}, {Name: "nx1.5", Words: []string{"jammy"}},
	}
	const none = "for old, trixie, noble-db, noble-web, nx1.5"
	for name, c := range map[string]struct{ text, want string }{
		"by codename":         {"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", "old"},
		"by name":             {"VERSION_CODENAME=trixie\n", "trixie"},
		"a derivative":        {"VERSION_CODENAME=wilma\nUBUNTU_CODENAME='jammy'\n", "nx1.5"},
		"without a codename":  {"ID=nx\nVERSION_ID=\"1.5\"\n", "nx1.5"},
		"two would fit":       {"PRETTY_NAME=N\nVERSION_CODENAME=noble\n", none},
		"none fits":           {"PRETTY_NAME=\"Debian 11\"\nID=debian\nVERSION_ID=11\nVERSION_CODENAME=bullseye\n", none},
		"ID alone is not all": {"ID=old\n", none},
		"empty":               {"", none},
		"odd":                 {"VERSION_CODENAME=\"* old\"\n=\nx\n", none},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, "usr/lib/os-release")
			for _, err := range []error{os.MkdirAll(filepath.Dir(file), 0o755), os.MkdirAll(filepath.Join(root, "etc"), 0o755), os.WriteFile(file, []byte(c.text), 0o644), os.Symlink("../usr/lib/os-release", filepath.Join(root, "etc/os-release"))} {
				if err != nil {
					t.Fatal(err)
				}
			}
			r, err := Read(root)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Pick(systems)
			if err != nil {
				got = err.Error()
			}
			if got != c.want && (c.want != none || !strings.Contains(got, none)) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if name == "odd" {
				return // its words are cut at spaces in a shell
			}
			out, _ := exec.Command("sh", "-euc", strings.ReplaceAll(Shell(systems), "/etc/os-release", file)+"echo $system").CombinedOutput()
			if got := strings.TrimSpace(string(out)); got != c.want && (c.want != none || !strings.Contains(got, none)) {
				t.Errorf("sh: %q, want %q", got, c.want)
			}
		})
	}
}

func TestChosen(t *testing.T) {
	systems := []artifact.System{{Name: "a", Words: []string{"x"}}, {Name: "b", Words: []string{"x"}}}
	for chosen, want := range map[string]string{"b": "b\n", "x": "this is for a, b, not for x\n", "c": "this is for a, b, not for c\n"} {
		out, _ := exec.Command("sh", "-euc", "system="+chosen+"\n"+Shell(systems)+"echo $system").CombinedOutput()
		if !strings.HasSuffix(string(out), want) {
			t.Errorf("%s: %s", chosen, out)
		}
	}
}

func TestReadNone(t *testing.T) {
	if r, err := Read(t.TempDir()); err != nil || r.Pretty != "" || r.Words != nil {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := Read("/nonexistent"); err == nil {
		t.Error("no error")
	}
}
