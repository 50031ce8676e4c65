package yamledit

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// end is the byte after a node. flow means that it stands within brackets. The parser does not report ends, so they are
// looked for; false: the node has a form in which they are not, such as a text of several lines.
func (d *Document) end(n *yaml.Node, flow bool) (int, bool) {
	at := d.offset(n)
	switch {
	case n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return 0, false
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return d.quoted(at)
	case n.Kind == yaml.AliasNode:
		return d.plain(at, "*"+n.Value, flow)
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		return d.plain(at, n.Value, flow)
	case n.Style&yaml.FlowStyle != 0:
		return d.brackets(at)
	case len(n.Content) > 0 && n.Kind != yaml.ScalarNode:
		return d.end(n.Content[len(n.Content)-1], false)
	}
	return 0, false
}

// plain is the end of a text without quotes, all of which must stand there.
func (d *Document) plain(at int, value string, flow bool) (int, bool) {
	end := at + len(value)
	if !bytes.HasPrefix(d.text[at:], []byte(value)) {
		return 0, false
	}
	rest := d.text[end:]
	return end, len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0 || flow && bytes.IndexByte([]byte(",]}"), rest[0]) >= 0 || rest[0] == ':'
}

// quoted is the end of a text in quotes.
func (d *Document) quoted(at int) (int, bool) {
	if at >= len(d.text) {
		return 0, false
	}
	quote := d.text[at]
	if quote != '"' && quote != '\'' {
		return 0, false
	}
	for i := at + 1; i < len(d.text); i++ {
		switch {
		case quote == '"' && d.text[i] == '\\':
			i++
		case d.text[i] == quote && quote == '\'' && i+1 < len(d.text) && d.text[i+1] == quote:
			i++
		case d.text[i] == quote:
			return i + 1, true
		}
	}
	return 0, false
}

// brackets is the end of what begins with a bracket.
func (d *Document) brackets(at int) (int, bool) {
	depth := 0
	before := byte('[') // the last byte that is no space
	for i := at; i < len(d.text); i++ {
		c := d.text[i]
		switch {
		case (c == '"' || c == '\'') && bytes.IndexByte([]byte("[{,:"), before) >= 0:
			end, closed := d.quoted(i)
			if !closed {
				return 0, false
			}
			i = end - 1
		case c == '#' && i > at && bytes.IndexByte([]byte(" \t\r\n"), d.text[i-1]) >= 0:
			i = d.lineEnd(i) - 1
			continue
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			before = c
		}
	}
	return 0, false
}

// comma is the byte after the comma that follows a byte; comments may be between. 0: another token follows.
func (d *Document) comma(at int) int {
	for i := at; i < len(d.text); i++ {
		switch d.text[i] {
		case ' ', '\t', '\r', '\n':
		case '#':
			i = d.lineEnd(i) - 1
		case ',':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}
