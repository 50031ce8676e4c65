// Package yamledit adds to lists in YAML that people write, and removes from them: all that an edit does not change stays byte for byte,
// with its comments, order and form. It edits the text at the places that the parser reports. Each edit is read back: if anything else
// than what was meant has changed, it is refused.
package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A Document is one YAML document. It changes as its nodes are edited.
type Document struct {
	file string // what errors call it
	text []byte
	root *yaml.Node
}

// Parse reads a document.
func Parse(file string, text []byte) (*Document, error) {
	root, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Document{file, text, root}, nil
}

func parse(text []byte) (*yaml.Node, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the text is not UTF-8")
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, errors.New("the file is empty")
	}
	return doc.Content[0], nil
}

// Text is the document as it is now.
func (d *Document) Text() []byte { return d.text }

// Root is the outermost node.
func (d *Document) Root() Node { return Node{d: d} }

// A splice replaces a part of the text.
type splice struct {
	from, to int // bytes
	with     string
}

// apply makes the splices, which must be sorted and apart, if the result reads as want.
func (d *Document) apply(at Node, want *yaml.Node, splices ...splice) error {
	var text []byte
	done := 0
	for _, s := range splices {
		if s.from < done || s.to < s.from || s.to > len(d.text) {
			return at.refuse()
		}
		text = append(append(text, d.text[done:s.from]...), s.with...)
		done = s.to
	}
	text = append(text, d.text[done:]...)
	root, err := parse(text)
	if err != nil || !same(root, want) {
		return at.refuse()
	}
	d.text, d.root = text, root
	return nil
}

// same reports whether two trees have the same content. Comments, places and quotes do not matter.
func same(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor && slices.EqualFunc(a.Content, b.Content, same)
}

// clone copies the tree, but not what aliases stand for.
func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// newline is the line break of the document.
func (d *Document) newline() string {
	if bytes.Contains(d.text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// offset is the byte at which a node begins. Lines and columns of the parser count from 1, and columns are characters.
func (d *Document) offset(n *yaml.Node) int {
	at := 0
	for line := 1; line < n.Line && at < len(d.text); line++ {
		at = d.nextLine(at)
	}
	for column := 1; column < n.Column && at < len(d.text); column++ {
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	return at
}

// lineStart is where the line of a byte begins.
func (d *Document) lineStart(at int) int { return bytes.LastIndexByte(d.text[:at], '\n') + 1 }

// lineEnd is where it ends, before the line break.
func (d *Document) lineEnd(at int) int {
	end := len(d.text)
	if i := bytes.IndexByte(d.text[at:], '\n'); i >= 0 {
		end = at + i
	}
	if end > at && d.text[end-1] == '\r' {
		end--
	}
	return end
}

// nextLine is where the line after that of a byte begins.
func (d *Document) nextLine(at int) int {
	if i := bytes.IndexByte(d.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.text)
}

// indented reports whether there is only indentation before a byte on its line.
func (d *Document) indented(at int) bool {
	return len(bytes.Trim(d.text[d.lineStart(at):at], " ")) == 0
}

// last reports whether nothing but a comment follows a byte on its line.
func (d *Document) last(at int) bool {
	rest := bytes.TrimLeft(d.text[at:d.lineEnd(at)], " \t")
	return len(rest) == 0 || rest[0] == '#'
}
