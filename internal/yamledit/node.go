package yamledit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// A Node is a part of a document. It stays valid after an edit, unless it, or an entry before it in the same list, was removed.
type Node struct {
	d    *Document
	path []int // which child, from the root on
}

func (n Node) node() *yaml.Node { return n.in(n.d.root) }

// in is the node in a copy of the tree.
func (n Node) in(tree *yaml.Node) *yaml.Node {
	for _, i := range n.path {
		tree = tree.Content[i]
	}
	return tree
}

func (n Node) child(i int) Node {
	return Node{n.d, append(n.path[:len(n.path):len(n.path)], i)}
}

// Position is the file and the line.
func (n Node) Position() string { return fmt.Sprintf("%s:%d", n.d.file, n.node().Line) }

// refuse is the error of an edit that would change something else, or a form that is not edited.
func (n Node) refuse() error {
	return artifact.Hint(fmt.Errorf("%s: this part is written in a form that is not edited automatically", n.Position()), "edit it by hand, or write the list as \"- ENTRY\", one on each line")
}

// IsList reports whether the node is a list.
func (n Node) IsList() bool { return n.node().Kind == yaml.SequenceNode }

// Entries are those of a list.
func (n Node) Entries() (all []Node) {
	if n.IsList() {
		for i := range n.node().Content {
			all = append(all, n.child(i))
		}
	}
	return all
}

// Get is the value of a key; false: the node has no such key.
func (n Node) Get(key string) (Node, bool) {
	if node := n.node(); node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return n.child(i + 1), true
			}
		}
	}
	return Node{}, false
}

// Text is that of a text; false: the node is none.
func (n Node) Text() (string, bool) {
	node := n.node()
	return node.Value, node.Kind == yaml.ScalarNode && node.Tag == "!!str"
}

// Append adds a text at the end of a list that is not empty.
func (n Node) Append(text string) error {
	d, list := n.d, n.node()
	if !n.editable() || len(list.Content) == 0 {
		return n.refuse()
	}
	want := clone(d.root)
	wanted := n.in(want)
	wanted.Content = append(wanted.Content, textNode(text))
	flow := list.Style&yaml.FlowStyle != 0
	final := list.Content[len(list.Content)-1]
	end, found := d.end(final, flow)
	if !found {
		return n.refuse()
	}
	quoted := strictyaml.Quote(text)
	if !flow {
		at := d.lineEnd(end)
		return d.apply(n, want, splice{at, at, d.newline() + strings.Repeat(" ", list.Column-1) + "- " + quoted})
	}
	start := d.offset(final)
	closes := d.comma(end)
	if own := d.indented(start) && d.last(max(end, closes)); !own {
		return d.apply(n, want, splice{end, end, ", " + quoted})
	}
	// Entries stand on lines of their own.
	indent := string(d.text[d.lineStart(start):start])
	if closes > 0 {
		at := d.lineEnd(closes)
		return d.apply(n, want, splice{at, at, d.newline() + indent + quoted + ","})
	}
	at := d.lineEnd(end)
	return d.apply(n, want, splice{end, end, ","}, splice{at, at, d.newline() + indent + quoted})
}

// editable reports whether the node is a list whose text is the node's alone.
func (n Node) editable() bool {
	list := n.node()
	return list.Kind == yaml.SequenceNode && list.Anchor == "" && list.Style&yaml.TaggedStyle == 0
}

// SetText replaces a text.
func (n Node) SetText(text string) error {
	d, node := n.d, n.node()
	want := clone(d.root)
	wanted := n.in(want)
	wanted.Value = text
	end, found := d.end(node, true)
	if !found { // in no brackets, a comma may follow
		end, found = d.end(node, false)
	}
	if _, isText := n.Text(); !isText || !found {
		return n.refuse()
	}
	return d.apply(n, want, splice{d.offset(node), end, strictyaml.Quote(text)})
}

