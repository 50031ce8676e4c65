package registry

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A Target says where images go in a registry.
type Target struct {
	Host string // HOST or HOST:PORT
	// Repository and Reference are for one image: its repository, and its tag or digest there. What is attached to it goes to the same repository.
	// With an empty Repository, each image goes to Prefix and the repository of its name; of one that does not come from a registry, without the name
	// of a registry before it.
	Repository, Reference string
	Prefix                string
}

func (t Target) String() string {
	if t.Repository != "" {
		return "docker://" + t.Host + "/" + image{t.Repository, t.Reference}.name()
	}
	return "docker://" + t.Host
}

// An imageKey tells images of a list apart.
type imageKey struct {
	name   string
	digest digest.Digest
}

func keyOf(im content.Image) imageKey { return imageKey{im.Name, im.Digest} }

// places says where each image goes. A reference that is a digest means: without a tag.
func (t Target) places(images []content.Image) (map[imageKey]image, error) {
	all := make(map[imageKey]image, len(images))
	before := "" // the repository of the image before, to which what follows is attached
	own := 0
	taken := map[image]content.Image{}
	for _, im := range images {
		at, err := t.place(im, before)
		if err != nil {
			return nil, err
		}
		if im.Subject == "" {
			before = at.repository
			own++
		}
		if !layout.RepositoryName.MatchString(at.repository) {
			return nil, artifact.Usagef("%s: %q is not a name in a registry", im.Title(), at.repository)
		}
		if !registry.ValidTag(at.reference) && digest.Digest(at.reference).Validate() != nil {
			return nil, artifact.Usagef("%s: %q is neither a tag nor a digest", im.Title(), at.reference)
		}
		if other, is := taken[at]; is && other.Digest != im.Digest && (t.Repository == "" || im.Subject != "") {
			return nil, artifact.Hint(artifact.Usagef("%s and %s would both be %s/%s", other.Title(), im.Title(), t.Host, at.name()), "export them into two bundles, and import these with different --prefix")
		}
		taken[at] = im
		all[keyOf(im)] = at
	}
	if t.Repository != "" && own > 1 {
		return nil, artifact.Hint(artifact.Usagef("%s is the name of one image, and there are %d", t, own), "write docker://%s: each image keeps its name; --prefix PREFIX/ puts something before it", t.Host)
	}
	return all, nil
}

func (t Target) place(im content.Image, before string) (image, error) {
	name := im.Name
	if !im.InRegistry {
		name = withoutHost(name)
	}
	at, named := parseName(name)
	tag := im.Name[strings.LastIndexAny(im.Name, ":/")+1:]
	attached := im.Subject != ""
	switch {
	case t.Repository != "" && !attached:
		if strings.Contains(t.Reference, ":") && t.Reference != im.Digest.String() {
			return at, artifact.Usagef("%s: the image has the digest %s", t, im.Digest)
		}
		return image{t.Repository, t.Reference}, nil
	case attached && (t.Repository != "" || !named):
		if before == "" && t.Repository == "" {
			return at, fmt.Errorf("%s: it is attached to an image that is not here, and has no name in a registry", im.Title())
		}
		if t.Repository != "" {
			before = t.Repository
		}
		if named && !strings.Contains(at.reference, ":") {
			return image{before, at.reference}, nil
		}
		if attachedTo(tag) != "" {
			return image{before, tag}, nil
		}
		return image{before, im.Digest.String()}, nil
	case !named || !strings.Contains(at.reference, ":") && !registry.ValidTag(at.reference):
		return at, artifact.Hint(artifact.Usagef("the image %q has no name of the form REPOSITORY:TAG, so it is not known where it goes in %s", im.Title(), t), "import it alone: --to docker://%s/NAME:TAG", t.Host)
	}
	at.repository = t.Prefix + at.repository
	return at, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?$`)

// withoutHost is a name without the registry before it: a first part with a dot or a port, or localhost.
func withoutHost(name string) string {
	first, rest, found := strings.Cut(name, "/")
	if found && hostName.MatchString(first) && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return rest
	}
	return name
}
