package files

import "github.com/minimirror/minimirror/internal/artifact"

// goArchitectures are names of architectures in Debian and in uname(1) to which Go gives another name.
var goArchitectures = map[string]string{
	"all": "", "any": "", "noarch": "",
	"aarch64": "arm64", "armel": "arm", "armhf": "arm", "i386": "386", "i686": "386", "ppc64el": "ppc64le", "x86_64": "amd64",
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

// SplitSource implements artifact.Splitter: what upstream signed of a source covers all of its files.
func (Kind) SplitSource(s artifact.Source, _ string) (artifact.Source, bool) { return s, true }
