package images

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Aliases implements artifact.Aliaser: what people call an image, with and without its registry, tag and digest. Docker Hub's own images
// may leave out "library/", and docker.io.
func (Kind) Aliases(i *artifact.Item) (names []string) {
	for _, name := range repositoryNames(registryName(i.Source), i.Name) {
		names = append(names, name, versioned(name, i.Version), name+"@"+digestOf(i))
		if manifest := manifestOf(i); manifest != digestOf(i) {
			names = append(names, name+"@"+manifest)
		}
	}
	names = append(names, digestOf(i), manifestOf(i))
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == i.Name })
}

// repositoryNames are what people call a repository.
func repositoryNames(registry, repository string) []string {
	names := []string{repository, registry + "/" + repository}
	if short, own := strings.CutPrefix(repository, "library/"); own && registry == dockerHub {
		names = append(names, short, registry+"/"+short)
	}
	return names
}

// isNamed reports whether name, as people write it, may mean the item.
func isNamed(i *artifact.Item, name string) bool {
	return name == i.Name || name == i.ID() || name == i.Key || slices.Contains(Kind{}.Aliases(i), name)
}

// NameOf implements artifact.Installer: every way to name an image is the name of an item, or an alias.
func (Kind) NameOf(request string) (string, error) {
	repository, tag, digest := splitReference(request)
	bad := fmt.Errorf("%q is not the name of an image", request)
	switch {
	case digest != "" && !validDigest(digest), tag != "" && !validTag.MatchString(tag):
		return "", bad
	case validDigest(request):
		return request, nil
	}
	host, rest, found := strings.Cut(repository, "/")
	if !validRepository.MatchString(repository) && !(found && validRegistry.MatchString(host) && validRepository.MatchString(rest)) {
		return "", bad
	}
	return request, nil
}

// PackageURL implements artifact.PackageURLer: the type "oci" of the purl specification. The version is the digest of the platform's own
// manifest, since an index is more than one piece of software.
func (Kind) PackageURL(source *artifact.Source, i *artifact.Item) string {
	qualifiers := map[string]string{"repository_url": registryName(source.Name) + "/" + i.Name}
	if tag := tagOf(i); tag != "" {
		qualifiers["tag"] = tag
	}
	if architecture := i.Architecture(); architecture != "" {
		qualifiers["arch"] = architecture
	}
	return packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(i.Name), manifestOf(i), packageurl.QualifiersFromMap(qualifiers), "").ToString()
}

// CompareVersions implements artifact.Comparer: tags that are versions of Semantic Versioning 2.0.0, of which minor and patch may be missing, have
// an order. Other tags, and digests, have none.
func (Kind) CompareVersions(a, b string) (order int, ok bool) {
	x, y := versionOf(a), versionOf(b)
	if x == nil || y == nil {
		return 0, a == b
	}
	return x.Compare(y), true
}

// Replaces implements artifact.Comparer: an image replaces one from the same repository, for the same platform and of the same flavour.
func (Kind) Replaces(a, b *artifact.Item) bool {
	return platformOf(a) == platformOf(b) && flavourOf(a.Version) == flavourOf(b.Version)
}

// preRelease matches the beginning of what follows the version in a pre-release.
var preRelease = regexp.MustCompile(`^(alpha|beta|dev|m|pre|preview|rc|snapshot)([^a-z]|$)`)

// flavourOf is what a tag has besides its version: "alpine" in "1.27.3-alpine3.20", without the digits. A tag that is not a version is a flavour.
func flavourOf(tag string) string {
	if validDigest(tag) {
		return ""
	}
	v := versionOf(tag)
	if v == nil {
		return tag
	}
	rest := strings.ToLower(v.Prerelease())
	if preRelease.MatchString(rest) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, rest)
}

// dockerHub is the registry of names without a registry. Its address differs from its name: dockerHubHost.
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

// canonical returns the name of a registry that the definition and the mirror use.
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
