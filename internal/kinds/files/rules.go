package files

import (
	"fmt"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Properties implements artifact.Ruler: "source" is the name of the source, "path" that of the file below it, and
// "platform" what the definition says.
func (Kind) Properties() []string { return []string{"source", "path", "platform"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(i *artifact.Item) [][]string {
	return [][]string{{i.Source}, {filePath(i)}, i.Attributes.Values("platform")}
}

// ParseVersions implements artifact.Versioner. A condition is a range of semantic versions as helm has them, ">= 1.2, < 2" or "~1.2", in
// which pre-releases are versions like others; or one relation in dpkg's words, "<< 1.2". What is no semantic version has no order: of such
// versions, "= 2025a" holds for the same text, and nothing else holds.
func (Kind) ParseVersions(condition string) (func(version string) bool, error) {
	operator := condition[:len(condition)-len(strings.TrimLeft(condition, "<=>!~^"))]
	bound := strings.TrimSpace(condition[len(operator):])
	if bound == "" {
		return nil, artifact.Hint(fmt.Errorf("version %q: there is no version in it", condition), `write a relation or a range: "< 1.2", "~1.2", ">= 1.2, < 2"`)
	}
	if word := map[string]string{"<<": "<", ">>": ">"}[operator]; word != "" {
		operator = word
	}
	constraint, err := semver.NewConstraint(operator + bound)
	if err != nil {
		if strings.ContainsAny(bound, " \t,|*") {
			return nil, artifact.Hint(fmt.Errorf("version %q: %w", condition, err), `write a relation or a range: "< 1.2", "~1.2", ">= 1.2, < 2"`)
		}
		return func(version string) bool { return (operator == "=" || operator == "") && version == bound }, nil
	}
	constraint.IncludePrerelease = true
	return func(version string) bool {
		parsed, err := semver.NewVersion(version)
		if err != nil {
			return (operator == "=" || operator == "") && version == bound
		}
		return constraint.Check(parsed)
	}, nil
}

// Identify implements artifact.Identifier.
func (Kind) Identify(name, _ string) *artifact.Item {
	below, found := strings.CutPrefix(name, prefix)
	source, file, deeper := strings.Cut(below, "/")
	if !found || !deeper || !artifact.ValidName(source) || !artifact.ValidPath(file) || strings.HasSuffix(file, "/") {
		return nil
	}
	return &artifact.Item{Kind: Kind{}.Name(), Source: source, Name: path.Base(file)}
}
