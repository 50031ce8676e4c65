package debian

import (
	"github.com/minimirror/minimirror/internal/jsonschema"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Schema implements artifact.Schemer.
func (Kind) Schema() (section, set map[string]any) {
	requests := requestsSchema()
	one := sectionSchema(requests, false)
	many := jsonschema.List(sectionSchema(requests, true)).About("a section for each release that the nodes run")
	return jsonschema.Any(one, many), jsonschema.Any(requests, jsonschema.Map(requests).About("for each section of the list, by its name"))
}

// requestsSchema is a list of requests.
func requestsSchema() jsonschema.Schema {
	request := jsonschema.Text().About("NAME[:ARCHITECTURE][/SUITE][=VERSION or (OPERATOR VERSION)], with * and ? in names and versions; NAME^ or ?task(NAME); ?essential, ?protected, ?priority(NAME), ?section(NAME)")
	nodes := jsonschema.Keys(map[string]jsonschema.Schema{
		resolver.InstalledOn: jsonschema.OneOrList(jsonschema.Text()).About("copies of nodes' /var/lib/dpkg/status: all that these nodes have, in the newest version; a pattern such as nodes/*.status"),
	}, resolver.InstalledOn)
	return jsonschema.List(jsonschema.Any(request, nodes))
}

func sectionSchema(requests jsonschema.Schema, listed bool) jsonschema.Schema {
	sources := jsonschema.Any(
		jsonschema.Word(hostWord).About("this machine's own apt sources and keyrings"),
		jsonschema.List(jsonschema.Any(jsonschema.Word(hostWord), archive.SourceSchema())),
	)
	required := []string{"sources"}
	if listed {
		required = append(required, "name")
	}
	return jsonschema.Struct[sectionSpec](jsonschema.Fields{
		"name":       jsonschema.Text().About("of a section in a list, after the release of its nodes: bookworm; it is part of the addresses of its sources"),
		"sources":    sources.About("where packages come from"),
		"packages":   jsonschema.Any(jsonschema.Word("all"), requests).About("what is carried, with all that it needs; all: every source whole"),
		"exclude":    jsonschema.List(jsonschema.Text()).About("never carried, whatever needs them; written like packages"),
		"recommends": {"description": "carry what packages recommend, too", "default": false},
		"suggests":   {"description": "carry what packages suggest, too", "default": false},
		"base": jsonschema.Any(jsonschema.Text(), jsonschema.Schema{"type": "array", "items": jsonschema.Text()}).
			About("what the nodes have already: none, essential, or copies of nodes' /var/lib/dpkg/status, one for each architecture").With(jsonschema.Schema{"default": "none"}),
		"upstream": jsonschema.Word(string(archive.UpstreamCarry), string(archive.UpstreamServe), string(archive.UpstreamOmit)).
			About("what upstream signed: carry it in the image, serve it too, or omit it").With(jsonschema.Schema{"default": string(archive.UpstreamCarry)}),
		"phased": archive.PhasedSchema(),
	}, required...)
}
