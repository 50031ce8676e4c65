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

// A Graph says by which names items need each other, and why each is carried. Items of one system never need those of another.
// A Graph never changes, and is small: for a distribution's 60,000 items it takes about 7 MB.
type Graph struct {
	catalog *catalog.Catalog
	systems []string // artifact.Source.System of all sources, and the empty one, sorted
	// nodes are one of each system, kind and name of items, sorted by these; then, likewise, those of aliases.
	nodes   []node
	items   int     // how many of the nodes are items
	to      edges   // nodes that a node needs; those behind an alias
	from    edges   // nodes that need a node
	parents []int32 // by node: the next towards a request; itself: it is requested; -1: nothing leads to it
}

// A node is a name within a system.
type node struct {
	system int32 // place in Graph.systems
	at     int32 // in Catalog.Items, or in Catalog.Aliases
}

type nodeKey struct{ system, kind, name string }

func compareKeys(a, b nodeKey) int {
	return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

// edges lead from each node to some others.
type edges struct {
	first []int32 // by node: the place of its first edge; two more at the end
	ends  []int32
}

func (e *edges) of(node int32) []int32 { return e.ends[e.first[node]:e.first[node+1]] }

// newEdges takes pairs of nodes in any order. half is the one that an edge begins at: 32 is the upper half, 0 the lower one.
func newEdges(nodes int, all pairs, half int) edges {
	e := edges{make([]int32, nodes+2), make([]int32, len(all))}
	for _, pair := range all {
		e.first[uint32(pair>>half)+2]++
	}
	for i := 2; i < len(e.first); i++ {
		e.first[i] += e.first[i-1]
	}
	for _, pair := range all {
		from := uint32(pair>>half) + 1
		e.ends[e.first[from]] = int32(uint32(pair >> (32 - half)))
		e.first[from]++
	}
	return e
}

// New makes the graph of a catalog. each hands over all its items with their Metadata, in any order.
func New(ctx context.Context, catalog *catalog.Catalog, kinds []artifact.Kind, each func(context.Context, func(*artifact.Item) error) error) (*Graph, error) {
	g := &Graph{catalog: catalog, systems: []string{""}}
	systemOf := make(map[string]string, len(catalog.Sources))
	for i := range catalog.Sources {
		systemOf[catalog.Sources[i].Name] = catalog.Sources[i].System
		g.systems = append(g.systems, catalog.Sources[i].System)
	}
	slices.Sort(g.systems)
	g.systems = slices.Compact(g.systems)
	names := g.addItems(systemOf)
	aliases, pairs := g.addAliases(names)

	needers := map[string]artifact.Needer{}
	for _, kind := range kinds {
		if needer, able := artifact.Able[artifact.Needer](kind); able {
			needers[kind.Name()] = needer
		}
	}
	ofSets := map[string]bool{}
	for _, set := range catalog.Sets {
		for _, id := range set.Requested {
			ofSets[id] = true
		}
	}
	var requested []int32
	if err := each(ctx, func(a *artifact.Item) error {
		system := systemOf[a.Source]
		from, found := names[nodeKey{system, a.Kind, a.Name}]
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
			pairs = pairs.add(from, names, system, a.Kind, name)
			pairs = pairs.add(from, aliases, system, a.Kind, name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	g.connect(pairs)
	g.trace(requested)
	return g, nil
}

// addItems makes the nodes of items.
func (g *Graph) addItems(systemOf map[string]string) map[nodeKey]int32 {
	list := g.catalog.Items
	for i := range list {
		system, _ := slices.BinarySearch(g.systems, systemOf[list[i].Source])
		g.nodes = append(g.nodes, node{int32(system), int32(i)})
	}
	slices.SortFunc(g.nodes, func(a, b node) int {
		x, y := &list[a.at], &list[b.at]
		return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(a.at, b.at))
	})
	g.nodes = slices.Clone(slices.CompactFunc(g.nodes, func(a, b node) bool {
		return a.system == b.system && list[a.at].Kind == list[b.at].Kind && list[a.at].Name == list[b.at].Name
	}))
	g.items = len(g.nodes)
	names := make(map[nodeKey]int32, g.items)
	for i := range g.nodes {
		names[g.key(int32(i))] = int32(i)
	}
	return names
}

// addAliases makes the nodes of aliases, and the pairs that lead from them to items of the same system.
func (g *Graph) addAliases(names map[nodeKey]int32) (aliases map[nodeKey]int32, all pairs) {
	aliases = make(map[nodeKey]int32, len(g.catalog.Aliases))
	for s, system := range g.systems {
		for i := range g.catalog.Aliases {
			a, before, node := &g.catalog.Aliases[i], len(all), int32(len(g.nodes))
			for _, name := range a.Of {
				all = all.add(node, names, system, a.Kind, name)
			}
			if len(all) > before {
				g.nodes = append(g.nodes, newNode(s, i))
				aliases[nodeKey{system, a.Kind, a.Name}] = node
			}
		}
	}
	return aliases, all
}

func newNode(system, at int) node { return node{int32(system), int32(at)} }

// pairs are edges: the node that needs in the upper half, the needed one in the lower.
type pairs []uint64

// add adds what a node needs by a name: an item of its own system, or one for all systems.
func (p pairs) add(from int32, to map[nodeKey]int32, system, kind, name string) pairs {
	end, found := to[nodeKey{system, kind, name}]
	if !found && system != "" {
		end, found = to[nodeKey{"", kind, name}]
	}
	if found && end != from {
		p = append(p, uint64(from)<<32|uint64(end))
	}
	return p
}

// connect takes the edges, in both directions.
func (g *Graph) connect(all pairs) {
	slices.Sort(all)
	all = slices.Compact(all)
	g.to, g.from = newEdges(len(g.nodes), all, 32), newEdges(len(g.nodes), all, 0)
}

// trace finds the shortest way from a request to each node.
func (g *Graph) trace(requested []int32) {
	g.parents = make([]int32, len(g.nodes))
	for i := range g.parents {
		g.parents[i] = -1
	}
	slices.Sort(requested)
	queue := slices.Compact(requested)
	for _, node := range queue {
		g.parents[node] = node
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, to := range g.to.of(queue[0]) {
			if g.parents[to] < 0 {
				g.parents[to] = queue[0]
				queue = append(queue, to)
			}
		}
	}
}

func (g *Graph) isAlias(node int32) bool { return int(node) >= g.items }

func (g *Graph) key(node int32) nodeKey {
	n := g.nodes[node]
	if g.isAlias(node) {
		a := &g.catalog.Aliases[n.at]
		return nodeKey{g.systems[n.system], a.Kind, a.Name}
	}
	a := &g.catalog.Items[n.at]
	return nodeKey{g.systems[n.system], a.Kind, a.Name}
}

// find returns the nodes of a name in a system: of items, and as an alias; -1: none.
func (g *Graph) find(key nodeKey) (item, alias int32) {
	search := func(from, to int) int32 {
		at := from + sort.Search(to-from, func(i int) bool { return compareKeys(g.key(int32(from+i)), key) >= 0 })
		if at < to && g.key(int32(at)) == key {
			return int32(at)
		}
		return -1
	}
	return search(0, g.items), search(g.items, len(g.nodes))
}

// Systems are those in which a name is that of an item or of an alias, sorted. The empty one stands for all.
func (g *Graph) Systems(kind, name string) (systems []string) {
	for _, system := range g.systems {
		if item, alias := g.find(nodeKey{system, kind, name}); item >= 0 || alias >= 0 {
			systems = append(systems, system)
		}
	}
	return systems
}

// Why is the chain of names from a request to one of a system, both included; nil: nothing leads to it.
func (g *Graph) Why(system, kind, name string) (chain []string) {
	node, alias := g.find(nodeKey{system, kind, name})
	if node < 0 {
		node = alias
	}
	if node < 0 || g.parents[node] < 0 {
		return nil
	}
	for {
		if name := g.key(node).name; len(chain) == 0 || chain[len(chain)-1] != name {
			chain = append(chain, name)
		}
		if g.parents[node] == node {
			slices.Reverse(chain)
			return chain
		}
		node = g.parents[node]
	}
}

// NeededBy are the names that need one of a system, by this name or by an alias of it, sorted.
func (g *Graph) NeededBy(system, kind, name string) (names []string) {
	item, alias := g.find(nodeKey{system, kind, name})
	add := func(needed int32) {
		for _, from := range g.from.of(needed) {
			if !g.isAlias(from) && from != item {
				names = append(names, g.key(from).name)
			}
		}
	}
	if item >= 0 {
		add(item)
		for _, from := range g.from.of(item) {
			if g.isAlias(from) && from != alias {
				add(from)
			}
		}
	}
	if alias >= 0 {
		add(alias)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
