package image

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Transports of containers-transports(5) that miniMirror reads and writes.
const (
	OCI           = "oci"            // a directory in the OCI image layout
	OCIArchive    = "oci-archive"    // a tar of such a directory
	DockerArchive = "docker-archive" // what "docker save" writes
	Docker        = "docker"         // an image in a registry
)

// A Reference says where an image is.
type Reference struct {
	Transport string
	// Path is a directory (oci), a file (oci-archive, docker-archive), or HOST[:PORT]/NAME (docker).
	Path string
	// Name is what the image is called there: the tag or the digest ("sha256:…") in a registry
	// (default "latest"), the org.opencontainers.image.ref.name in an OCI layout, NAME:TAG in a
	// docker-archive. It may be empty except in a registry.
	Name string
}

// ParseReference reads the notation of containers-transports(5):
// oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME:TAG] and
// docker://HOST/NAME[:TAG|@DIGEST].
func ParseReference(s string) (Reference, error) {
	transport, rest, found := strings.Cut(s, ":")
	switch {
	case !found, rest == "":
	case transport == OCI, transport == OCIArchive, transport == DockerArchive:
		path, name, _ := strings.Cut(rest, ":")
		if path == "" {
			break
		}
		return Reference{transport, path, name}, nil
	case transport == Docker:
		return parseRegistry(s, rest)
	}
	return Reference{}, artifact.Hint(
		artifact.Usagef("%q is not a reference to an image", s),
		"write oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://HOST/NAME:TAG")
}

func (r Reference) String() string {
	switch {
	case r.Transport == Docker && strings.Contains(r.Name, ":"):
		return "docker://" + r.Path + "@" + r.Name
	case r.Transport == Docker:
		return "docker://" + r.Path + ":" + r.Name
	case r.Name != "":
		return r.Transport + ":" + r.Path + ":" + r.Name
	}
	return r.Transport + ":" + r.Path
}
