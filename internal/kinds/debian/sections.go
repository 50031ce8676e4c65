package debian

import (
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// sections are the "debian" part of a definition: one section without a name, or a list of sections that have one. Each is resolved
// by itself. The sources of a named section are called SECTION-SOURCE in locks, in images and in addresses.
type sections []*spec

// Parse implements artifact.Kind. Keyrings and status files are read
// here; the sources of the host only when resolving.
func (Kind) Parse(section artifact.Section, sets map[string]artifact.Section, dir string) (artifact.Spec, error) {
	var list []artifact.Section
	if section.Decode(&list) != nil { // it is no list
		s, err := parseSection(section, sets, dir, false)
		if err != nil {
			return nil, err
		}
		return sections{s}, nil
	}
	if len(list) == 0 {
		return nil, section.Errorf("debian: the list of sections is empty")
	}
	var names []string
	for _, one := range list {
		name, err := sectionName(one)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, name) {
			return nil, artifact.Hint(one.Errorf("debian: two sections are called %q", name), "join them, or give one of them another name")
		}
		names = append(names, name)
	}
	setsOf, err := divideSets(sets, names)
	if err != nil {
		return nil, err
	}
	var all sections
	for i, one := range list {
		s, err := parseSection(one, setsOf[names[i]], dir, true)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, all.checkAddresses()
}

// sectionName reads the name of a section in a list.
func sectionName(section artifact.Section) (string, error) {
	const hint = "name it after the release of its nodes: - name: bookworm"
	var keys map[string]artifact.Section
	if err := section.Decode(&keys); err != nil {
		return "", artifact.Hint(err, "a list below debian has a section for each system of the nodes: %s", hint)
	}
	if keys["name"] == nil {
		return "", artifact.Hint(section.Errorf("debian: a section in a list needs a name"), hint)
	}
	var name string
	if err := keys["name"].Decode(&name); err != nil {
		return "", err
	}
	if !artifact.ValidName(name) {
		return "", artifact.Hint(keys["name"].Errorf("debian: section %q: a name has letters, digits and \"-._+~\" only", name), hint)
	}
	if "/"+sourcesName(name) == SourcesPath {
		return "", artifact.Hint(keys["name"].Errorf("debian: section %q: %s answers for all sections", name, SourcesPath), hint)
	}
	return name, nil
}

// divideSets gives each section, by name, its part of the sets. A list of requests is for all sections; keys are names of sections.
func divideSets(sets map[string]artifact.Section, names []string) (map[string]map[string]artifact.Section, error) {
	divided := make(map[string]map[string]artifact.Section, len(names))
	for _, name := range names {
		divided[name] = make(map[string]artifact.Section)
	}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		var list []artifact.Section
		if sets[set].IsText() || sets[set].Decode(&list) == nil {
			for _, name := range names {
				divided[name][set] = sets[set]
			}
			continue
		}
		parts, err := sets[set].Keys(names)
		if err != nil {
			return nil, artifact.Hint(err, "write a list of packages for all sections, or one for each: { %s: [NAME] }; the sections are %s", names[0], strings.Join(names, ", "))
		}
		for name, part := range parts {
			divided[name][set] = part
		}
	}
	return divided, nil
}

// checkAddresses refuses names that would give two things one address.
func (all sections) checkAddresses() error {
	taken := make(map[string]string)
	for _, s := range all {
		taken[sourcesName(s.name)] = "the sources of section " + s.name
	}
	for _, s := range all {
		for _, source := range s.sources {
			what := "a source of section " + s.name
			if other := taken[source.Name]; other != "" {
				return artifact.Hint(s.section.Errorf("debian: %s and %s would both be at /%s", other, what, source.Name), "rename the source or the section")
			}
			taken[source.Name] = what
		}
	}
	return nil
}

// qualify gives the sources of a named section the names that they have outside of it.
func (s *spec) qualify() {
	for i := range s.sources {
		s.sources[i].Name = s.sourceName(s.sources[i].Name)
	}
}

func (s *spec) sourceName(name string) string {
	if s.name == "" {
		return name
	}
	return s.name + "-" + name
}

// host reports whether a section has the sources of this machine.
func (all sections) host() bool {
	return slices.ContainsFunc(all, func(s *spec) bool { return s.host })
}

// Why implements artifact.Explainer. name is a request: a package, one of an architecture, a pattern.
func (Kind) Why(parsed artifact.Spec, pins artifact.Pins, name string) (reasons []artifact.Reason, err error) {
	var failure error
	for _, s := range parsed.(sections) {
		found, err := resolver.Why(&s.Demand, withoutSources(pins.ForSystem(s.name)), name)
		if err != nil && failure == nil {
			failure = s.wrap(err)
		}
		for _, reason := range found {
			if s.name != "" {
				reason.Artifact += " in " + s.name
			}
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) > 0 {
		return reasons, nil
	}
	return nil, failure
}
