// Package images is the kind of container images, and of everything else that registries hold: Helm charts, signatures, SBOMs
// and other artifacts of the OCI image specification.
//
//	mirror.yaml ──spec.go──▶ requests ──resolve.go──▶ items ──publish.go──▶ images.json ──serve.go──▶ /v2/REGISTRY/REPOSITORY/…
//
// An item is an image for one platform, under one tag: acme/app:1.4/linux/amd64. Its files are the manifests and blobs that a client of
// the platform needs, as upstream has them, byte for byte: first the manifest or index that the tag names, then what is below it, then what
// is attached to either (signatures, SBOMs, attestations). Items share files: an index belongs to all its platforms, and a layer to all
// images that are built on it. So a client may have an index if it may have the image for one of its platforms.
//
// The lock names the manifests of platforms that the definition leaves out. The index is carried unchanged nevertheless: otherwise its digest
// would change, and its signatures would not be valid.
package images

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Kind is the kind of container images.
type Kind struct{}

// Name implements artifact.Kind.
func (Kind) Name() string { return "images" }

// Attributes of items.
const (
	attributeDigest       = "digest"       // of the manifest or index that the tag names
	attributeManifest     = "manifest"     // digest of the platform's manifest, if the tag names an index
	attributePlatform     = "platform"     // "linux/arm64/v8"; none: the artifact has no platform
	attributeArchitecture = "architecture" // of the platform: "arm64", "arm/v7"
)

// digestOf is the digest of what the item's tag names.
func digestOf(i *artifact.Item) string { return i.Attributes.Get(attributeDigest) }

// manifestOf is the digest of the manifest of the item's platform; if it has none, of what the tag names.
func manifestOf(i *artifact.Item) string {
	if digest := i.Attributes.Get(attributeManifest); digest != "" {
		return digest
	}
	return digestOf(i)
}

// platformOf is the item's platform, or empty.
func platformOf(i *artifact.Item) string { return i.Attributes.Get(attributePlatform) }

// tagOf is the item's tag; empty: the item is requested only by its digest.
func tagOf(i *artifact.Item) string {
	if validDigest(i.Version) {
		return ""
	}
	return i.Version
}

// reference is how clients name the item's image: "REGISTRY/REPOSITORY:TAG", or with "@DIGEST".
func reference(i *artifact.Item) string {
	return registryName(i.Source) + "/" + versioned(i.Name, i.Version)
}

// versioned is a name in a repository: "REPOSITORY:TAG" or "REPOSITORY@DIGEST".
func versioned(repository, version string) string {
	if validDigest(version) {
		return repository + "@" + version
	}
	return repository + ":" + version
}

// itemKey is the Item.Key of an image for a platform; the platform may be empty.
func itemKey(repository, version, platform string) string {
	key := versioned(repository, version)
	if platform != "" {
		key += "/" + platform
	}
	return key
}

// GoArchitecture implements artifact.Splitter: platforms have Go's words, and a variant may follow ("arm/v7").
func (Kind) GoArchitecture(name string) string {
	if name == artifact.AnyArchitecture {
		return ""
	}
	architecture, _, _ := strings.Cut(name, "/")
	return architecture
}

// InstallsForeign implements artifact.Splitter: a node runs images for its own platform.
func (Kind) InstallsForeign() bool { return false }

// SplitSource implements artifact.Splitter: a registry is for all machines.
func (Kind) SplitSource(s artifact.Source, _ string) (artifact.Source, bool) { return s, true }
