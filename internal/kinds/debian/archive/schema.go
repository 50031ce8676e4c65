package archive

import "github.com/minimirror/minimirror/internal/jsonschema"

// PhasedSchema describes "phased" to editors.
func PhasedSchema() jsonschema.Schema {
	return jsonschema.Word(string(phasedWait), string(PhasedTake)).About("updates that upstream is still phasing in (Phased-Update-Percentage): wait, or take them at once").With(jsonschema.Schema{"default": string(phasedWait)})
}

// SourceSchema describes an entry of "sources" to editors.
func SourceSchema() jsonschema.Schema {
	about := func(text string) jsonschema.Schema { return jsonschema.Schema{"description": text} }
	on := func(text string) jsonschema.Schema { return about(text).With(jsonschema.Schema{"default": true}) }
	off := func(text string) jsonschema.Schema { return about(text).With(jsonschema.Schema{"default": false}) }
	return jsonschema.Struct[sourceSpec](jsonschema.Fields{
		"name":              about("of the source; also the prefix of its addresses on the mirror"),
		"urls":              about("addresses of the repository, tried in order"),
		"suites":            about("the suites, such as bookworm; one that ends in / is a flat repository"),
		"components":        about("the components, such as main; a flat repository has none"),
		"architectures":     about("for which packages are carried (default: this machine's)"),
		"signed-by":         jsonschema.Text().About("the file with the key that signs the repository, armored or binary, relative to the definition's folder; or the key itself"),
		"check-date":        on("false if upstream's Release has no date: lock then uses the date of its signature"),
		"check-valid-until": on("false for archives that are meant to be old"),
		"release-names":     about("where upstream's Release calls its suite otherwise than here"),
		"pin":               about("apt's priority for all its suites, instead of what they say themselves; below 0: never").With(jsonschema.Schema{"minimum": minPriority, "maximum": maxPriority}),
		"phased":            PhasedSchema(),
		"sources":           off("carry the source packages of what is carried"),
		"debs":              jsonschema.OneOrList(jsonschema.Text()).About("packages of your own instead of a repository: files such as ../debs/*.deb, or URL#sha256=DIGEST"),
		"translations":      about("languages in which descriptions are carried, such as en"),
		"contents":          off("publish the files of what is carried, for apt-file"),
		"commands":          off("publish its commands, for command-not-found"),
		"udebs":             off("carry the packages of Debian's installer, all of them"),
		"installer":         about("folders of the installer's images to carry, such as netboot"),
		"appstream":         off("publish its AppStream metadata (dep11)"),
		"versions":          jsonschema.Word("each-suite", "highest").About("what each suite has, or only the highest versions").With(jsonschema.Schema{"default": "highest"}),
	}, "name")
}
