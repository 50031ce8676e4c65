package debiantest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// HostLists brings the package lists of the archive that this machine uses, for
// some architectures, and returns their folder. It changes nothing of the machine's.
func HostLists(t testing.TB, architectures ...string) string {
	r := NewAptRoot(t, t.TempDir())
	r.NativeTo(architectures[0], architectures[1:])
	conf, err := os.ReadFile(filepath.Join(r.Dir, "apt.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"Dir::Etc::sourcelist", "Dir::Etc::sourceparts", "Dir::Etc::trusted", "Dir::Etc::trustedparts"} {
		value, err := exec.Command("apt-config", "shell", "v", key+"/f").Output()
		if err != nil {
			t.Fatalf("apt-config: %v", err)
		}
		conf = fmt.Appendf(conf, "%s %s;\n", key, strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(string(value), "v=")), "'", "\""))
	}
	r.Write("apt.conf", conf)
	r.Update()
	return filepath.Join(r.Dir, "lists")
}

// A HostIndex is a Packages file that this machine's apt has.
type HostIndex struct {
	Source, Suite, Component, Architecture string
	Priority                               int
	Text                                   []byte
}

// HostIndexes returns the package lists for some architectures in a folder that
// HostLists made, or apt.
func HostIndexes(t testing.TB, lists string, architectures ...string) (indexes []HostIndex) {
	for _, architecture := range architectures {
		files, err := filepath.Glob(lists + "/*_dists_*_binary-" + architecture + "_Packages*")
		if err != nil || len(files) == 0 {
			t.Fatalf("no package lists of %s in %s: run apt-get update (%v)", architecture, lists, err)
		}
		for _, file := range files {
			text, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", file).Output()
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			_, place, _ := strings.Cut(filepath.Base(file), "_dists_")
			suite, component, _ := strings.Cut(place, "_")
			component, _, _ = strings.Cut(component, "_")
			indexes = append(indexes, HostIndex{Source: "host", Suite: suite, Component: component, Architecture: architecture, Text: bytes.Clone(text)})
		}
	}
	return indexes
}
