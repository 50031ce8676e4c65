package debian

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Properties implements artifact.Ruler: "source" is the source package (Policy 5.6.1); "section"
// the section with and without its archive area, "contrib/games" and "games" (Policy 2.4); "component" and
// "suite" are all those that list the package, in the words of the definition. A flat
// repository has no components, and its suite ends in "/". Packages of the installer are in "main" and in "main/debian-installer".
func (Kind) Properties() []string { return []string{"source", "section", "component", "suite"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(a *artifact.Item) [][]string {
	source, _, _ := strings.Cut(deb822.MetadataField(a, "Source"), " ") // "linux (6.1.90-1)"
	if source == "" {
		source = a.Name
	}
	var sections, components, suites []string
	if section := deb822.MetadataField(a, "Section"); section != "" {
		if sections = []string{section}; strings.Contains(section, "/") {
			sections = append(sections, path.Base(section))
		}
	}
	for _, c := range a.Attributes.Values("channel") {
		suite, component := deb822.CutChannel(c)
		if !slices.Contains(suites, suite) {
			suites = append(suites, suite)
		}
		if component != "" && !slices.Contains(components, component) {
			components = append(components, component)
			if deb822.IsUdeb(a) {
				components = append(components, deb822.UdebComponent(component))
			}
		}
	}
	return [][]string{{source}, sections, components, suites}
}

// ParseVersions implements artifact.Versioner. A condition is one relation of Policy 7.1, "<< 1.2", with
// versions as in Policy 5.6.12. The old "<" and ">", which mean "<=" and ">=", are refused.
func (Kind) ParseVersions(condition string) (func(version string) bool, error) {
	condition = deb822.TrimSpace(condition)
	op, want, err := deb822.ParseConstraint(condition)
	if written := condition[:len(condition)-len(strings.TrimLeft(condition, "<=>"))]; err == nil && written != deb822.Operators[op] {
		err = fmt.Errorf("%s means %s", written, deb822.Operators[op])
	}
	if err == nil {
		err = deb822.CheckVersion(want)
	}
	if err != nil {
		hint := "write one relation: << 1.2, <= 1.2, = 1.2, >= 1.2 or >> 1.2"
		if strings.Contains(condition, ",") {
			hint += "; a range takes two rules, of which the first takes out what the second must not meet"
		}
		return nil, artifact.Hint(fmt.Errorf("version %q: %w", deb822.Excerpt(condition), err), "%s", hint)
	}
	return func(version string) bool { return op.Holds(version, want) }, nil
}
