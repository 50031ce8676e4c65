package server

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A stand is a place of an upstream that the server stands in for: requests to host, below
// from, are for what the mirror has below to.
type stand struct{ host, from, to string }

// standFor finds what the image has of hosts, whose names clients may go on using. What upstream signed
// comes first, where it is served: such clients trust upstream's key alone.
func (s *Server) standFor(hosts []string) error {
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
				s.stands = append(s.stands, stand{strings.ToLower(host), strings.TrimRight(u.Path, "/"), to})
			}
		}
		if !found {
			return artifact.Hint(artifact.Usagef("nothing in the image comes from %q", host), "it has: %s", strings.Join(s.upstreamHosts(), ", "))
		}
	}
	// The longest path first: one place may lie within another.
	slices.SortStableFunc(s.stands, func(a, b stand) int { return len(b.from) - len(a.from) })
	return nil
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

// standIn is the path on the mirror that a request to an upstream's host means.
func (s *Server) standIn(host, path string) string {
	if len(s.stands) == 0 {
		return path
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, p := range s.stands {
		if rest, below := strings.CutPrefix(path, p.from); below && p.host == name && strings.HasPrefix(rest, "/") {
			return p.to + rest
		}
	}
	return path
}
