package receipt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Nodes is what nodes have installed.
type Nodes struct {
	Count int        `json:"count"` // nodes
	Items []NodeItem `json:"items"` // sorted by kind, name, architecture and version
}

// A NodeItem is one version of an item that nodes have. Its JSON is a text of five words, "KIND NAME VERSION ARCHITECTURE NODES", with "-" for an
// architecture that is empty: there may be many.
type NodeItem struct {
	Kind, Name, Version, Architecture string
	Nodes                             int // that have it
}

// MarshalJSON writes the text.
func (n NodeItem) MarshalJSON() ([]byte, error) {
	words := []string{n.Kind, n.Name, n.Version, n.Architecture, strconv.Itoa(n.Nodes)}
	if n.Architecture == "" {
		words[3] = "-"
	}
	for _, word := range words {
		if word == "" || strings.ContainsAny(word, " \t\r\n") {
			return nil, fmt.Errorf("nodes: %q of %s is not a word", word, n.Name)
		}
	}
	return json.Marshal(strings.Join(words, " "))
}

// UnmarshalJSON reads the text.
func (n *NodeItem) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	words := strings.Fields(text)
	if len(words) != 5 {
		return fmt.Errorf("nodes: %q has not five words", text)
	}
	count, err := strconv.Atoi(words[4])
	if err != nil || count < 1 {
		return fmt.Errorf("nodes: %q: %q is not a number of nodes", text, words[4])
	}
	*n = NodeItem{words[0], words[1], words[2], words[3], count}
	if n.Architecture == "-" {
		n.Architecture = ""
	}
	return nil
}

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
