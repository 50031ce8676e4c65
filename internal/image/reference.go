package image

import (
	"os"
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

// Transports that are miniMirror's own, only to read from.
const (
	Unpacked = "root" // the root of a mounted or running image, or its /mirror
	Stdin    = "-"    // an archive of either kind on standard input
	Anywhere = ""     // a path: what is there decides
)

// A Reference says where an image is.
type Reference struct {
	Transport string
	// Path is a directory (oci, root), a file (oci-archive, docker-archive), or HOST[:PORT]/NAME (docker).
	Path string
	// Name is what the image is called there: the tag or the digest ("sha256:…") in a registry
	// (default "latest"), the org.opencontainers.image.ref.name in an OCI layout, NAME:TAG in a
	// docker-archive. It may be empty except in a registry.
	Name string
}

// ParseReadable reads what ParseReference does, and what can only be read from: root:DIR, "-" for
// standard input, and a path that begins with "/" or ".", where it is seen what is there.
func ParseReadable(s string) (Reference, error) {
	switch transport, path, _ := strings.Cut(s, ":"); {
	case s == Stdin:
		return Reference{Transport: Stdin}, nil
	case transport == Unpacked && path != "":
		return Reference{Transport: Unpacked, Path: path}, nil
	case strings.HasPrefix(s, "/"), strings.HasPrefix(s, "."):
		return Reference{Transport: Anywhere, Path: s}, nil
	}
	ref, err := ParseReference(s)
	if _, statErr := os.Stat(s); err != nil && statErr == nil {
		err = artifact.Hint(artifact.Usagef("%q is not a reference to an image", s), "write ./%s for what is at this path", s)
	}
	return ref, err
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
	case r.Transport == Stdin:
		return "standard input"
	case r.Transport == Anywhere:
		return r.Path
	case r.Transport == Docker && strings.Contains(r.Name, ":"):
		return "docker://" + r.Path + "@" + r.Name
	case r.Transport == Docker:
		return "docker://" + r.Path + ":" + r.Name
	case r.Name != "":
		return r.Transport + ":" + r.Path + ":" + r.Name
	}
	return r.Transport + ":" + r.Path
}
