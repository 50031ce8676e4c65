// Package deb822 is the format of Debian's control data (deb822(5), Debian Policy chapters 5 and 7): paragraphs and their fields,
// the stanzas of Packages indexes, package names, versions and relations. It also knows how an item of the lock stands for such a
// stanza, byte for byte, and where a repository keeps its indexes and packages. All other packages of the kind build on it; it
// fetches nothing and decides nothing.
package deb822

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Field of a paragraph. Value keeps the line breaks of a folded or multi-line
// value; the space that begins a continuation line is removed.
type Field struct {
	Name, Value string
	Line        int
}

// A Paragraph is a block of fields: deb822(5), Debian Policy 5.1.
type Paragraph []Field

// Get returns the field's value; names are compared without case.
func (p Paragraph) Get(name string) string {
	for _, f := range p {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// List returns the field's words.
func (p Paragraph) List(name string) []string { return strings.Fields(p.Get(name)) }

// ParseParagraphs reads a control file with comments.
func ParseParagraphs(data []byte) ([]Paragraph, error) {
	var all []Paragraph
	var current Paragraph
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimRight(scanner.Text(), " \t\r")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			if current != nil {
				all, current = append(all, current), nil
			}
		case line[0] == ' ' || line[0] == '\t':
			if current == nil {
				return nil, fmt.Errorf("line %d: a continuation line without a field", number)
			}
			last := &current[len(current)-1]
			last.Value += "\n" + line[1:]
		default:
			name, value, found := strings.Cut(line, ":")
			if !found || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("line %d: want a field, \"Name: value\"", number)
			}
			if current.Has(name) {
				return nil, fmt.Errorf("line %d: the field %s is repeated", number, name)
			}
			current = append(current, Field{name, strings.TrimSpace(value), number})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if current != nil {
		all = append(all, current)
	}
	return all, nil
}

// ParseStanza reads a text that is one stanza, a Release, as apt does: of a repeated field the last
// one counts, and lines that are not fields are skipped.
func ParseStanza(text string) (p Paragraph, err error) {
	inside := false
	for number, at := 1, len(text)-len(strings.TrimLeft(text, "\r\n")); at < len(text); number++ {
		line, next := lineAt(text, at)
		at = next
		switch name, colon := FieldName(line); {
		case line == "":
			if strings.Trim(text[at:], "\r\n") != "" {
				return nil, fmt.Errorf("line %d: it is empty, and more follows", number)
			}
		case line[0] == ' ' || line[0] == '\t':
			if inside {
				p[len(p)-1].Value += "\n" + strings.TrimRight(line[1:], " \t\r")
			}
		case colon == 0:
			inside = false
		default:
			p = slices.DeleteFunc(p, func(f Field) bool { return strings.EqualFold(f.Name, name) })
			p, inside = append(p, Field{name, strings.TrimSpace(line[colon+1:]), number}), true
		}
	}
	if p == nil {
		return nil, errors.New("want a field, \"Name: value\"")
	}
	return p, nil
}

// Has reports whether there is such a field; names are compared without case.
func (p Paragraph) Has(name string) bool {
	for _, f := range p {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}
