package images

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Aliases implements artifact.Aliaser: what people call an image, with and without its registry, tag and digest. Docker Hub's own images
// may leave out "library/", and docker.io.
func (Kind) Aliases(i *artifact.Item) (names []string) {
	registry := registryName(i.Source)
	repositories := []string{i.Name}
	if short, own := strings.CutPrefix(i.Name, "library/"); own && registry == dockerHub {
		repositories = append(repositories, short)
	}
	for _, repository := range repositories {
		for _, name := range []string{repository, registry + "/" + repository} {
			names = append(names, name, versioned(name, i.Version), name+"@"+digestOf(i))
			if manifest := manifestOf(i); manifest != digestOf(i) {
				names = append(names, name+"@"+manifest)
			}
		}
	}
	names = append(names, digestOf(i), manifestOf(i))
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == i.Name })
}

// isNamed reports whether a person who writes name may mean the item.
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
