package pypi

import "github.com/minimirror/minimirror/internal/jsonschema"

// Schema implements artifact.Schemer.
func (Kind) Schema() (section, set map[string]any) {
	about := func(text string) jsonschema.Schema { return jsonschema.Schema{"description": text} }
	texts := jsonschema.Any(jsonschema.Text(), jsonschema.List(jsonschema.Text()))
	requirements := jsonschema.Any(jsonschema.Text(), jsonschema.List(jsonschema.Text()))
	target := jsonschema.Struct[targetSpec](jsonschema.Fields{
		"python":   about("version of Python, in quotes: \"3.11\""),
		"platform": texts.About("tags of platforms, the preferred one first, such as manylinux_2_28_x86_64"),
	}, "python", "platform")
	from := jsonschema.Struct[otherSpec](jsonschema.Fields{
		"index": about("address of the index"),
		"names": texts.About("projects that come from this index alone; * and ? match any characters"),
	}, "index", "names")
	install := jsonschema.Struct[installSpec](jsonschema.Fields{
		"to": about("folder of the virtual environment on nodes (default: /opt/NAME)"),
	}, "to")
	source := jsonschema.Struct[sourceSpec](jsonschema.Fields{
		"name":         about("of the index; its address on the mirror is /NAME/simple/"),
		"index":        about("address of upstream's index (default: " + defaultIndex + ")"),
		"from":         jsonschema.List(from).With(jsonschema.Schema{"minItems": 0}).About("other indexes, and which projects come from them"),
		"targets":      jsonschema.List(target).About("for which Python and platform the packages are"),
		"requirements": requirements.About("which packages are carried, with all that they require: PEP 508"),
		"files":        texts.About("files of requirements or lock files, relative to the definition's folder"),
		"constraints":  texts.About("files of constraints: versions of what is carried because something requires it"),
		"sdist":        texts.About("projects of which source distributions are carried, too"),
		"pre":          about("pre-releases count like other versions"),
		"versions":     jsonschema.Word("one", "all").About("all: every version of the named projects is carried"),
		"install":      install.About("where the packages of a set are installed on nodes"),
	}, "name", "targets")
	return jsonschema.List(source), requirements
}
