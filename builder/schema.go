package builder

import (
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/jsonschema"
)

// definitionKeys are the keys of a definition besides those of the kinds.
var definitionKeys = []string{"name", "sets", signingKeyName, splitName}

// SchemaDocument is the JSON Schema of a definition as a file.
func SchemaDocument(kinds []artifact.Kind) []byte {
	return jsonschema.Document("A definition of miniMirror (mirror.yaml)", Schema(kinds))
}

// Schema is the JSON Schema of a definition with these kinds. The section of a kind without a schema may contain anything.
func Schema(kinds []artifact.Kind) jsonschema.Schema {
	parts, setParts := make(map[string]jsonschema.Schema), make(map[string]jsonschema.Schema)
	var oneOf []jsonschema.Schema
	for _, kind := range kinds {
		parts[kind.Name()], setParts[kind.Name()] = jsonschema.Schema{}, jsonschema.Schema{}
		if schemer, able := artifact.Able[artifact.Schemer](kind); able {
			parts[kind.Name()], setParts[kind.Name()] = schemer.Schema()
		}
		oneOf = append(oneOf, jsonschema.Schema{"required": []string{kind.Name()}})
	}
	own := map[string]jsonschema.Schema{
		"name": jsonschema.Text().About("of the definition and of its image").With(jsonschema.Schema{"pattern": "^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*$", "maxLength": 100}),
		"sets": jsonschema.Map(jsonschema.Keys(setParts)).About("what can be installed together on a bare node without a network, by name"),
		signingKeyName: jsonschema.OneOrList(jsonschema.Scalar()).
			About("fingerprint of the key that signs the image, or a list of them; build refuses any other"),
		splitName: jsonschema.Schema{"type": "boolean"}.
			About("the image for each platform carries only the items for its architecture, and those for all; otherwise all images carry everything"),
	}
	for _, key := range definitionKeys {
		parts[key] = own[key]
	}
	return jsonschema.Keys(parts, "name").With(jsonschema.Schema{"anyOf": oneOf})
}
