package images

import "github.com/minimirror/minimirror/internal/jsonschema"

// Schema implements artifact.Schemer.
func (Kind) Schema() (section, set map[string]any) {
	about := func(text string) jsonschema.Schema { return jsonschema.Schema{"description": text} }
	request := jsonschema.Any(
		jsonschema.Text().About("REPOSITORY:TAGS or REPOSITORY@DIGEST; repositories and tags may be patterns, and tags a range of versions such as >=1.4 <2"),
		jsonschema.Struct[requestSpec](jsonschema.Fields{
			"image":  about("REPOSITORY:TAGS"),
			"newest": about("carry only so many of the tags that match, those with the highest versions").With(jsonschema.Schema{"minimum": 1}),
		}, "image"),
	)
	requests := jsonschema.List(request)
	verify := jsonschema.Struct[verifySpec](jsonschema.Fields{
		"cosign": jsonschema.List(jsonschema.Text()).About("files with public keys (PEM), relative to the definition's folder; a signature by one of them is enough"),
	}, "cosign")
	source := jsonschema.Struct[sourceSpec](jsonschema.Fields{
		"name": about("the registry as clients name it: HOST or HOST:PORT; docker.io for names without a registry"),
		"from": about("where its images come from: https://HOST, oci:FOLDER, oci-archive:FILE or docker-archive:FILE (default: https:// and name)"),
		"take": requests.About("which images are carried"),
		"platforms": jsonschema.Any(jsonschema.Word("all"), jsonschema.List(jsonschema.Text())).
			About("OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64; or all (default: linux/amd64)"),
		"referrers": jsonschema.Any(jsonschema.Word("all", "none"), jsonschema.List(jsonschema.Word(signatures, sboms, attestations)).With(jsonschema.Schema{"minItems": 0})).
			About("which artifacts that are attached to images are carried (default: all)"),
		"verify": verify.About("each image must be signed with one of these keys"),
	}, "name", "take")
	return jsonschema.List(source), requests
}
