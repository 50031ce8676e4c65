// Package needs finds, in a catalog, why an item is carried and which items need it. The server's pages and inspect show
// both. What an item needs is the word of its kind: see artifact.Needer.
package needs

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// A Graph says by which names items need each other, and why each is carried. It never changes,
// and is small: for a distribution's 60,000 items it takes about 5 MB.
type Graph struct {
	catalog *catalog.Catalog
	// names are the nodes: places in catalog.Items, one of each kind and name, sorted by these. After
	// them come the aliases as nodes, in their order.
	names  []int32
	first  []int32 // by node: the place of its first edge; one more at the end
	edges  []int32 // nodes that a node needs; those behind an alias
	parent []int32 // by node: the next towards a request; itself: it is requested; -1: nothing leads to it
}

type nodeKey struct{ kind, name string }

// New makes the graph of a catalog. each hands over all its items with their Metadata, in any order.
func New(ctx context.Context, catalog *catalog.Catalog, kinds []artifact.Kind, each func(context.Context, func(*artifact.Item) error) error) (*Graph, error) {
	g := &Graph{catalog: catalog}
	list := g.catalog.Items
	for i := range list {
		g.names = append(g.names, int32(i))
	}
	slices.SortFunc(g.names, func(a, b int32) int {
		return cmp.Or(cmp.Compare(list[a].Kind, list[b].Kind), cmp.Compare(list[a].Name, list[b].Name), cmp.Compare(a, b))
	})
	g.names = slices.Clone(slices.CompactFunc(g.names, func(a, b int32) bool { return list[a].Kind == list[b].Kind && list[a].Name == list[b].Name }))

	names, aliases := make(map[nodeKey]int32, len(g.names)), make(map[nodeKey]int32, len(g.catalog.Aliases))
	for node, at := range g.names {
		names[nodeKey{list[at].Kind, list[at].Name}] = int32(node)
	}
	var pairs []uint64 // of nodes
	need := func(from int32, to map[nodeKey]int32, kind, name string) {
		if to, found := to[nodeKey{kind, name}]; found && to != from {
			pairs = append(pairs, uint64(from)<<32|uint64(to))
		}
	}
	for i, a := range g.catalog.Aliases {
		node := int32(len(g.names) + i)
		aliases[nodeKey{a.Kind, a.Name}] = node
		for _, name := range a.Of {
			need(node, names, a.Kind, name)
		}
	}
	needers := map[string]artifact.Needer{}
	for _, kind := range kinds {
		if needer, able := artifact.Able[artifact.Needer](kind); able {
			needers[kind.Name()] = needer
		}
	}
	ofSets := map[string]bool{}
	for _, set := range g.catalog.Sets {
		for _, id := range set.Requested {
			ofSets[id] = true
		}
	}
	var requested []int32
	if err := each(ctx, func(a *artifact.Item) error {
		from, found := names[nodeKey{a.Kind, a.Name}]
		if !found {
			return nil // what is read checks it
		}
		if a.Requested || ofSets[a.ID()] {
			requested = append(requested, from)
		}
		needer := needers[a.Kind]
		if needer == nil {
			return nil // its items need nothing
		}
		for _, name := range needer.Needs(a) {
			need(from, names, a.Kind, name)
			need(from, aliases, a.Kind, name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	g.connect(pairs)
	g.trace(requested)
	return g, nil
}

// connect takes the edges.
func (g *Graph) connect(pairs []uint64) {
	slices.Sort(pairs)
	pairs = slices.Compact(pairs)
	g.first, g.edges = make([]int32, g.size()+1), make([]int32, len(pairs))
	for i, pair := range pairs {
		g.edges[i] = int32(uint32(pair))
		g.first[pair>>32+1] = int32(i + 1)
	}
	for i := 1; i < len(g.first); i++ {
		g.first[i] = max(g.first[i], g.first[i-1])
	}
}

// trace finds the shortest way from a request to each node.
func (g *Graph) trace(requested []int32) {
	g.parent = make([]int32, g.size())
	for i := range g.parent {
		g.parent[i] = -1
	}
	slices.Sort(requested)
	queue := slices.Compact(requested)
	for _, node := range queue {
		g.parent[node] = node
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, to := range g.needs(queue[0]) {
			if g.parent[to] < 0 {
				g.parent[to] = queue[0]
				queue = append(queue, to)
			}
		}
	}
}

func (g *Graph) size() int { return len(g.names) + len(g.catalog.Aliases) }

func (g *Graph) needs(node int32) []int32 { return g.edges[g.first[node]:g.first[node+1]] }

func (g *Graph) key(node int32) nodeKey {
	if alias := int(node) - len(g.names); alias >= 0 {
		return nodeKey{g.catalog.Aliases[alias].Kind, g.catalog.Aliases[alias].Name}
	}
	a := &g.catalog.Items[g.names[node]]
	return nodeKey{a.Kind, a.Name}
}

// find returns the nodes of a name: of items, and as an alias; -1: none.
func (g *Graph) find(kind, name string) (node, alias int32) {
	search := func(from, to int) int32 {
		at := from + sort.Search(to-from, func(i int) bool {
			k := g.key(int32(from + i))
			return cmp.Or(cmp.Compare(k.kind, kind), cmp.Compare(k.name, name)) >= 0
		})
		if at < to && g.key(int32(at)) == (nodeKey{kind, name}) {
			return int32(at)
		}
		return -1
	}
	return search(0, len(g.names)), search(len(g.names), g.size())
}

// Why is the chain of names from a request to one, both included; nil: nothing leads to it.
func (g *Graph) Why(kind, name string) (chain []string) {
	node, alias := g.find(kind, name)
	if node < 0 {
		node = alias
	}
	if node < 0 || g.parent[node] < 0 {
		return nil
	}
	for {
		if name := g.key(node).name; len(chain) == 0 || chain[len(chain)-1] != name {
			chain = append(chain, name)
		}
		if g.parent[node] == node {
			slices.Reverse(chain)
			return chain
		}
		node = g.parent[node]
	}
}

// NeededBy are the names that need one, by this name or by an alias of it, sorted.
func (g *Graph) NeededBy(kind, name string) (names []string) {
	node, alias := g.find(kind, name)
	wanted := map[int32]bool{alias: alias >= 0}
	for i := len(g.names); i < g.size() && node >= 0; i++ {
		if slices.Contains(g.needs(int32(i)), node) {
			wanted[int32(i)] = true
		}
	}
	if node >= 0 {
		wanted[node] = true
	}
	for from := range int32(len(g.names)) {
		if from != node && slices.ContainsFunc(g.needs(from), func(to int32) bool { return wanted[to] }) {
			names = append(names, g.key(from).name)
		}
	}
	return names // as the nodes are sorted
}
