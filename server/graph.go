package server

import (
	"context"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A graph says by which names artifacts need each other, and why each is carried. Its nodes
// are the names of artifacts of all kinds.
type graph struct {
	nodes  map[nodeKey]int32
	keys   []nodeKey
	needs  [][]int32 // by node
	parent []int32   // towards a request; -1: it is requested, or nothing leads to it
	roots  []bool    // requested
}

type nodeKey struct{ kind, name string }

// newGraph reads the whole catalog.
func (s *Server) newGraph(ctx context.Context) (*graph, error) {
	g := &graph{nodes: map[nodeKey]int32{}}
	catalog := s.image.Catalog
	for i := range catalog.Artifacts {
		g.node(nodeKey{catalog.Artifacts[i].Kind, catalog.Artifacts[i].Name})
	}
	aliases := map[nodeKey][]int32{}
	for _, a := range catalog.Aliases {
		for _, name := range a.Of {
			if at, found := g.nodes[nodeKey{a.Kind, name}]; found {
				aliases[nodeKey{a.Kind, a.Name}] = append(aliases[nodeKey{a.Kind, a.Name}], at)
			}
		}
	}
	g.needs, g.roots = make([][]int32, len(g.keys)), make([]bool, len(g.keys))
	kinds := map[string]artifact.Kind{}
	for _, m := range s.mounts {
		kinds[m.kind.Name()] = m.kind
	}
	if err := s.image.EachArtifact(ctx, func(a *artifact.Artifact) error {
		from := g.node(nodeKey{a.Kind, a.Name})
		g.roots[from] = g.roots[from] || a.Requested
		for _, name := range kinds[a.Kind].Needs(a) {
			key := nodeKey{a.Kind, name}
			if to, found := g.nodes[key]; found {
				g.needs[from] = append(g.needs[from], to)
			}
			g.needs[from] = append(g.needs[from], aliases[key]...)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for i := range g.needs {
		slices.Sort(g.needs[i])
		g.needs[i] = slices.Clip(slices.Compact(g.needs[i]))
	}
	for _, set := range catalog.Sets {
		for _, id := range set.Requested {
			if at := s.artifactAt(id); at >= 0 {
				a := &catalog.Artifacts[at]
				g.roots[g.nodes[nodeKey{a.Kind, a.Name}]] = true
			}
		}
	}
	g.trace()
	return g, nil
}

func (g *graph) node(key nodeKey) int32 {
	at, found := g.nodes[key]
	if !found {
		at = int32(len(g.keys))
		g.nodes[key] = at
		g.keys = append(g.keys, key)
	}
	return at
}

// trace finds the shortest way from a request to each node.
func (g *graph) trace() {
	g.parent = make([]int32, len(g.keys))
	seen := make([]bool, len(g.keys))
	var queue []int32
	for i := range g.keys {
		g.parent[i] = -1
		if g.roots[i] {
			seen[i] = true
			queue = append(queue, int32(i))
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, to := range g.needs[queue[0]] {
			if !seen[to] {
				seen[to] = true
				g.parent[to] = queue[0]
				queue = append(queue, to)
			}
		}
	}
}

// why is the chain of names from a request to one, both included; nil: nothing leads to it.
func (g *graph) why(kind, name string) (chain []string) {
	at, found := g.nodes[nodeKey{kind, name}]
	if !found {
		return nil
	}
	for ; ; at = g.parent[at] {
		chain = append(chain, g.keys[at].name)
		if g.roots[at] {
			slices.Reverse(chain)
			return chain
		}
		if g.parent[at] < 0 {
			return nil
		}
	}
}

// neededBy are the names that need one, sorted.
func (g *graph) neededBy(kind, name string) (names []string) {
	at, found := g.nodes[nodeKey{kind, name}]
	if !found {
		return nil
	}
	for from, needs := range g.needs {
		if _, found := slices.BinarySearch(needs, at); found && int32(from) != at {
			names = append(names, g.keys[from].name)
		}
	}
	slices.Sort(names)
	return names
}
