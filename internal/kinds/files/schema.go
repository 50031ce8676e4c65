package files

import "github.com/minimirror/minimirror/internal/jsonschema"

// Schema implements artifact.Schemer.
func (Kind) Schema() (section, set map[string]any) {
	patterns := jsonschema.List(jsonschema.Text())
	about := func(text string) jsonschema.Schema { return jsonschema.Schema{"description": text} }
	checksums := jsonschema.Struct[checksumsSpec](jsonschema.Fields{
		"file":      about("the list of checksums, below from"),
		"signature": about("its detached signature, below from"),
		"signed-by": about("the file with the key of OpenPGP or minisign that signs it, relative to the definition's folder; or the key itself"),
		"sha256":    about("digest of the list itself"),
		"sha512":    about("digest of the list itself"),
	}, "file")
	install := jsonschema.Struct[installSpec](jsonschema.Fields{
		"to":   about("an absolute folder on nodes (default: /opt/SOURCE)"),
		"mode": about("the files' mode in octal digits, in quotes (default: \"0644\")").With(jsonschema.Schema{"pattern": "^[0-7]+$"}),
	})
	source := jsonschema.Struct[sourceSpec](jsonschema.Fields{
		"name":         about("of the source; its files have addresses that begin with /files/NAME/"),
		"from":         about("a folder on a web server, with a list of checksums"),
		"checksums":    checksums.About("what vouches for the files below from"),
		"url":          about("one file"),
		"sha256":       about("its digest"),
		"sha512":       about("its digest"),
		"helm":         about("a repository of Helm charts"),
		"charts":       patterns.About("charts to carry: NAME, or NAME@VERSIONS such as ingress-nginx@4.*"),
		"path":         about("a file or folder of this site, relative to the definition's folder"),
		"take":         patterns.About("which files are carried; * and ? match anything but a slash, ** folders, too"),
		"version":      about("of all files of the source"),
		"architecture": about("of all files of the source"),
		"platform":     about("of all files of the source"),
		"install":      install.About("where the files go on nodes"),
	}, "name")
	return jsonschema.List(source), patterns
}
