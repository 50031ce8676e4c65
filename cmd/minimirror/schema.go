package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/jsonschema"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/rules"
)

const schemaHelp = `usage: minimirror schema mirror|rules

Prints the JSON Schema (draft 2020-12) of a definition (mirror.yaml) or of a file
of rules. Editors use it to complete and check the file while you write it. Editors
with the YAML language server read its name from a comment in the first lines of the
file:

  # yaml-language-server: $schema=mirror.schema.json

"minimirror init" writes the schema and this line. "minimirror lock" and
"minimirror rules check" find mistakes that a schema cannot.

Examples:
  minimirror schema mirror >site/mirror.schema.json
  minimirror schema rules >rules.schema.json
`

// schemas make the JSON Schema of each file that people write.
var schemas = map[string]func() []byte{
	"mirror": func() []byte { return builder.SchemaDocument(kinds.All()) },
	"rules": func() []byte {
		var words []rules.Kind
		for _, kind := range kinds.All() {
			words = append(words, kind)
		}
		return jsonschema.Document("A file of rules of miniMirror", rules.Schema(words))
	},
}

func schemaVerb(_ context.Context, c *command, args []string) error {
	if err := c.parse(args, schemaHelp, 1); err != nil {
		return err
	}
	make, known := schemas[c.flags.Arg(0)]
	if !known {
		names := slices.Sorted(maps.Keys(schemas))
		return c.wrongUsage("unknown schema %q%s: %s", c.flags.Arg(0), suggest(c.flags.Arg(0), names), strings.Join(names, " or "))
	}
	_, err := c.stdout.Write(make())
	return err
}
