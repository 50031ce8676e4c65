package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const (
	guide      = "../../docs/chart.md"
	tableBegin = "<!-- values: made by go test -update in test/chart -->\n"
	tableEnd   = "<!-- end of values -->\n"
)

// A property is one value of the chart, as the schema describes it.
type property struct {
	path        []string
	description string
	allowed     string     // for people
	value       *yaml.Node // the default; nil for a group of properties
}

// properties are those of the schema, in its order.
func properties(t *testing.T) []property {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chartFolder, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node // JSON is YAML; nodes keep the order
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return within(t, doc.Content[0], nil)
}

func within(t *testing.T, schema *yaml.Node, path []string) (all []property) {
	list := field(schema, "properties")
	for i := 0; list != nil && i < len(list.Content); i += 2 {
		name, s := list.Content[i].Value, list.Content[i+1]
		if name == "global" {
			continue
		}
		p := property{path: append(path[:len(path):len(path)], name), allowed: allowed(s), value: field(s, "default")}
		if d := field(s, "description"); d != nil {
			p.description = d.Value
		}
		inner := within(t, s, p.path)
		switch {
		case p.description == "":
			t.Errorf("%s has no description", strings.Join(p.path, "."))
		case p.value == nil && field(s, "properties") == nil:
			t.Errorf("%s has no default", strings.Join(p.path, "."))
		}
		all = append(all, p)
		if p.value == nil {
			all = append(all, inner...)
		}
	}
	return all
}

func field(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// allowed tells the type, or the words that a value may be.
func allowed(s *yaml.Node) string {
	if list := field(s, "enum"); list != nil {
		var words []string
		for _, w := range list.Content {
			if w.Value == "" {
				w.Value = `""`
			}
			words = append(words, w.Value)
		}
		return strings.Join(words, ", ")
	}
	if ref := field(s, "$ref"); ref != nil {
		kind := strings.TrimPrefix(ref.Value, "#/definitions/")
		if words, found := map[string]string{"peers": "list", "count": "number or percentage"}[kind]; found {
			return words
		} else if kind == "labels" || kind == "annotations" || kind == "quantities" || kind == "duration" || kind == "address" {
			return kind
		}
		return "name"
	}
	kind := field(s, "type")
	if kind == nil {
		return ""
	}
	if kind.Kind == yaml.SequenceNode {
		var kinds []string
		for _, k := range kind.Content {
			kinds = append(kinds, k.Value)
		}
		return strings.Join(kinds, ", ")
	}
	return map[string]string{"array": "list"}[kind.Value] + strings.TrimPrefix(kind.Value, "array")
}

// flow is a value on one line.
func flow(t *testing.T, n *yaml.Node) string {
	t.Helper()
	plain := *n
	plain.Style = yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		plain.Style = n.Style
		if strings.Contains(n.Value, "\n") {
			return fmt.Sprintf("%q", n.Value)
		}
	}
	clear(&plain)
	out, err := yaml.Marshal(&plain)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// clear drops the quotes of JSON where YAML needs none.
func clear(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		n.Style = 0
	}
	for _, c := range n.Content {
		clear(c)
	}
}

// valuesFile is values.yaml.
func valuesFile(t *testing.T, all []property) string {
	var b strings.Builder
	b.WriteString("# Made from values.schema.json; docs/chart.md explains the whole.\n")
	for _, p := range all {
		indent := strings.Repeat("  ", len(p.path)-1)
		if len(p.path) == 1 {
			b.WriteString("\n")
		}
		for _, line := range wrap(p.description, 110) {
			fmt.Fprintf(&b, "%s# %s\n", indent, line)
		}
		name := p.path[len(p.path)-1]
		if p.value == nil {
			fmt.Fprintf(&b, "%s%s:\n", indent, name)
		} else {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, name, flow(t, p.value))
		}
	}
	return b.String()
}

func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// table is the table of docs/chart.md.
func table(t *testing.T, all []property) string {
	var b strings.Builder
	b.WriteString("| value | may be | default | |\n|---|---|---|---|\n")
	for _, p := range all {
		value, name := "", "`"+strings.Join(p.path, ".")+"`"
		if p.value != nil {
			value = "`" + flow(t, p.value) + "`"
		} else {
			name = "**" + name + "**"
			p.allowed = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, p.allowed, value, strings.ReplaceAll(p.description, "|", `\|`))
	}
	return b.String()
}

// TestDocumented holds values.yaml and the guide to the schema: each value has a description and a default, and
// they are the same in all three.
func TestDocumented(t *testing.T) {
	all := properties(t)
	data, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the table:\n%s%s", guide, tableBegin, tableEnd)
	}
	for file, want := range map[string]string{
		guide: before + tableBegin + "\n" + table(t, all) + "\n" + tableEnd + after,
		filepath.Join(chartFolder, "values.yaml"): valuesFile(t, all),
	} {
		if got, err := os.ReadFile(file); err == nil && string(got) == want {
			continue
		}
		if !*update {
			t.Errorf("%s is not as the schema says; write it anew with: go test -run Documented -update", file)
		} else if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Error(err)
		}
	}
}
