package imagelist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// text reads YAML or JSON, or a list.
func (f *finder) text(name string, data []byte) error {
	documents, err := parseDocuments(data)
	if err == nil && anyHasFields(documents) {
		for _, d := range documents {
			f.document(name, d)
		}
		return nil
	}
	if bytes.Contains(data, []byte("{{")) {
		f.templates(name, data)
		return nil
	}
	if failed := f.lines(name, data); failed != nil {
		if err != nil && bytes.Contains(data, []byte(": ")) {
			return fmt.Errorf("%s: not valid YAML: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return failed
	}
	return nil
}

// parseDocuments reads the documents of a stream.
func parseDocuments(data []byte) (all []*yaml.Node, err error) {
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var node yaml.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(node.Content) > 0 {
			all = append(all, node.Content[0])
		}
	}
}

// anyHasFields distinguishes documents from a list of names, which parses as a document with one long text, or as a list of texts.
func anyHasFields(documents []*yaml.Node) bool {
	for _, d := range documents {
		if d.Kind == yaml.MappingNode {
			return true
		}
		if d.Kind == yaml.SequenceNode {
			for _, n := range d.Content {
				if n.Kind == yaml.MappingNode {
					return true
				}
			}
		}
	}
	return false
}

// document reads a document of YAML.
func (f *finder) document(name string, d *yaml.Node) {
	if get(d, "kind").text() == "Kustomization" && strings.Contains(get(d, "apiVersion").text(), "kustomize.config.k8s.io") {
		f.note("%s is a Kustomization: it names images that others are replaced by; run: kubectl kustomize FOLDER | minimirror images from -", name)
	}
	w := &walk{finder: f, file: name}
	switch {
	case get(d, "kind").text() == "CustomResourceDefinition":
		w.described = true
	case get(d, "services").found() && !get(d, "apiVersion").found():
		f.compose(name, d)
	}
	w.node(d, "")
}

// compose notes the services that have no image: they are built.
func (f *finder) compose(name string, d *yaml.Node) {
	services := get(d, "services")
	services.each(func(key string, s field) {
		if s.is(yaml.MappingNode) && !get(s.Node, "image").found() && get(s.Node, "build").found() {
			f.note("%s:%d: the service %s has no image: it is built", name, s.Line, key)
		}
	})
}

// A field is the value of a key; without a node, there is none.
type field struct{ *yaml.Node }

// get is a field of a mapping.
func get(n *yaml.Node, key string) field {
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return field{n.Content[i+1]}
			}
		}
	}
	return field{}
}

func (f field) found() bool            { return f.Node != nil }
func (f field) is(kind yaml.Kind) bool { return f.Node != nil && f.Kind == kind }

// text is that of a scalar; empty: it is none, or null.
func (f field) text() string {
	if !f.is(yaml.ScalarNode) || f.Tag == "!!null" {
		return ""
	}
	return f.Value
}

// each calls do with each pair of a mapping.
func (f field) each(do func(key string, value field)) {
	if !f.is(yaml.MappingNode) {
		return
	}
	for i := 0; i+1 < len(f.Content); i += 2 {
		do(f.Content[i].Value, field{f.Content[i+1]})
	}
}
