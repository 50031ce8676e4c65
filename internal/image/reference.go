package image

import (
	"os"
	"path"
	"regexp"
	"slices"
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

// miniMirror's own transports, which are read-only.
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
	// Name is the image's name there: the tag or the digest ("sha256:…") in a registry
	// (default "latest"), the org.opencontainers.image.ref.name in an OCI layout, NAME:TAG in a
	// docker-archive. It may be empty except in a registry.
	Name string
	// Platform selects one of several images, as ParsePlatform reads it, or AnyPlatform. Empty: the one for the running platform.
	// If there is one image only, and it states another platform, opening it is an error.
	Platform string
}

// ParseReadable parses what ParseReference does, and read-only sources: root:DIR, "-" for
// standard input, and the path of a file or folder, whose content determines the transport. Text that begins with a
// transport and a colon is never a path: write ./oci:x for a file with such a name.
func ParseReadable(s string) (Reference, error) {
	transport, rest, colon := strings.Cut(s, ":")
	switch {
	case s == Stdin:
		return Reference{Transport: Stdin}, nil
	case colon && transport == Unpacked && rest != "":
		return Reference{Transport: Unpacked, Path: rest}, nil
	case colon && isTransport(transport), s == "":
		ref, err := ParseReference(s)
		if err != nil && isThere(s) {
			err = hintPath(artifact.Usagef("%q is not a reference to an image", s), s)
		}
		return ref, err
	}
	return parsePath(s)
}

// IsReference reports whether an argument that may also be another file is an image: it begins with
// a transport, or it is the path of an uncompressed image.
func IsReference(s string) bool {
	if transport, _, colon := strings.Cut(s, ":"); colon && isTransport(transport) {
		return true
	}
	return transportAt(s, "") != ""
}

// ParseWritable parses what ParseReference does, and a plain path: FILE.tar is a docker-archive, which all container
// runtimes can load, and any other path is a folder in the OCI layout.
func ParseWritable(s string) (Reference, error) {
	if transport, _, colon := strings.Cut(s, ":"); s == "" || s == Stdin || colon && isTransport(transport) {
		return ParseReference(s)
	}
	ref, err := parsePath(s)
	if err != nil {
		return Reference{}, err
	}
	info, statErr := os.Stat(s)
	switch folder := statErr == nil && info.IsDir(); {
	case folder:
		ref.Transport = OCI
	case strings.HasSuffix(s, ".tar"):
		ref.Transport = DockerArchive
	case slices.Contains([]string{".tgz", ".gz", ".zst", ".xz", ".bz2", ".zip"}, path.Ext(s)):
		return Reference{}, artifact.Hint(artifact.Usagef("%q: build writes only uncompressed images", s), "write FILE.tar, and compress the file afterwards")
	default:
		ref.Transport = OCI
	}
	return ref, nil
}

// parsePath parses a plain path. If nothing exists there, a name that is probably not a path is an error.
func parsePath(s string) (Reference, error) {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, ".") || isThere(s) {
		return Reference{Transport: Anywhere, Path: s}, nil
	}
	before, _, colon := strings.Cut(s, ":")
	nothing := artifact.Usagef("%q: there is no such file or folder", s)
	switch {
	case strings.HasPrefix(s, "http://"), strings.HasPrefix(s, "https://"):
		_, address, _ := strings.Cut(s, "://")
		return Reference{}, artifact.Hint(nothing, "an image in a registry is written docker://%s; download a file first", address)
	case colon && isThere(before):
		is := transportAt(before, "")
		if is != OCI && is != OCIArchive && is != DockerArchive {
			return Reference{}, artifact.Hint(nothing, "write %s alone", before)
		}
		return Reference{}, artifact.Hint(nothing, "an image of this name in %s is written %s:%s", before, is, s)
	case registryHost.MatchString(s), strings.Contains(s, "@sha256:"):
		return Reference{}, artifact.Hint(nothing, "an image in a registry is written docker://%s", s)
	case colon:
		return Reference{}, artifact.Hint(nothing, "write the path of a file or folder, or %s", forms)
	}
	return Reference{Transport: Anywhere, Path: s}, nil
}

// registryHost matches the start of a registry's name: localhost, a host with a dot or an address, an optional port, and a slash.
var registryHost = regexp.MustCompile(`^(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+:[0-9]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?/.`)

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// hintPath explains how to name a file whose name looks like something else.
func hintPath(err error, path string) error {
	return artifact.Hint(err, "write ./%s for the file or folder of this name", path)
}

// isTransport reports whether a word and a colon begin a reference.
func isTransport(word string) bool {
	return slices.Contains([]string{OCI, OCIArchive, DockerArchive, Docker, Unpacked}, word)
}

// forms lists the forms of references with a transport.
const forms = "oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://HOST/NAME:TAG"

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
		return Reference{Transport: transport, Path: path, Name: name}, nil
	case transport == Docker:
		return parseRegistry(s, rest)
	}
	return Reference{}, artifact.Hint(
		artifact.Usagef("%q is not a reference to an image", s),
		"write "+forms)
}

func (r Reference) String() string {
	switch {
	case r.Transport == Stdin:
		return "standard input"
	case r.Transport == Anywhere:
		return r.Path
	case r.Transport == Docker && r.Name == "":
		return "docker://" + r.Path // a registry
	case r.Transport == Docker && strings.Contains(r.Name, ":"):
		return "docker://" + r.Path + "@" + r.Name
	case r.Transport == Docker:
		return "docker://" + r.Path + ":" + r.Name
	case r.Name != "":
		return r.Transport + ":" + r.Path + ":" + r.Name
	}
	return r.Transport + ":" + r.Path
}
