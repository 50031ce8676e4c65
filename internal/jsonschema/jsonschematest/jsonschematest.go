// Package jsonschematest checks YAML against the schemas of package jsonschema with a validator that others have written. Only tests import it.
package jsonschematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Compile reads a schema, which must be one of draft 2020-12, and returns what checks a document in YAML.
func Compile(t testing.TB, data []byte) (validate func(document []byte) error) {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if dialect := doc.(map[string]any)["$schema"]; dialect != "https://json-schema.org/draft/2020-12/schema" {
		t.Fatalf("$schema is %v", dialect)
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatalf("%#v", err)
	}
	return func(document []byte) error {
		var node yaml.Node
		if err := yaml.Unmarshal(document, &node); err != nil {
			return err
		}
		value, err := toJSON(&node)
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
}

// toJSON is what an editor takes the document for: as YAML 1.2's core schema has it, in which dates are text.
func toJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return toJSON(n.Content[0])
	case yaml.AliasNode:
		return toJSON(n.Alias)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = toJSON(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := toJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[n.Content[i].Value] = value
		}
		return object, nil
	}
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		return b, n.Decode(&b)
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil
		}
		var f float64
		return f, n.Decode(&f)
	case "!!str", "!!timestamp":
		return n.Value, nil
	}
	return nil, fmt.Errorf("line %d: %s", n.Line, n.Tag)
}
