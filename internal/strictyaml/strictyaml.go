// Package strictyaml reads the YAML that people write: an unknown key, a wrong
// type, a duplicate or a missing value is an error that names file, line and
// the nearest valid key.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Decode reads the one YAML document in data into v, a pointer to a struct
// whose fields carry `yaml:"key"` tags. Fields may be strings, Scalars, bools, ints,
// slices, maps with string keys, structs and artifact.Section, which keeps a
// part for a later reader. file is what errors call the document.
func Decode(file string, data []byte, v any) error {
	s, err := Parse(file, data)
	if err != nil {
		return err
	}
	return s.Decode(v)
}

// Parse reads the one YAML document in data, to be decoded part by part.
func Parse(file string, data []byte) (artifact.Section, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty", file)
	} else if err != nil {
		return nil, syntaxError(file, data, err)
	}
	if err := dec.Decode(new(yaml.Node)); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(file, data, err)
	} else if err == nil {
		return nil, fmt.Errorf("%s: more than one document: remove what follows \"---\"", file)
	}
	return &section{file, doc.Content[0]}, nil
}

// section is a node of the document; it implements artifact.Section.
type section struct {
	file string
	node *yaml.Node
}

var sectionType = reflect.TypeFor[artifact.Section]()

// A Scalar is a text, number, date, true or false, as it is written.
type Scalar string

var (
	scalarType = reflect.TypeFor[Scalar]()
	scalarTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}
)

func (s *section) Decode(v any) error { return s.decode(reflect.ValueOf(v).Elem()) }

func (s *section) IsText() bool { return s.node.Kind == yaml.ScalarNode && s.node.Tag == "!!str" }

func (s *section) Position() string { return fmt.Sprintf("%s:%d", s.file, s.node.Line) }

func (s *section) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", s.Position(), fmt.Errorf(format, args...))
}

func (s *section) Keys(valid []string) (map[string]artifact.Section, error) {
	sections := make(map[string]artifact.Section)
	err := s.eachPair(func(key string, at, value *section) error {
		if !slices.Contains(valid, key) {
			return at.Errorf("unknown key %q: %s", key, suggest(key, valid))
		}
		sections[key] = value
		return nil
	})
	return sections, err
}

func (s *section) at(n *yaml.Node) *section { return &section{s.file, n} }

func (s *section) decode(v reflect.Value) error {
	if s.node.Kind == yaml.AliasNode {
		return s.at(s.node.Alias).decode(v)
	}
	if v.Type() == sectionType {
		v.Set(reflect.ValueOf(s))
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.decodeStruct(v)
	case reflect.Map:
		return s.decodeMap(v)
	case reflect.Slice:
		return s.decodeSlice(v)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := s.decode(p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.String:
		if v.Type() == scalarType && slices.Contains(scalarTags, s.node.Tag) && s.node.Kind == yaml.ScalarNode {
			v.SetString(s.node.Value)
			return nil
		}
		if s.node.Kind == yaml.ScalarNode && s.node.Tag != "!!str" && s.node.Tag != "!!null" {
			return s.Errorf("want text, not %s: write %q in quotes", describe(s.node), s.node.Value)
		}
		if key, found := s.questioned(); found {
			return s.Errorf("want text, not %s: within [ ] write %q in quotes", describe(s.node), "?"+key)
		}
		return s.decodeScalar(v, "!!str", "text")
	case reflect.Bool:
		return s.decodeScalar(v, "!!bool", "true or false")
	case reflect.Int, reflect.Int64:
		return s.decodeScalar(v, "!!int", "a whole number")
	}
	panic("strictyaml: cannot decode into " + v.Type().String())
}

// questioned is what follows the question mark in [?x], which YAML takes for a key without a value.
func (s *section) questioned() (key string, found bool) {
	n := s.node
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Kind == yaml.ScalarNode && n.Content[1].Tag == "!!null" {
		return n.Content[0].Value, true
	}
	return "", false
}

func (s *section) decodeScalar(v reflect.Value, tag, want string) error {
	if s.node.Kind != yaml.ScalarNode || s.node.Tag != tag {
		return s.Errorf("want %s, not %s", want, describe(s.node))
	}
	if err := s.node.Decode(v.Addr().Interface()); err != nil {
		return s.Errorf("want %s: %q", want, s.node.Value)
	}
	return nil
}

func (s *section) decodeSlice(v reflect.Value) error {
	if s.node.Kind != yaml.SequenceNode {
		switch {
		case s.node.Kind == yaml.MappingNode:
			return s.Errorf("want a list, not %s: begin each with \"- \"", describe(s.node))
		case s.node.Value == "":
			return s.Errorf("want a list, not %s", describe(s.node))
		}
		return s.Errorf("want a list, not %s: write [%s]", describe(s.node), s.node.Value)
	}
	out := reflect.MakeSlice(v.Type(), len(s.node.Content), len(s.node.Content))
	for i, n := range s.node.Content {
		if err := s.at(n).decode(out.Index(i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func (s *section) decodeMap(v reflect.Value) error {
	out := reflect.MakeMap(v.Type())
	err := s.eachPair(func(key string, _, value *section) error {
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := value.decode(elem); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key), elem)
		return nil
	})
	v.Set(out)
	return err
}

func (s *section) decodeStruct(v reflect.Value) error {
	fields := make(map[string]reflect.Value)
	var keys []string
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		fields[key] = v.Field(i)
		keys = append(keys, key)
	}
	return s.eachPair(func(key string, at, value *section) error {
		field, known := fields[key]
		if !known {
			return at.Errorf("unknown key %q: %s", key, suggest(key, keys))
		}
		return value.decode(field)
	})
}

// eachPair calls f for every key of a mapping and refuses duplicates.
func (s *section) eachPair(f func(key string, at, value *section) error) error {
	if s.node.Kind != yaml.MappingNode {
		return s.Errorf("want keys and values, not %s", describe(s.node))
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		key := s.node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			return s.at(key).Errorf("want a word as key, not %s", describe(key))
		}
		if first, dup := lines[key.Value]; dup {
			return s.at(key).Errorf("duplicate key %q: it is on line %d already", key.Value, first)
		}
		lines[key.Value] = key.Line
		if err := f(key.Value, s.at(key), s.at(s.node.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return describe(n.Alias)
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!str":
		return "text"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return n.Tag
}

// suggest names the valid key that is nearest to key, or all of them.
func suggest(key string, valid []string) string {
	best, distance := "", 1+len(key)/2
	for _, v := range valid {
		if d := levenshtein.Distance(key, v, nil); d < distance {
			best, distance = v, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	valid = slices.Clone(valid)
	slices.Sort(valid)
	return "valid keys are " + strings.Join(valid, ", ")
}
