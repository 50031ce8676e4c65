package resolver

import (
	"fmt"
	"slices"
	"testing"
)

func TestInstalled(t *testing.T) {
	status := ""
	for _, p := range []string{
		"Package: dpkg\nStatus: install ok installed\nVersion: 1.21\nArchitecture: amd64\n",
		"Package: rebuilt\nStatus: hold ok installed\nSource: origin (1:1.2-3)\nVersion: 1.2-3+b1\nArchitecture: all\n",
		"Package: libx\nStatus: install ok triggers-pending\nSource: x\nVersion: 2:3~rc1\n",
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
	} {
		status += p + "\n"
	}
	installed, err := Installed([]byte(status))
	var got []string
	for _, p := range installed {
		got = append(got, fmt.Sprintf("%s %s %s: %s %s", p.Name, p.Version, p.Architecture, p.Source, p.SourceVersion))
	}
	want := []string{"dpkg 1.21 amd64: dpkg 1.21", "rebuilt 1.2-3+b1 all: origin 1:1.2-3", "libx 2:3~rc1 : x 2:3~rc1"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := Installed([]byte("Desired=Unknown\n")); err == nil {
		t.Error("a list of dpkg -l is no status file")
	}
}
