package debian

import (
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// goArchitectures are Debian's architectures (dpkg-architecture -L) to which Go gives another name.
var goArchitectures = map[string]string{
	"all": "", "any": "", deb822.SourceArchitecture: "",
	"armel": "arm", "armhf": "arm", "i386": "386", "mipsel": "mipsle", "mips64el": "mips64le", "ppc64el": "ppc64le",
}

// GoArchitecture implements artifact.Splitter.
func (Kind) GoArchitecture(name string) string {
	if of, known := goArchitectures[name]; known {
		return of
	}
	return name
}

// InstallsForeign implements artifact.Splitter: dpkg does (Multi-Arch).
func (Kind) InstallsForeign() bool { return true }

const architecturesField = "Architectures: "

// SplitSource implements artifact.Splitter. A Release names only the architecture's own indexes, so clients of other architectures say
// that the mirror does not support them.
func (k Kind) SplitSource(s artifact.Source, architecture string) (part artifact.Source, ok bool) {
	part = s
	part.Releases = nil
	for _, r := range s.Releases {
		var all, own []string
		r.Metadata = slices.Clone(r.Metadata)
		for i, line := range r.Metadata {
			list, found := strings.CutPrefix(line, architecturesField)
			if !found {
				continue
			}
			all = strings.Fields(list)
			for _, name := range all {
				if of := k.GoArchitecture(name); of == architecture || of == "" {
					own = append(own, name)
				}
			}
			r.Metadata[i] = architecturesField + strings.Join(own, " ")
		}
		if all != nil && own == nil {
			continue
		}
		r.Proofs = slices.DeleteFunc(slices.Clone(r.Proofs), func(p artifact.Proof) bool {
			name := architectureOf(strings.TrimPrefix(p.Path, deb822.Dists(r.Name)+"/"), all)
			return name != "" && !slices.Contains(own, name)
		})
		part.Releases = append(part.Releases, r)
	}
	if part.Releases == nil {
		return s, false
	}
	return part, true
}

// architectureOf is the architecture that an index is for, by its path below the suite: "amd64" of "main/binary-amd64/Packages.xz" and of
// "main/Contents-amd64.gz". Empty: it is for none of these.
func architectureOf(index string, architectures []string) (found string) {
	for element := range strings.SplitSeq(path.Clean(index), "/") {
		stem, _, _ := strings.Cut(element, ".")
		for _, name := range architectures {
			if strings.HasSuffix(stem, "-"+name) && len(name) > len(found) { // "kfreebsd-amd64" has "-amd64", too
				found = name
			}
		}
	}
	return found
}
