package pypi

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
)

// Properties implements artifact.Ruler: "project" is the normalised name; "tag" each tag of a wheel as a whole, its interpreter, its ABI and its
// platform, and "sdist" of source distributions; "license" each licence that the metadata names.
func (Kind) Properties() []string { return []string{"project", attributeTag, "license"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(i *artifact.Item) [][]string {
	var tags []string
	seen := make(map[string]bool)
	for _, tag := range i.Attributes.Values(attributeTag) {
		for _, t := range append([]string{tag}, strings.SplitN(tag, "-", 3)...) {
			if !seen[t] {
				seen[t] = true
				tags = append(tags, t)
			}
		}
	}
	return [][]string{{i.Name}, tags, values(i.Metadata, keyLicence)}
}

// words are relations of other kinds' rules, which a rule that names no kind has.
var words = regexp.MustCompile(`^\s*(<<|>>|=)\s*([^=<>!~,\s]+)\s*$`)

// ParseVersions implements artifact.Versioner: specifiers as PEP 440 has them, such as ">=1.2,<2" or "==1.*", in which pre-releases count like
// other versions; a version alone; or one relation in dpkg's words, "<< 1.2".
func (Kind) ParseVersions(condition string) (func(version string) bool, error) {
	text := strings.TrimSpace(condition)
	if text == "" {
		return nil, artifact.Hint(fmt.Errorf("version %q: there is no version in it", condition), `write specifiers: ">=1.2,<2", "==1.4.*"`)
	}
	if m := words.FindStringSubmatch(text); m != nil {
		text = map[string]string{"<<": "<", ">>": ">", "=": "=="}[m[1]] + m[2]
		if bound, err := pep440.Parse(m[2]); err == nil && m[1] != "=" { // in dpkg's words, only the order counts
			return func(version string) bool {
				v, err := pep440.Parse(version)
				return err == nil && (m[1] == "<<" && v.Compare(bound) < 0 || m[1] == ">>" && v.Compare(bound) > 0)
			}, nil
		}
	} else if v, err := pep440.Parse(text); err == nil {
		text = "==" + v.Text()
	}
	specifiers, err := pep440.ParseSpecifiers(text)
	if err != nil {
		return nil, fmt.Errorf("version %q: %w", condition, err)
	}
	if len(specifiers) == 0 {
		return nil, artifact.Hint(fmt.Errorf("version %q: there is no version in it", condition), `write specifiers: ">=1.2,<2", "==1.4.*"`)
	}
	return func(version string) bool {
		v, err := pep440.Parse(version)
		return err == nil && specifiers.Match(v)
	}, nil
}

// CompareVersions implements artifact.Comparer.
func (Kind) CompareVersions(a, b string) (order int, ok bool) {
	x, errX := pep440.Parse(a)
	y, errY := pep440.Parse(b)
	if errX != nil || errY != nil {
		return 0, a == b
	}
	return x.Compare(y), true
}

// Replaces implements artifact.Comparer: a distribution replaces another of the same tags.
func (Kind) Replaces(a, b *artifact.Item) bool {
	return strings.Join(a.Attributes.Values(attributeTag), " ") == strings.Join(b.Attributes.Values(attributeTag), " ")
}
