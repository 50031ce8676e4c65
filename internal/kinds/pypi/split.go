package pypi

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// goArchitectures are the architectures at the end of the tags of platforms (PEP 425, 600, 656), and Debian's names of them, in Go's words.
var goArchitectures = map[string]string{
	"any": "", "all": "",
	"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i486": "386", "i586": "386", "i686": "386",
	"armv6l": "arm", "armv7l": "arm", "armv8l": "arm", "armel": "arm", "armhf": "arm", "ppc64el": "ppc64le",
}

// GoArchitecture implements artifact.Splitter.
func (Kind) GoArchitecture(name string) string {
	if of, known := goArchitectures[name]; known {
		return of
	}
	return name
}

// InstallsForeign implements artifact.Splitter: what is for another architecture is left out of a set.
func (Kind) InstallsForeign() bool { return false }

// SplitSource implements artifact.Splitter: an index is for all machines.
func (Kind) SplitSource(s artifact.Source, _ string) (artifact.Source, bool) { return s, true }

// platformMachine is the machine that a platform's tag ends with, as uname(1) calls it; empty: any, or unknown.
func platformMachine(platform string) string {
	for _, machine := range []string{"x86_64", "aarch64", "i686", "i386", "armv6l", "armv7l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64"} {
		if strings.HasSuffix(platform, "_"+machine) {
			return machine
		}
	}
	return ""
}

// platformArchitecture is the machine in Go's words.
func platformArchitecture(platform string) string {
	return Kind{}.GoArchitecture(platformMachine(platform))
}
