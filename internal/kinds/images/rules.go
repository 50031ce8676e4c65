package images

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	platform "github.com/containerd/platforms"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Properties implements artifact.Ruler: "image" is the repository with its registry, and without; of Docker Hub's own images also without
// "library/". "digest" is that of the manifest or index that the tag names, and that of the platform's manifest. "platform" is the image's, with
// its variant and without: "linux/arm64/v8", "linux/arm64".
func (Kind) Properties() []string { return []string{"image", "tag", "digest", "registry", "platform"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(i *artifact.Item) [][]string {
	registry := registryName(i.Source)
	names := []string{registry + "/" + i.Name, i.Name}
	if short, found := strings.CutPrefix(i.Name, "library/"); found && registry == dockerHub {
		names = append(names, registry+"/"+short, short)
	}
	var tags, platforms []string
	if tag := tagOf(i); tag != "" {
		tags = []string{tag}
	}
	digests := []string{digestOf(i)}
	if manifest := manifestOf(i); manifest != digests[0] {
		digests = append(digests, manifest)
	}
	if p := platformOf(i); p != "" {
		normal := platform.Normalize(*parsedPlatform(p)) // images may say aarch64 where others say arm64
		for _, name := range []string{p, platformName(&normal)} {
			for parts := strings.Split(name, "/"); len(parts) > 1; parts = parts[:len(parts)-1] {
				if one := strings.Join(parts, "/"); !slices.Contains(platforms, one) {
					platforms = append(platforms, one)
				}
			}
		}
	}
	return [][]string{names, tags, digests, {registry}, platforms}
}

// ParseVersions implements artifact.Versioner. A condition is a range of semantic versions as in a definition, ">=1.4 <2" or "~1.4", in which
// pre-releases count like other versions; or one relation, also in dpkg's words: a rule that names no kind is about packages, too. A tag that is
// not a semantic version has no order: only "= TAG", with the same text, matches it.
func (Kind) ParseVersions(condition string) (func(version string) bool, error) {
	text := strings.TrimSpace(condition)
	operator := text[:len(text)-len(strings.TrimLeft(text, "<=>!~^"))]
	bound := strings.TrimSpace(text[len(operator):])
	if bound == "" {
		return nil, artifact.Hint(fmt.Errorf("version %q: there is no version in it", condition), `write a range or a tag: ">=1.4 <2", "~1.4", "= stable"`)
	}
	if word := map[string]string{"<<": "<", ">>": ">"}[operator]; word != "" {
		operator = word
	}
	equal := operator == "" || operator == "="
	constraint, err := semver.NewConstraint(joined(operator + bound))
	switch {
	case err != nil && strings.ContainsAny(bound, " \t,|*"):
		return nil, artifact.Hint(fmt.Errorf("version %q: %w", condition, err), `write a range or a tag: ">=1.4 <2", "~1.4", "= stable"`)
	case err != nil:
		return func(version string) bool { return equal && version == bound }, nil
	}
	constraint.IncludePrerelease = true
	return func(version string) bool {
		v := versionOf(version)
		return equal && version == bound || v != nil && constraint.Check(v)
	}, nil
}
