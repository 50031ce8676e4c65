package images

import (
	"regexp"
	"strings"
)

// dockerHub is the registry of names that state none. Its address is another: dockerHubHost.
const (
	dockerHub     = "docker.io"
	dockerHubHost = "registry-1.docker.io"
)

// A source is called as its registry, but for the colon before a port: this is no character of a repository's name, which
// the registry becomes a part of on the mirror.

// sourceName is the source of a registry: "registry.example.org_5000" for "registry.example.org:5000".
func sourceName(registry string) string { return strings.Replace(registry, ":", "_", 1) }

// registryName is the registry of a source, as clients name it. A host has no underscore.
func registryName(source string) string { return strings.Replace(source, "_", ":", 1) }

var (
	validRegistry   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)
	validRepository = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`) // OCI distribution specification 1.1, "Pulling manifests"
	validTag        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)                                      // the same
)

// canonical is a registry by the one of its names that the definition and the mirror use.
func canonical(registry string) string {
	switch registry {
	case "index.docker.io", dockerHubHost, "registry.hub.docker.com":
		return dockerHub
	}
	return registry
}

// inRegistry is the full name of a repository: Docker Hub's own images may leave out "library/".
func inRegistry(registry, repository string) string {
	if registry == dockerHub && !strings.Contains(repository, "/") {
		return "library/" + repository
	}
	return repository
}
