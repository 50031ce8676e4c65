package imagelist

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// imagesAnnotation lists the images of a chart, by a convention of Artifact Hub. Operators list there what they start later.
const imagesAnnotation = "artifacthub.io/images"

func (f *finder) annotations(name string, c *chart) {
	text := get(c.annotations, imagesAnnotation).text()
	list, err := parseOne([]byte(text))
	if err != nil || list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	for i, n := range list.Content {
		if image := get(n, "image").text(); image != "" {
			f.add(image, Place{File: name + ": " + chartFile, Field: fmt.Sprintf("annotations.%s[%d]", imagesAnnotation, i)})
		}
	}
}

// static reads a chart without rendering it: values that name images, and templates that name them without values.
func (f *finder) static(name string, c *chart) error {
	values := c.values
	for _, file := range f.options.Values {
		data, err := artifact.ReadInput(f.ctx, file)
		if err != nil {
			return err
		}
		more, err := parseOne(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		values = merged(values, more)
	}
	f.staticPart(name+": ", c, values)
	return nil
}

func (f *finder) staticPart(prefix string, c *chart, values *yaml.Node) {
	skip := make(map[string]bool)
	for _, p := range c.parts {
		skip[p.key] = true
	}
	if values != nil {
		w := &walk{finder: f, file: prefix + "values.yaml", version: c.appVersion, skip: skip}
		w.node(values, "")
	}
	for _, file := range slices.Sorted(maps.Keys(c.files)) {
		if strings.HasPrefix(file, "templates/") && path.Ext(file) != ".txt" {
			f.templates(prefix+file, c.files[file])
		}
	}
	for _, p := range c.parts {
		f.staticPart(prefix+p.folder+"/", p.chart, merged(p.values, get(values, p.key).Node))
	}
}

// merged is a document of values with others laid over it, as helm does. What comes from the others has no line.
func merged(below, above *yaml.Node) *yaml.Node {
	if above == nil || above.Kind == yaml.AliasNode {
		return below
	}
	above = withoutLines(above)
	if below == nil || below.Kind != yaml.MappingNode || above.Kind != yaml.MappingNode {
		return above
	}
	all := *below
	all.Content = slices.Clone(below.Content)
	field{above}.each(func(key string, value field) {
		for i := 0; i+1 < len(all.Content); i += 2 {
			if all.Content[i].Value == key {
				all.Content[i+1] = merged(all.Content[i+1], value.Node)
				return
			}
		}
		all.Content = append(all.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value.Node)
	})
	return &all
}

func withoutLines(n *yaml.Node) *yaml.Node {
	plain := *n
	plain.Line, plain.Content = 0, slices.Clone(n.Content)
	for i, inner := range plain.Content {
		plain.Content[i] = withoutLines(inner)
	}
	return &plain
}
