package receipt

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Add adds a node, whose list of what it has installed is data in the form of one of the kinds.
func (n *Nodes) Add(kinds []artifact.Kind, data []byte) error {
	var failures error
	for _, kind := range kinds {
		reader, able := artifact.Able[artifact.Advised](kind)
		if !able {
			continue
		}
		installed, err := reader.AdvisedOn(artifact.Pins{}, "", data)
		if err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		n.Count++
		for _, i := range installed {
			n.add(NodeItem{kind.Name(), i.Name, i.Version, i.Architecture, 1})
		}
		return nil
	}
	if failures == nil {
		failures = errors.New("no kind reads lists of what a node has")
	}
	return failures
}

func compareNodeItems(a, b NodeItem) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Version, b.Version))
}

func (n *Nodes) add(item NodeItem) {
	at, found := slices.BinarySearchFunc(n.Items, item, compareNodeItems)
	if found {
		n.Items[at].Nodes++
		return
	}
	n.Items = slices.Insert(n.Items, at, item)
}

// check refuses what could not be printed.
func (n *Nodes) check() error {
	for _, i := range n.Items {
		if i.Nodes < 1 || i.Nodes > n.Count {
			return fmt.Errorf("nodes: %d of %d nodes have %s", i.Nodes, n.Count, i.Name)
		}
	}
	return nil
}
