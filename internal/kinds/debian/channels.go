package debian

import (
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Channels implements artifact.Channeler: they are the suites that sources.list(5) names. For each, apt-get update requests InRelease every
// time, and Release where there is none.
func (Kind) Channels(sources []artifact.Source) (all []artifact.Channel) {
	for i := range sources {
		s := &sources[i]
		roots := []string{"/" + s.Name}
		if s.ServeUpstream {
			roots = append(roots, "/"+artifact.UpstreamRoot+"/"+s.Name)
		}
		for _, r := range s.Releases {
			c := artifact.Channel{Kind: deb822.KindName, Source: s.Name, Name: r.Name, System: s.System}
			for _, root := range roots {
				folder := path.Join(root, deb822.Dists(r.Name))
				c.Paths = append(c.Paths, path.Join(folder, "InRelease"), path.Join(folder, "Release"))
			}
			all = append(all, c)
		}
	}
	return all
}