// Remove removes an entry of a list that has others. Comments on other lines stay.
func (n Node) Remove(index int) error {
	d, list := n.d, n.node()
	if !n.editable() || len(list.Content) < 2 {
		return n.refuse()
	}
	want := clone(d.root)
	wanted := n.in(want)
	wanted.Content = append(wanted.Content[:index:index], wanted.Content[index+1:]...)
	flow := list.Style&yaml.FlowStyle != 0
	start := d.offset(list.Content[index])
	end, found := d.end(list.Content[index], flow)
	if !found {
		return n.refuse()
	}
	if !flow {
		line := d.lineStart(start)
		return d.apply(n, want, splice{line, d.nextLine(end), ""})
	}
	return d.apply(n, want, d.withoutEntry(list.Content, index, 1, start, end))
}

// withoutEntry removes from start to end what stands in brackets: count nodes from index on.
func (d *Document) withoutEntry(content []*yaml.Node, index, count, start, end int) splice {
	comma := d.comma(end)
	if next := index + count; next < len(content) {
		to := d.offset(content[next])
		switch {
		case d.indented(start) && d.last(max(end, comma)):
			return splice{d.lineStart(start), d.nextLine(max(end, comma)), ""}
		case d.lineStart(to) == d.lineStart(start):
			return splice{start, to, ""}
		}
		if index > 0 {
			if before, found := d.end(content[index-1], true); found {
				return splice{before, end, ""}
			}
		}
		return splice{start, max(end, comma), ""}
	}
	if d.indented(start) && d.last(max(end, comma)) {
		return splice{d.lineStart(start), d.nextLine(max(end, comma)), ""} // a comma may remain before a bracket
	}
	if before, found := d.end(content[index-1], true); found && !strings.Contains(string(d.text[before:start]), "#") {
		return splice{before, end, ""}
	}
	return splice{start, end, ""}
}

// AddList adds a key whose value is a list of one text, after the other keys.
func (n Node) AddList(key, text string) error {
	d, node := n.d, n.node()
	if node.Kind != yaml.MappingNode || node.Anchor != "" || len(node.Content) == 0 {
		return n.refuse()
	}
	want := clone(d.root)
	wanted := n.in(want)
	wanted.Content = append(wanted.Content, textNode(key), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{textNode(text)}})
	flow := node.Style&yaml.FlowStyle != 0
	end, found := d.end(node.Content[len(node.Content)-1], flow)
	if !found {
		return n.refuse()
	}
	pair := strictyaml.Quote(key) + ": " + strictyaml.QuoteList([]string{text})
	if flow {
		return d.apply(n, want, splice{end, end, ", " + pair})
	}
	at := d.lineEnd(end)
	return d.apply(n, want, splice{at, at, d.newline() + strings.Repeat(" ", node.Content[0].Column-1) + pair})
}

// RemoveKey removes a key with its value from a node that has other keys.
func (n Node) RemoveKey(key string) error {
	d, node := n.d, n.node()
	if node.Kind != yaml.MappingNode || node.Anchor != "" || len(node.Content) < 4 {
		return n.refuse()
	}
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value != key {
			continue
		}
		want := clone(d.root)
		wanted := n.in(want)
		wanted.Content = append(wanted.Content[:i:i], wanted.Content[i+2:]...)
		flow := node.Style&yaml.FlowStyle != 0
		start := d.offset(node.Content[i])
		end, found := d.end(node.Content[i+1], flow)
		if !found {
			return n.refuse()
		}
		if flow {
			return d.apply(n, want, d.withoutEntry(node.Content, i, 2, start, end))
		}
		if d.indented(start) {
			return d.apply(n, want, splice{d.lineStart(start), d.nextLine(end), ""})
		}
		if i+2 < len(node.Content) { // "- key: …": the next key takes its place
			return d.apply(n, want, splice{start, d.offset(node.Content[i+2]), ""})
		}
	}
	return n.refuse()
}
