package images

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Identify implements artifact.Identifier: the repository of an endpoint, with the source before it, and the tag or digest.
func (Kind) Identify(path, query string) *artifact.Item {
	e := parseEndpoint(path)
	namespace := namespaceOf(query, "")
	p := likeliest(&e, namespace)
	if p == (place{}) {
		return nil
	}
	source := sourceName(p.registry)
	item := &artifact.Item{Kind: Kind{}.Name(), Source: source, Name: source + "/" + p.repository}
	if isReference(e.reference) {
		item.Version = e.reference
	}
	return item
}

// likeliest is the most likely place that a name means; the zero value: none.
func likeliest(e *endpoint, namespace string) (likely place) {
	if e.name == "" {
		return place{}
	}
	for _, p := range places(e.name, namespace) {
		if validRegistry.MatchString(p.registry) && validRepository.MatchString(p.repository) {
			return p
		}
	}
	return place{}
}

// wantedName is the name of the place that a request is about, "registry.example.org/acme/app", or empty.
func wantedName(e *endpoint, namespace string) string {
	if p := likeliest(e, namespace); p != (place{}) {
		return p.String()
	}
	return ""
}

// Want implements artifact.Wanter: an image is requested by its tag or digest, below the registry that clients name.
func (Kind) Want(parsed artifact.Spec, asked []artifact.Asked) (w artifact.Wanted) {
	s, _ := parsed.(*spec)
	lines := make(map[string]int) // indexes, by registry and entry
	for i := range asked {
		registry, entry, why := s.want(&asked[i])
		if why != "" {
			w.Unknown = append(w.Unknown, artifact.WantedUnknown{Asked: i, Why: why})
			continue
		}
		key := registry + "/" + entry
		at, found := lines[key]
		if !found {
			at = len(w.Lines)
			lines[key] = at
			line := artifact.WantedLine{Under: []string{Kind{}.Name(), "- name: " + strictyaml.Quote(registry), "take"}, Entry: strictyaml.Quote(entry)}
			if validDigest(asked[i].Version) {
				line.Note = "asked for by digest, which may be the manifest of one platform: a tag is better, if you know it"
			}
			w.Lines = append(w.Lines, line)
		}
		w.Lines[at].Asked = append(w.Lines[at].Asked, i)
	}
	return w
}

// want is the registry and the request for what was asked for.
func (s *spec) want(a *artifact.Asked) (registry, entry, why string) {
	from, repository, found := strings.Cut(a.Name, "/")
	registry = registryName(from)
	switch {
	case a.Name == "":
		return "", "", "the address names no image"
	case a.LookedUp || !found || !validRegistry.MatchString(registry) || !validRepository.MatchString(repository):
		return "", "", "clients searched for the name: it does not say which registry and tag"
	case a.Version == "":
		return "", "", "clients asked which tags there are, or for a part of the image: the tag is not known"
	case !validDigest(a.Version) && !validTag.MatchString(a.Version):
		return "", "", "it has neither a valid tag nor a digest"
	}
	if s != nil {
		at := slices.IndexFunc(s.sources, func(o source) bool { return o.registry == registry })
		if at >= 0 && slices.ContainsFunc(s.sources[at].take, func(r request) bool { return r.wants(repository, a.Version) }) {
			return "", "", "the definition requests it already: upstream does not have it, the platform is left out, or the image is older than the request"
		}
	}
	if short, own := strings.CutPrefix(repository, "library/"); own && registry == dockerHub {
		repository = short
	}
	return registry, versioned(repository, a.Version), ""
}

// wants reports whether a request stands for a repository's tag or digest.
func (r *request) wants(repository, version string) bool {
	if !r.repository.Match(repository) {
		return false
	}
	if validDigest(version) {
		return r.digest == version
	}
	return r.matchTag(version)
}
