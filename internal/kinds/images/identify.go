package images

import "github.com/minimirror/minimirror/internal/artifact"

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
