package images

import (
	"net/url"
	"strings"
)

// prefix is where a mirror is a registry.
const prefix = "/v2/"

// An endpoint is a parsed path below prefix: the read-only endpoints of OCI distribution specification 1.1, "Endpoints".
type endpoint struct {
	call      call
	name      string // of the repository, as the path has it
	reference string // a tag or a digest
}

// A call is a kind of endpoint, in the words of its path.
type call string

const (
	callNone      call = "" // not one of these
	callVersion   call = "/"
	callCatalog   call = "_catalog"
	callTags      call = "tags"
	callManifests call = "manifests"
	callBlobs     call = "blobs"
	callReferrers call = "referrers"
)

// parseEndpoint parses a path. A repository's name may contain the words of an endpoint; the last ones count.
func parseEndpoint(path string) endpoint {
	below, found := strings.CutPrefix(path, prefix)
	switch {
	case !found && path+"/" == prefix, below == "" && found:
		return endpoint{call: callVersion}
	case !found:
		return endpoint{}
	case below == string(callCatalog):
		return endpoint{call: callCatalog}
	}
	rest, reference, _ := cutLast(below)
	name, word, found := cutLast(rest)
	if !found || name == "" || reference == "" {
		return endpoint{}
	}
	e := endpoint{call(word), name, reference}
	switch e.call {
	case callTags:
		if reference == "list" {
			return endpoint{callTags, name, ""}
		}
	case callManifests, callBlobs, callReferrers:
		return e
	}
	return endpoint{}
}

// cutLast cuts text at its last slash.
func cutLast(text string) (before, after string, found bool) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+1:], true
}

// A place is a repository of a registry.
type place struct{ registry, repository string }

// String is the name of the place: "registry.example.org/acme/app".
func (p place) String() string { return p.registry + "/" + p.repository }

// places are what a name in a path can mean, the likeliest first. namespace is the registry that the client says it wants, as containerd does
// in the query "ns"; empty: the name begins with the registry, or the image is Docker Hub's, as everywhere where images are named.
func places(name, namespace string) (all []place) {
	if namespace != "" {
		registry := strings.ToLower(namespace)
		names := []string{canonical(registry)}
		for _, port := range []string{":443", ":80"} {
			if host, found := strings.CutSuffix(registry, port); found {
				names = append(names, canonical(host))
			}
		}
		for _, registry := range names {
			if first, rest, _ := strings.Cut(name, "/"); rest != "" && canonical(registryName(first)) == registry { // named twice
				all = append(all, place{registry, inRegistry(registry, rest)})
			}
			all = append(all, place{registry, inRegistry(registry, name)})
		}
		return all
	}
	first, rest, _ := strings.Cut(name, "/")
	registry := canonical(registryName(first))
	if rest != "" && isHost(first) {
		return []place{{registry, inRegistry(registry, rest)}}
	}
	all = []place{{dockerHub, inRegistry(dockerHub, name)}}
	if rest != "" {
		all = append(all, place{registry, inRegistry(registry, rest)})
	}
	return all
}

// isHost distinguishes a registry from a part of a repository's name on Docker Hub, as Docker does.
func isHost(first string) bool {
	return strings.ContainsAny(first, ".:") || first == "localhost" || strings.HasPrefix(first, "localhost_")
}

// namespaceOf is the registry that the query of a request names, as it was sent. A client that uses the mirror by its own name names the
// mirror, at host; that is ignored.
func namespaceOf(query, host string) string {
	if query == "" {
		return ""
	}
	namespace := parameter(query, "ns")
	if host != "" && strings.EqualFold(namespace, host) {
		return ""
	}
	return namespace
}

// parameter is the first value of a query's key.
func parameter(query, key string) string {
	values, _ := url.ParseQuery(query) // what is malformed is left out
	return values.Get(key)
}

// hasParameter reports whether a query has a key.
func hasParameter(query, key string) bool {
	values, _ := url.ParseQuery(query)
	return values.Has(key)
}

// isReference reports whether text is a tag or a digest.
func isReference(text string) bool { return validTag.MatchString(text) || validDigest(text) }
