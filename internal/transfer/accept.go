package transfer

import (
	"net/url"
	"strings"
)

// isManifest reports whether an address is that of a manifest in a registry.
func isManifest(u *url.URL) bool {
	_, rest, _ := strings.Cut(u.Path, "/v2/")
	return strings.Contains(rest, "/manifests/")
}

// manifestTypes is the Accept header for manifests, unless a request sets its own: a registry may convert or refuse manifests of other types.
// It has the types of the OCI image specification 1.1 and of Docker's schema 2, and last any other.
const manifestTypes = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*"
