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

// manifestTypes is what a registry is told to be acceptable as a manifest, if whoever asks does not say: a registry may convert, or refuse, what is
// not. They are the types of the OCI image specification 1.1 and of Docker's schema 2; last comes whatever else it has.
const manifestTypes = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*"
