package buildkit

import (
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// annotations are an image's names in the index of an OCI layout. skopeo chooses an image by
// org.opencontainers.image.ref.name; containerd and podman take io.containerd.image.name for the image's name, and the
// other one if it is missing. The index has one entry: with two, skopeo and "podman load" report that they cannot choose.
type annotations map[string]string

// layoutNames are the annotations for an OCI layout. A name in the output's reference takes precedence over Names; "NAME" without
// a slash is the tag of the first of these.
func layoutNames(o Options) annotations {
	name := o.Output.Name
	if name == "" && len(o.Names) > 0 {
		name = o.Names[0]
	}
	if name == "" {
		return nil
	}
	a := annotations{ocispec.AnnotationRefName: name}
	full := name
	if !strings.Contains(name, "/") && len(o.Names) > 0 {
		repository, _, _ := strings.Cut(o.Names[0], ":")
		full = repository + ":" + name
	}
	if parsed, err := reference.ParseDockerRef(full); err == nil {
		a[images.AnnotationImageName] = parsed.String()
	}
	return a
}

// replaces reports whether an image of these names takes the place of one that is called old: it has the same name, or
// both names follow from locks, or the other has none.
func (a annotations) replaces(old string) bool {
	name := a[ocispec.AnnotationRefName]
	return name == old || layout.IsPinnedName(name) && (old == "" || layout.IsPinnedName(old))
}

// of is the descriptor with the names, as an index refers to it.
func (a annotations) of(d ocispec.Descriptor) ocispec.Descriptor {
	d.Annotations = a
	return d
}

// archiveNames are the image's names in a docker-archive.
func archiveNames(o Options) ([]string, error) {
	if o.Output.Name == "" {
		return o.Names, nil
	}
	parsed, err := reference.ParseDockerRef(o.Output.Name)
	if err != nil {
		return nil, artifact.Hint(artifact.Usagef("%s: %q is not a name for an image: %w", o.Output, o.Output.Name, err), "write docker-archive:FILE:NAME:TAG, in lower case")
	}
	return []string{parsed.String()}, nil
}
