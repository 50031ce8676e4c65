package debian

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A field of a paragraph. Value keeps the line breaks of a folded or multi-line
// value; the space that begins a continuation line is removed.
type field struct {
	name, value string
	line        int
}

// A paragraph is a block of fields: deb822(5), Debian Policy 5.1.
type paragraph []field

// get returns the field's value; names are compared without case.
func (p paragraph) get(name string) string {
	for _, f := range p {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// list returns the field's words.
func (p paragraph) list(name string) []string { return strings.Fields(p.get(name)) }

// parseParagraphs reads a control file with comments.
func parseParagraphs(data []byte) ([]paragraph, error) {
	var all []paragraph
	var current paragraph
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
			last.value += "\n" + line[1:]
		default:
			name, value, found := strings.Cut(line, ":")
			if !found || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("line %d: want a field, \"Name: value\"", number)
			}
			if current.has(name) {
				return nil, fmt.Errorf("line %d: the field %s is there twice", number, name)
			}
			current = append(current, field{name, strings.TrimSpace(value), number})
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

// parseStanza reads a text that is one stanza, a Release, as apt does: of a field that is there twice the last
// one counts, and lines that are not fields are passed over.
func parseStanza(text string) (p paragraph, err error) {
	inside := false
	for number, at := 1, len(text)-len(strings.TrimLeft(text, "\r\n")); at < len(text); number++ {
		line, next := lineAt(text, at)
		at = next
		switch name, colon := fieldName(line); {
		case line == "":
			if strings.Trim(text[at:], "\r\n") != "" {
				return nil, fmt.Errorf("line %d: it is empty, and more follows", number)
			}
		case line[0] == ' ' || line[0] == '\t':
			if inside {
				p[len(p)-1].value += "\n" + strings.TrimRight(line[1:], " \t\r")
			}
		case colon == 0:
			inside = false
		default:
			p = slices.DeleteFunc(p, func(f field) bool { return strings.EqualFold(f.name, name) })
			p, inside = append(p, field{name, strings.TrimSpace(line[colon+1:]), number}), true
		}
	}
	if p == nil {
		return nil, errors.New("want a field, \"Name: value\"")
	}
	return p, nil
}

func (p paragraph) has(name string) bool {
	for _, f := range p {
		if strings.EqualFold(f.name, name) {
			return true
		}
	}
	return false
}
