package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/jsonschema/jsonschematest"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/rules"
)

// docs/schema has what minimirror schema prints.
func TestSchemaFiles(t *testing.T) {
	for name := range schemas {
		var out, errors bytes.Buffer
		if code := run(context.Background(), []string{"schema", name}, &out, &errors); code != 0 {
			t.Fatal(errors.String())
		}
		file := filepath.Join("../../docs/schema", name+".schema.json")
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, out.Bytes()) {
			t.Errorf("%s is not what the program prints; type: go test ./cmd/minimirror -update (%v)", file, err)
		}
	}
}

// formErrors are errors about the form of a file, which its schema must find, too.
var formErrors = []string{"unknown key ", "want text, not ", "want a list, not ", "want keys and values, not ", "want true or false, not ", "want a whole number, not ", "name is missing", "needs a name"}

// TestSchemasAgree compares the schemas with the parser: each file that the parser reads is valid, and none is whose form it refuses.
// The files are all definitions and rules of the documents, the scripts and images; and those of documents and images with one mistake at
// each place.
func TestSchemasAgree(t *testing.T) {
	validate := make(map[string]func([]byte) error)
	for name, schema := range schemas {
		validate[name] = jsonschematest.Compile(t, schema())
	}
	parse := map[string]func(t *testing.T, text []byte) error{"mirror": parseDefinition, "rules": parseRules}
	read, refused := map[string]int{}, map[string]int{}
	check := func(d document) error {
		err, invalid := parse[d.schema](t, d.text), validate[d.schema](d.text)
		switch {
		case err == nil:
			if read[d.schema]++; invalid != nil {
				t.Errorf("%s: the parser reads it, and the schema refuses it: %v\n%s", d.where, invalid, d.text)
			}
		case hasAny(err.Error(), formErrors) && !hasAny(err.Error(), otherParts):
			if refused[d.schema]++; invalid == nil {
				t.Errorf("%s: the schema accepts what the parser refuses: %v\n%s", d.where, err, d.text)
			}
		}
		return err
	}
	for _, d := range documents(t) {
		if strings.HasSuffix(d.where, "systems.txtar: wrong/single.yaml") {
			continue // sets are divided, though there is one section
		}
		if check(d) == nil && !strings.Contains(d.where, "/faults/") {
			for _, wrong := range mistakes(t, d.text) {
				check(document{d.where + ", changed", d.schema, wrong})
			}
		}
	}
	t.Logf("read %v, refused %v", read, refused)
	if read["mirror"] < 90 || refused["mirror"] < 400 || read["rules"] < 15 || refused["rules"] < 100 {
		t.Errorf("of the files, %v were read and %v refused: documents finds fewer than there are", read, refused)
	}
}

// otherParts are errors about a part whose form depends on another one: sets are divided by the names of sections.
var otherParts = []string{"the sections are ", "one for each: {"}

// mistakes are a document with an unknown key in each of its mappings, and with another type for each of its values.
func mistakes(t *testing.T, text []byte) (all [][]byte) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	try := func() {
		wrong, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, wrong)
	}
	word := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "unheard-of"}
	others := []yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!int", Value: "7"}, {Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode}}}, {Kind: yaml.MappingNode, Content: []*yaml.Node{&word, &word}}}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			was := n.Content
			n.Content = append(slices.Clone(was), &word, &word)
			try()
			n.Content = was
		}
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				continue
			}
			visit(child)
			for o := range others {
				n.Content[i] = &others[o]
				try()
			}
			n.Content[i] = child
		}
	}
	visit(doc.Content[0])
	return all
}

func hasAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// A document is a definition or a file of rules.
type document struct {
	where, schema string
	text          []byte
}

var (
	fenced    = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	variable  = regexp.MustCompile(`\$[A-Z_0-9]+|\$\{[A-Z_0-9]+\}`)
	isMirror  = regexp.MustCompile(`(?m)^"?(name|debian|files|sets)"?:`)
	isRules   = regexp.MustCompile(`(?m)^"?(rules|default)"?:`)
	isMissing = regexp.MustCompile(`(?:open|lstat|stat) ([^\n]*?): no such file`)
)

func documents(t *testing.T) (all []document) {
	t.Helper()
	add := func(where string, text []byte) {
		d := document{where: where, schema: "mirror", text: variable.ReplaceAll(text, []byte("http://mirror.example.org"))}
		switch {
		case isRules.Match(text):
			d.schema = "rules"
		case !isMirror.Match(text):
			return
		}
		all = append(all, d)
	}
	for _, pattern := range []string{"images/*/mirror.yaml", "README.md", "docs/*.md", "test/e2e/faults/*.txtar"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Ext(file) {
			case ".yaml":
				add(file, data)
			case ".md":
				for _, block := range fenced.FindAllSubmatch(data, -1) {
					add(file, block[1])
				}
			case ".txtar":
				for _, f := range txtar.Parse(data).Files {
					if filepath.Ext(f.Name) == ".yaml" {
						add(file+": "+f.Name, f.Data)
					}
				}
			}
		}
	}
	return all
}

func parseRules(_ *testing.T, text []byte) error {
	var words []rules.Kind
	for _, kind := range kinds.All() {
		words = append(words, kind)
	}
	_, err := rules.Parse("rules.yaml", text, words)
	return err
}

// parseDefinition reads a definition in a folder of its own. Keyrings and other files that it names are made.
func parseDefinition(t *testing.T, text []byte) (err error) {
	dir := filepath.Join(t.TempDir(), "site", "definition")
	for range 50 {
		if err = os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err = os.WriteFile(filepath.Join(dir, builder.DefinitionFile), text, 0o644); err != nil {
			t.Fatal(err)
		}
		var d *builder.Definition
		if d, err = builder.ReadDefinition(dir, kinds.All()); err == nil {
			err = d.Check(kinds.All())
		}
		if err == nil {
			return nil
		}
		missing := isMissing.FindStringSubmatch(err.Error())
		if missing == nil || !strings.HasPrefix(missing[1], filepath.Dir(dir)) {
			return err
		}
		data := debiantest.NewKey("archive").Armored()
		if strings.HasSuffix(missing[1], ".status") {
			data = []byte("Package: dpkg\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
		}
		if err := os.MkdirAll(filepath.Dir(missing[1]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(missing[1], data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return err
}

// What schema prints is chosen by one word.
func TestSchemaMistakes(t *testing.T) {
	for _, args := range [][]string{{"schema"}, {"schema", "mirrors"}, {"schema", "rules", "x"}} {
		var out, errors bytes.Buffer
		if code := run(context.Background(), args, &out, &errors); code != 2 || out.Len() > 0 || !strings.Contains(errors.String(), "\nhint: run: minimirror schema --help") {
			t.Errorf("%q: exit code %d\n%s", args, code, errors.String())
		}
	}

}
