package server

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A hostAlias is a place of an upstream whose requests the server answers: those to host, below from, are for what the
// mirror has below to.
type hostAlias struct{ host, from, to string }

// addHostAliases finds what the image has of hosts, whose names clients may go on using. What upstream signed
// comes first, where it is served: such clients trust upstream's key alone.
func (s *Server) addHostAliases(hosts []string) error {
	for _, host := range hosts {
		found := false
		for _, source := range s.image.Catalog.Sources {
			to := "/" + source.Name
			if source.ServeUpstream {
				to = "/" + path.Join(artifact.UpstreamRoot, source.Name)
			}
			for _, address := range source.URLs {
				u, err := url.Parse(address)
				if err != nil || !strings.EqualFold(u.Hostname(), host) {
					continue
				}
				found = true
				if s.readsHost(source.Kind) {
					continue
				}
				s.hostAliases = append(s.hostAliases, hostAlias{strings.ToLower(host), strings.TrimRight(u.Path, "/"), s.mapAddress(source.Kind, to, address)})
			}
		}
		if !found {
			return artifact.Hint(artifact.Usagef("nothing in the image comes from %q", host), "it has: %s", strings.Join(s.upstreamHosts(), ", "))
		}
	}
	// The longest path first: one place may lie within another.
	slices.SortStableFunc(s.hostAliases, func(a, b hostAlias) int { return len(b.from) - len(a.from) })
	return nil
}

// readsHost reports whether a kind's paths are the same on every host.
func (s *Server) readsHost(kind string) bool {
	for _, m := range s.mounts {
		if _, reads := artifact.Able[artifact.HostReader](m.kind); reads && m.kind.Name() == kind {
			return true
		}
	}
	return false
}

// mapAddress is the folder on the mirror, at or below to, for what is below an address of a source.
func (s *Server) mapAddress(kind, to, address string) string {
	for _, m := range s.mounts {
		if mapper, maps := artifact.Able[artifact.AddressMapper](m.kind); maps && m.kind.Name() == kind {
			return path.Join(to, mapper.MapAddress(address))
		}
	}
	return to
}

func (s *Server) upstreamHosts() (hosts []string) {
	for _, source := range s.image.Catalog.Sources {
		for _, address := range source.URLs {
			if u, err := url.Parse(address); err == nil && u.Hostname() != "" && !slices.Contains(hosts, u.Hostname()) {
				hosts = append(hosts, u.Hostname())
			}
		}
	}
	slices.Sort(hosts)
	return hosts
}

// resolveHost is the path on the mirror that a request to an upstream's host means.
func (s *Server) resolveHost(host, path string) string {
	if len(s.hostAliases) == 0 {
		return path
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, a := range s.hostAliases {
		if rest, below := strings.CutPrefix(path, a.from); below && a.host == name && strings.HasPrefix(rest, "/") {
			return a.to + rest
		}
	}
	return path
}
