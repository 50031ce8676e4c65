package images

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	platform "github.com/containerd/platforms"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Needs implements artifact.Needer: an image needs nothing.
func (Kind) Needs(*artifact.Item) []string { return nil }

// NodeArchitecture implements artifact.Installer: images are for any node, but for what each says of itself.
func (Kind) NodeArchitecture(string) (string, error) { return artifact.AnyArchitecture, nil }

// PlanInstall implements artifact.Installer: of each image the one for the node's platform, without those that every runtime of the node has
// already. Images for an unknown node are for all platforms.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	plan := &artifact.InstallPlan{Architecture: cmp.Or(req.Architecture, artifact.AnyArchitecture)}
	chosen, err := chooseImages(&req)
	if err != nil {
		return nil, err
	}
	has := make(map[*artifact.Item]bool)
	if req.Root == "/" {
		if has, err = localMachine.present(ctx, chosen); err != nil {
			return nil, err
		}
	}
	var step []*artifact.Item
	for _, item := range chosen {
		if has[item] {
			plan.Present = append(plan.Present, reference(item))
		} else {
			step = append(step, item)
		}
	}
	if len(step) > 0 {
		plan.Steps = [][]*artifact.Item{step}
	}
	return plan, nil
}

// chooseImages returns what a request means, in the order of IDs.
func chooseImages(req *artifact.InstallRequest) (chosen []*artifact.Item, err error) {
	match := nodePlatform(req)
	byReference := make(map[string][]*artifact.Item)
	for at := range req.Pins.Items {
		if item := &req.Pins.Items[at]; slices.Contains(req.Set, item.ID()) {
			byReference[reference(item)] = append(byReference[reference(item)], item)
		}
	}
	for _, one := range byReference {
		chosen = append(chosen, suitable(one, match)...)
	}
	for _, name := range req.Names {
		named := make(map[string][]*artifact.Item)
		for at := range req.Pins.Items {
			if item := &req.Pins.Items[at]; isNamed(item, name) {
				named[reference(item)] = append(named[reference(item)], item)
			}
		}
		one, err := oneOf(name, named, match)
		if err != nil {
			return nil, err
		}
		for _, item := range one {
			if !slices.Contains(chosen, item) {
				chosen = append(chosen, item)
			}
		}
	}
	for _, item := range chosen {
		if !isImage(item) {
			return nil, artifact.Hint(fmt.Errorf("%s: it is not an image, but %s, which a container runtime cannot load", reference(item), cmp.Or(value(item.Metadata, keyMedia), "an artifact")),
				"take it out of the set: clients get it from the mirror; or carry its file as a file of the kind files")
		}
	}
	slices.SortFunc(chosen, func(a, b *artifact.Item) int { return strings.Compare(a.ID(), b.ID()) })
	return chosen, nil
}

// oneOf returns the images that a name means; it must be one, for the platform or for all.
func oneOf(name string, named map[string][]*artifact.Item, match platform.MatchComparer) ([]*artifact.Item, error) {
	references := make([]string, 0, len(named))
	for r := range named {
		references = append(references, r)
	}
	slices.Sort(references)
	switch {
	case len(references) == 0:
		return nil, fmt.Errorf("%s: no image has this name", name)
	case len(references) > 1:
		return nil, artifact.Hint(fmt.Errorf("%s: %d images have this name", name, len(references)), "name one of them: %s", near(name, references))
	}
	items := named[references[0]]
	if chosen := suitable(items, match); chosen != nil {
		return chosen, nil
	}
	var has []string
	for _, item := range items {
		has = append(has, platformOf(item))
	}
	return nil, fmt.Errorf("%s: it is carried for %s, which this node cannot run", references[0], strings.Join(has, ", "))
}

// suitable are the items of one image that the node can run: the best of them; all if match is nil; those without a platform in any case.
func suitable(items []*artifact.Item, match platform.MatchComparer) (chosen []*artifact.Item) {
	slices.SortFunc(items, func(a, b *artifact.Item) int { return strings.Compare(a.Key, b.Key) })
	var best *artifact.Item
	for _, item := range items {
		p, err := platform.Parse(platformOf(item))
		switch {
		case match == nil || platformOf(item) == "":
			chosen = append(chosen, item)
		case err != nil || !match.Match(p):
		case best == nil:
			best = item
		default:
			if other, err := platform.Parse(platformOf(best)); err == nil && match.Less(p, other) {
				best = item
			}
		}
	}
	if best != nil {
		chosen = append(chosen, best)
	}
	return chosen
}

// nodePlatform is what the node of a request can run; nil: it is not known.
func nodePlatform(req *artifact.InstallRequest) platform.MatchComparer {
	if req.Architecture == "" || req.Architecture == artifact.AnyArchitecture {
		if req.Root == "" {
			return nil
		}
		return platform.Only(platform.DefaultSpec())
	}
	return platform.Only(debianPlatform(req.Architecture))
}

// debianPlatforms are the platforms of Debian's architectures whose names differ: wiki.debian.org/SupportedArchitectures.
var debianPlatforms = map[string]v1.Platform{
	"armhf": {Architecture: "arm", Variant: "v7"}, "armel": {Architecture: "arm", Variant: "v5"}, "i386": {Architecture: "386"},
	"ppc64el": {Architecture: "ppc64le"}, "mips64el": {Architecture: "mips64le"}, "mipsel": {Architecture: "mipsle"}, "loong64": {Architecture: "loong64"},
}

// debianPlatform is the platform of a node, whose architecture other kinds of the image name as Debian does.
func debianPlatform(architecture string) v1.Platform {
	p, differs := debianPlatforms[architecture]
	if !differs {
		p.Architecture = architecture
	}
	p.OS = "linux"
	return platform.Normalize(p)
}
