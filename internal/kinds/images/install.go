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
	"github.com/minimirror/minimirror/internal/kinds/images/runtimes"
)

// Needs implements artifact.Needer: an image needs no other items.
func (Kind) Needs(*artifact.Item) []string { return nil }

// NodeArchitecture implements artifact.Installer: only the platform of each image restricts on which nodes it runs.
func (Kind) NodeArchitecture(string) (string, error) { return artifact.AnyArchitecture, nil }

// PlanInstall implements artifact.Installer: it plans each image for the node's platform, without those that every runtime of the node already
// has. If the node is unknown, it plans all platforms.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	plan := &artifact.InstallPlan{Architecture: cmp.Or(req.Architecture, artifact.AnyArchitecture)}
	chosen, skipped, err := chooseImages(&req)
	if err != nil {
		return nil, err
	}
	plan.Skipped = skipped
	images, err := loadable(chosen)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(chosen))
	if req.Root == "/" {
		if has, err = runtimes.Present(ctx, images); err != nil {
			return nil, err
		}
	}
	var step []*artifact.Item
	for at, item := range chosen {
		if has[at] {
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

// Install implements artifact.Installer.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error {
	var all []runtimes.Image
	for s, step := range job.Items {
		images, err := loadable(step)
		if err != nil {
			return err
		}
		at := 0
		for n, item := range step {
			for f := range item.Files {
				if at == len(job.Steps[s]) {
					return fmt.Errorf("images: %s: its files are missing", item.ID())
				}
				for own := range images[n].Files {
					if file := &images[n].Files[own]; file.Digest == digestOfFile(&item.Files[f]) && file.Name == "" {
						file.Name = strings.TrimPrefix(job.Steps[s][at], "/")
					}
				}
				at++
			}
		}
		all = append(all, images...)
	}
	return runtimes.Install(ctx, job, all)
}

// Extra implements artifact.Installer: install.sh loads each image of the plans for the machine's platform.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	var items []*artifact.Item
	for _, plan := range plans {
		for _, item := range slices.Concat(plan.Steps...) {
			if !slices.ContainsFunc(items, func(other *artifact.Item) bool { return other.ID() == item.ID() }) {
				items = append(items, item)
			}
		}
	}
	images, err := loadable(items) // PlanInstall has made sure that they are
	if err != nil {
		return nil
	}
	return map[string][]byte{runtimes.ScriptName: runtimes.Script(title, images)}
}

// loadable are the images of items, in the form in which runtimes load them.
func loadable(items []*artifact.Item) (images []runtimes.Image, err error) {
	for _, i := range items {
		p := partsOf(i)
		byDigest := registryName(i.Source) + "/" + i.Name + "@" + digestOf(i)
		image := runtimes.Image{Names: []string{byDigest}, Tagged: tagOf(i) != "", Platform: platformOf(i), MediaType: typeOf(i, digestOf(i)), Root: digestOf(i), Manifest: manifestOf(i)}
		if image.Tagged {
			image.Names = []string{reference(i), byDigest}
		}
		if image.MediaType == "" || p.config == nil {
			return nil, artifact.Verifyf("%s: the mirror does not state the type of its manifest", reference(i))
		}
		if normal, err := platform.Parse(image.Platform); err == nil {
			image.Platform = platform.Format(platform.Normalize(normal))
		}
		image.Config = digestOfFile(p.config)
		for _, f := range p.own() {
			image.Files = append(image.Files, runtimes.File{Digest: digestOfFile(f), Size: f.Size, SHA256: f.SHA256})
		}
		images = append(images, image)
	}
	return images, nil
}

// chooseImages returns what a request means, in the order of IDs. skipped are the images of the set that the node cannot run, with their platforms.
func chooseImages(req *artifact.InstallRequest) (chosen []*artifact.Item, skipped []string, err error) {
	match := nodePlatform(req)
	byReference := make(map[string][]*artifact.Item)
	for at := range req.Pins.Items {
		if item := &req.Pins.Items[at]; slices.Contains(req.Set, item.ID()) {
			byReference[reference(item)] = append(byReference[reference(item)], item)
		}
	}
	for name, one := range byReference {
		found := suitable(one, match)
		if found == nil {
			skipped = append(skipped, fmt.Sprintf("%s (%s)", name, platformsOf(one)))
		}
		chosen = append(chosen, found...)
	}
	slices.Sort(skipped)
	for _, name := range req.Names {
		named := make(map[string][]*artifact.Item)
		for at := range req.Pins.Items {
			if item := &req.Pins.Items[at]; isNamed(item, name) {
				named[reference(item)] = append(named[reference(item)], item)
			}
		}
		one, err := oneOf(name, named, match)
		if err != nil {
			return nil, nil, err
		}
		for _, item := range one {
			if !slices.Contains(chosen, item) {
				chosen = append(chosen, item)
			}
		}
	}
	for _, item := range chosen {
		if !isImage(item) {
			return nil, nil, artifact.Hint(fmt.Errorf("%s: it is not an image, but %s, which a container runtime cannot load", reference(item), cmp.Or(value(item.Metadata, keyMedia), "an artifact")),
				"take it out of the set: clients get it from the mirror; or carry its file as a file of the kind files")
		}
	}
	slices.SortFunc(chosen, func(a, b *artifact.Item) int { return strings.Compare(a.ID(), b.ID()) })
	return chosen, skipped, nil
}

// oneOf returns the items of the one image that a name means, for the platform or for all.
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
	return nil, fmt.Errorf("%s: it is carried for %s, which this node cannot run", references[0], platformsOf(items))
}

// platformsOf lists the platforms of items.
func platformsOf(items []*artifact.Item) string {
	var has []string
	for _, item := range items {
		has = append(has, platformOf(item))
	}
	return strings.Join(has, ", ")
}

// suitable are those items of one image that fit the node best; all if match is nil. Items without a platform always fit.
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

// nodePlatform matches the platforms that the node of a request can run; nil: not known.
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
