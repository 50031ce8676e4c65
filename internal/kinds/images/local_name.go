package images

import (
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// nameByContainerd is the annotation of a layout with the full name of an image, as containerd, BuildKit and newer versions of Docker
// write it. Beside it, v1.AnnotationRefName is the tag alone.
const nameByContainerd = "io.containerd.image.name"

// A localName is the name of an image in a layout or an archive, for one registry.
type localName struct {
	text       string // as it is written; empty: none
	repository string // as the registry calls it; empty: the name is a tag alone
	tag        string // empty: there is none
	ours       bool   // the name is in the registry, or has no registry
}

// nameOf reads the annotations of a descriptor.
func nameOf(annotations map[string]string, registry string) localName {
	if name := annotations[nameByContainerd]; name != "" {
		return parseLocalName(name, registry)
	}
	return parseLocalName(annotations[v1.AnnotationRefName], registry)
}

// parseLocalName reads "REGISTRY/REPOSITORY:TAG", "REPOSITORY:TAG" or "TAG". Podman calls images localhost/REPOSITORY if they have no registry.
func parseLocalName(text, registry string) localName {
	name := localName{text: text}
	if validTag.MatchString(text) { // a text that may be a tag or a repository is a tag, by the image specification
		name.tag, name.ours = text, true
		return name
	}
	repository, tag, digest := splitReference(text)
	if first, rest, found := strings.Cut(repository, "/"); found && strings.ContainsAny(first, ".:") {
		if canonical(strings.ToLower(first)) != registry {
			return name
		}
		repository = rest
	} else {
		repository = strings.TrimPrefix(repository, "localhost/")
	}
	if repository = inRegistry(registry, repository); validRepository.MatchString(repository) {
		name.repository, name.ours = repository, true
	}
	switch {
	case validTag.MatchString(tag):
		name.tag = tag
	case tag == "" && digest == "" && name.ours:
		name.tag = "latest" // as clients complete it
	}
	return name
}
