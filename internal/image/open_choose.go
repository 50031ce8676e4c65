package image

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
)

const (
	dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	containerdName     = "io.containerd.image.name"  // annotation: the name in full
	attestation        = "vnd.docker.reference.type" // annotation: not an image, but about one
	maxIndexes         = 4                           // within each other
)

// chooseManifest finds the one image manifest with a reference's name in a layout's index: by the annotation
// org.opencontainers.image.ref.name, the full name or the digest; without a
// name there must be exactly one. In nested indexes, and among images for several
// platforms, it takes the one for the reference's platform.
func chooseManifest(index v1.Index, ref Reference, read func(d v1.Descriptor, document any) error) (choice, error) {
	candidates := index.Manifests
	if ref.Name != "" {
		candidates = slices.DeleteFunc(withoutAttestations(candidates), func(d v1.Descriptor) bool { return !isNamed(d, ref.Name) })
		if len(candidates) == 0 {
			if len(index.Manifests) == 0 {
				return choice{}, errIncomplete(v1.ImageIndexFile, "names no image")
			}
			return choice{}, errWhich(fmt.Sprintf("no image is called %q", ref.Name), namesOf(index.Manifests))
		}
	}
	return chooseImage(v1.Descriptor{}, candidates, ref.Platform, read)
}

// chooseImage follows indexes to the one image for a platform. whole is the index of the candidates.
func chooseImage(whole v1.Descriptor, candidates []v1.Descriptor, platform string, read func(d v1.Descriptor, document any) error) (choice, error) {
	for range maxIndexes {
		candidates = withoutAttestations(candidates)
		chosen, err := onlyOne(candidates, platform)
		if err != nil {
			return choice{}, err
		}
		if chosen.MediaType != v1.MediaTypeImageIndex && chosen.MediaType != dockerManifestList {
			return choice{chosen, indexOf(whole.Digest, candidates)}, nil
		}
		var inner v1.Index
		if err := read(chosen, &inner); err != nil {
			return choice{}, fmt.Errorf("index: %w", err)
		}
		whole, candidates = chosen, inner.Manifests
	}
	return choice{}, fmt.Errorf("more than %d indexes within each other", maxIndexes)
}

func withoutAttestations(all []v1.Descriptor) []v1.Descriptor {
	return slices.DeleteFunc(slices.Clone(all), func(d v1.Descriptor) bool { return d.Annotations[attestation] != "" || attached.Is(d) })
}

func isNamed(d v1.Descriptor, name string) bool {
	return name == d.Annotations[v1.AnnotationRefName] || name == d.Annotations[containerdName] || name == d.Digest.String()
}

// onlyOne returns the only candidate, or the only one for a platform. Several names of one image count once.
func onlyOne(candidates []v1.Descriptor, platform string) (v1.Descriptor, error) {
	var distinct []v1.Descriptor
	for _, d := range candidates {
		if !slices.ContainsFunc(distinct, func(other v1.Descriptor) bool { return other.Digest == d.Digest }) {
			distinct = append(distinct, d)
		}
	}
	matching := distinct
	if len(distinct) > 1 {
		matching = slices.DeleteFunc(slices.Clone(distinct), func(d v1.Descriptor) bool { return d.Platform == nil || !isFor(*d.Platform, platform) })
	}
	index := indexOf("", distinct)
	switch {
	case len(distinct) == 0:
		return v1.Descriptor{}, errIncomplete("the index", "names no image")
	case len(matching) == 1:
		return matching[0], nil
	case len(matching) == 0 && platform == AnyPlatform && index.platforms != nil:
		return distinct[0], nil
	case len(matching) == 0 && index.platforms != nil:
		return v1.Descriptor{}, artifact.Hint(fmt.Errorf("there are %d images, for %s, and none is for %s", len(distinct), strings.Join(index.platforms, " and "), cmp.Or(platform, "linux/"+runtime.GOARCH)),
			"choose one with --platform, for example --platform %s", index.platforms[0])
	}
	return v1.Descriptor{}, errWhich(fmt.Sprintf("there are %d images, and the reference does not name one", len(distinct)), namesOf(candidates))
}

// namesOf are the names by which images can be selected.
func namesOf(there []v1.Descriptor) (names []string) {
	for _, d := range there {
		name := d.Digest.String()
		if given := d.Annotations[v1.AnnotationRefName]; given != "" {
			name = given
		}
		names = append(names, name)
	}
	return names
}

// errWhich is the error for a name that matches no image, or several.
func errWhich(problem string, names []string) error {
	if len(names) == 0 {
		return makeAgain(fmt.Errorf("%s, and none has a name", problem))
	}
	return artifact.Hint(fmt.Errorf("%s", problem), "add one of these after the path and a colon: %s", strings.Join(names, ", "))
}

// errIncomplete is the error for a document that does not lead to an image, perhaps because its writer was interrupted.
func errIncomplete(file, problem string) error { return makeAgain(fmt.Errorf("%s %s", file, problem)) }

// makeAgain adds a hint with the commands that write an image again.
func makeAgain(err error) error {
	return artifact.Hint(err, "write the image again and name it, for example with: minimirror build DEFINITION --output docker-archive:FILE, docker save NAME:TAG -o FILE, or skopeo copy SOURCE docker-archive:FILE:NAME:TAG")
}
