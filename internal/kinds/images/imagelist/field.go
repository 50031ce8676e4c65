package imagelist

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A walk looks at all fields of a document.
type walk struct {
	*finder
	file      string
	described bool            // the document describes fields, so much of its text is prose
	version   string          // of the application, for values of a chart that state no tag; empty: there is none
	skip      map[string]bool // fields at the top
}

// maxDepth is how deep documents are read.
const maxDepth = 100

// node looks at a value and the values in it. An alias was looked at where it is defined.
func (w *walk) node(n *yaml.Node, path string) {
	if strings.Count(path, ".")+strings.Count(path, "[") > maxDepth {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		w.mapping(n, path)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			w.node(item, fmt.Sprintf("%s[%d]", path, i))
		}
	case yaml.ScalarNode:
		w.scalar(n, path)
	}
}

func (w *walk) mapping(n *yaml.Node, path string) {
	w.parts(n, path)
	field{n}.each(func(key string, value field) {
		at := key
		if path != "" {
			at = path + "." + key
		}
		switch {
		case path == "" && w.skip[key], key == "status" && get(n, "apiVersion").found(): // which says what is so, not what is wanted
		case key == "image" && value.is(yaml.ScalarNode):
			w.image(value.Node, at)
		case key == "image" && value.is(yaml.MappingNode) && get(value.Node, "reference").text() != "":
			w.image(get(value.Node, "reference").Node, at+".reference") // a volume: Kubernetes, ImageVolumeSource
		case key == "image" && value.is(yaml.MappingNode) && len(value.Content) > 0 && value.Content[0].Kind == yaml.MappingNode:
			text := ""
			if inner := value.Content[0]; len(inner.Content) > 0 {
				text = inner.Content[0].Value
			}
			w.finder.skip("{{ "+text+" }}", isTemplate, w.place(value.Node, at)) // YAML takes it for a mapping in a mapping
		case key == "images" && w.names(value):
			for i, item := range value.Content {
				w.image(item, fmt.Sprintf("%s[%d]", at, i))
			}
		default:
			w.node(value.Node, at)
		}
	})
}

// image reads the value of a field for one image.
func (w *walk) image(n *yaml.Node, path string) {
	if text := withDefaults(n.Value); strings.TrimSpace(text) != "" && n.Tag != "!!null" && n.Kind == yaml.ScalarNode {
		w.add(text, w.place(n, path))
	}
}

func (w *walk) place(n *yaml.Node, path string) Place { return Place{w.file, n.Line, path} }

// names reports whether a field is a list of images, as that of "kubeadm config images list --output json".
func (w *walk) names(value field) bool {
	if !value.is(yaml.SequenceNode) || len(value.Content) == 0 {
		return false
	}
	for _, n := range value.Content {
		if n.Kind != yaml.ScalarNode {
			return false
		}
		if image, reason := parse(n.Value); reason != "" || image.Unstated {
			return false
		}
	}
	return true
}

// parts reads an image that a mapping states in parts, as values of charts and many operators do: repository and tag, and maybe registry
// and digest.
func (w *walk) parts(n *yaml.Node, path string) {
	repository, tag, digest := get(n, "repository").text(), get(n, "tag").text(), get(n, "digest").text()
	inImage := path == "image" || strings.HasSuffix(path, ".image") || strings.HasSuffix(path, "Image")
	if repository == "" || strings.Contains(repository, "://") || !inImage && !get(n, "tag").found() && digest == "" {
		return
	}
	if digest == "" {
		digest = get(n, "sha").text() // some charts
	}
	name := repository
	if registry := get(n, "registry").text(); registry != "" {
		name = registry + "/" + name
	}
	at := w.place(get(n, "repository").Node, path)
	if tag == "" && digest == "" {
		if w.version == "" {
			w.finder.skip(name, "it has no tag", at)
		} else {
			w.guess(name+":"+w.version, at)
		}
		return
	}
	if tag != "" {
		name += ":" + tag
	}
	if digest != "" {
		if !strings.Contains(digest, ":") {
			digest = "sha256:" + digest
		}
		name += "@" + digest
	}
	w.add(name, at)
}

// argument is a flag of a program that names an image: "--reloader-image=registry.example.org/x:1".
var argument = regexp.MustCompile(`^--?[A-Za-z0-9][A-Za-z0-9_.-]*=(\S+)$`)

// scalar reads a text that is certainly the name of an image, wherever it is: an argument, an environment variable, a field of a
// custom resource, a manifest within a ConfigMap.
func (w *walk) scalar(n *yaml.Node, path string) {
	if n.Tag != "!!str" {
		return
	}
	if strings.Contains(n.Value, "\n") {
		if w.described {
			return
		}
		for line := range strings.Lines(n.Value) {
			if text, is := parseLine(line); is {
				w.add(text, w.place(n, path))
			}
		}
		return
	}
	text := n.Value
	if match := argument.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	if image, is := parseFull(withDefaults(text)); is {
		w.put(image, w.place(n, path))
	}
}
