// Package jsonschema describes the files that people write, mirror.yaml and rules, as JSON Schemas (draft 2020-12), so that editors complete
// and check them. The keys and their types come from the very structs that internal/strictyaml decodes into: a schema cannot
// name a key that the parser refuses, or lack one that it accepts. It imports only internal/artifact.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Schema is a JSON Schema; encoding/json writes its keys in order.
type Schema map[string]any

// Draft is the dialect of all schemas.
const Draft = "https://json-schema.org/draft/2020-12/schema"

// Document is a whole file's schema, with its title, as a file of its own.
func Document(title string, s Schema) []byte {
	s = s.With(Schema{"$schema": Draft, "title": title})
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // it consists of maps, lists and texts
		panic(err)
	}
	return append(data, '\n')
}

// Text is any text. YAML's numbers, dates, true and false are none.
func Text() Schema { return Schema{"type": "string"} }

// Word is one of these words.
func Word(words ...string) Schema { return Schema{"enum": words} }

// List is a list of s that is not empty.
func List(s Schema) Schema { return Schema{"type": "array", "items": s, "minItems": 1} }

// OneOrList is s, or a list of s that is not empty.
func OneOrList(s Schema) Schema { return Any(s, List(s)) }

// Any is one of several forms.
func Any(forms ...Schema) Schema { return Schema{"anyOf": forms} }

// Map has any keys.
func Map(s Schema) Schema { return Schema{"type": "object", "additionalProperties": s} }

// Keys has these keys and no others. Of the required ones there must be each.
func Keys(keys map[string]Schema, required ...string) Schema {
	s := Schema{"type": "object", "properties": keys, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// With returns a schema that has the other's keywords, too.
func (s Schema) With(other Schema) Schema {
	all := maps.Clone(s)
	maps.Copy(all, other)
	return all
}

// About is the schema with an explanation, which editors show.
func (s Schema) About(text string) Schema { return s.With(Schema{"description": text}) }

// Fields are the fields of a struct with an explanation each, and, of an artifact.Section, a form; of others, the form may
// narrow what the type says.
type Fields map[string]Schema

var (
	sectionType = reflect.TypeFor[artifact.Section]()
	scalarType  = "Scalar"
)

// Struct is the schema of what strictyaml decodes into a T, a struct with yaml tags. It panics if fields are not exactly those of T:
// whoever adds a key explains it.
func Struct[T any](fields Fields, required ...string) Schema {
	keys := make(map[string]Schema)
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		about, known := fields[key]
		if !known {
			panic(fmt.Sprintf("jsonschema: %s: the key %q is not explained", t, key))
		}
		keys[key] = ofType(t.Field(i).Type, about).With(about)
	}
	for key := range fields {
		if _, known := keys[key]; !known {
			panic(fmt.Sprintf("jsonschema: %s has no key %q", t, key))
		}
	}
	return Keys(keys, required...)
}

// ofType is what strictyaml reads into the type. about gives the form of a section.
func ofType(t reflect.Type, about Schema) Schema {
	switch {
	case t == sectionType:
		forms := []string{"type", "enum", "anyOf", "properties"}
		if !slices.ContainsFunc(forms, func(keyword string) bool { return about[keyword] != nil }) {
			panic(fmt.Sprintf("jsonschema: a section without a form: %v", about))
		}
		return Schema{}
	case t.Kind() == reflect.Pointer:
		return ofType(t.Elem(), about)
	case t.Kind() == reflect.Slice:
		return Schema{"type": "array", "items": ofType(t.Elem(), about)}
	case t.Kind() == reflect.String && t.Name() == scalarType:
		return Scalar()
	case t.Kind() == reflect.String:
		return Text()
	case t.Kind() == reflect.Bool:
		return Schema{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return Schema{"type": "integer"}
	}
	panic("jsonschema: strictyaml does not decode into " + t.String())
}

// Scalar is a text, number, date, true or false.
func Scalar() Schema { return Schema{"type": []string{"string", "number", "boolean"}} }
