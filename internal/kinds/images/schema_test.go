package images_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/jsonschema/jsonschematest"
)

// TestSchema compares what editors accept with what Parse accepts.
func TestSchema(t *testing.T) {
	validate := jsonschematest.Compile(t, builder.SchemaDocument([]artifact.Kind{locking{}}))
	for text, valid := range map[string]bool{
		`[ { name: docker.io, take: [ "nginx:1.27", "acme/*:>=1.4 <2", { image: "x:*", newest: 3 } ], platforms: all, referrers: none } ]`: true,
		`[ { name: "r.example.org:5000", from: "oci:x", take: [ "a:1" ], platforms: [ linux/amd64 ], referrers: [ sbom, signatures ] } ]`:  true,
		`[ { name: r.example.org, take: [ "a:1" ], referrers: [] } ]`:                                                                      true,
		`[ { name: r.example.org, take: [] } ]`:                                 false,
		`[ { name: r.example.org } ]`:                                           false,
		`[ { take: [ "a:1" ] } ]`:                                               false,
		`[ { name: r.example.org, take: "a:1" } ]`:                              false,
		`[ { name: r.example.org, take: [ { image: "a:*", newest: 0 } ] } ]`:    false,
		`[ { name: r.example.org, take: [ { newest: 2 } ] } ]`:                  false,
		`[ { name: r.example.org, take: [ "a:1" ], platforms: none } ]`:         false,
		`[ { name: r.example.org, take: [ "a:1" ], referrers: [ licences ] } ]`: false,
		`[ { name: r.example.org, take: [ "a:1" ], verify: { cosign: [] } } ]`:  false,
		`[ { name: r.example.org, take: [ "a:1" ], registry: x } ]`:             false,
		`[ "nginx:1" ]`: false,
		`[]`:            false,
	} {
		document := "name: x\nimages: " + text + "\n"
		if err := validate([]byte(document)); (err == nil) != valid {
			t.Errorf("the schema: %s: %v", text, err)
		}
		s := newSite(t)
		if err := s.parse(document); (err == nil) != valid {
			t.Errorf("the parser: %s: %v", text, err)
		}
	}
}

// TestMistakes has definitions that look right. The error names the line and the cure.
func TestMistakes(t *testing.T) {
	for text, want := range map[string][]string{
		`[ { name: r.example.org, take: [ "r.example.org/a:1" ] } ]`:                    {"take names the registry, too", `write "a:1"`},
		`[ { name: docker.io, take: [ "index.docker.io/library/a:1" ] } ]`:              {"take names the registry, too", `write "library/a:1"`},
		`[ { name: r.example.org, take: [ "a:1" ], platforms: [ linux/../amd64 ] } ]`:   {`"linux/../amd64" is not a platform`, "OS/ARCHITECTURE"},
		`[ { name: r.example.org, take: [ "a" ] } ]`:                                    {"has no tag", "a:latest"},
		`[ { name: r.example.org, take: [ a: 1 ] } ]`:                                   {`unknown key "a"`, "needs quotes"},
		`[ { name: https://r.example.org, take: [ "a:1" ] } ]`:                          {"is not a registry", "without https://"},
		`[ { name: v2, take: [ "a:1" ] } ]`:                                             {"no domain and no port", "v2.DOMAIN"},
		`[ { name: r.example.org, take: [ "a:1" ], verify: { cosign: [ none.pub ] } }]`: {"no such file", "public key (PEM)"},
	} {
		err := newSite(t).parse("name: x\nimages: " + text + "\n")
		for _, part := range append(want, "mirror.yaml:2: ", "\nhint: ") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q", text, err, part)
			}
		}
	}
}

// parse reads a definition.
func (s *site) parse(document string) error {
	s.write(builder.DefinitionFile, document)
	kinds := []artifact.Kind{locking{}}
	d, err := builder.ReadDefinition(s.dir, kinds)
	if err == nil {
		err = d.Check(kinds)
	}
	return err
}
