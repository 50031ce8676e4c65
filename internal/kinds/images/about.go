package images

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/glob"
)

// What the labels of the OCI image specification 1.1, "Annotations", are called for people; these are shown first.
var knownLabels = []struct{ label, name string }{
	{"org.opencontainers.image.version", "Version"},
	{"org.opencontainers.image.source", "Made from"},
	{"org.opencontainers.image.revision", "Revision"},
	{"org.opencontainers.image.url", "Home page"},
	{"org.opencontainers.image.vendor", "Vendor"},
	{"org.opencontainers.image.licenses", "Licences"},
	{"org.opencontainers.image.base.name", "Base"},
}

// Labels that say in a line what the image is.
var titles = []string{"org.opencontainers.image.description", "org.label-schema.description", "description", "summary", "org.opencontainers.image.title"}

// Describe implements artifact.Describer.
func (Kind) Describe(i *artifact.Item) (d artifact.Description) {
	add := func(name, value string) {
		if value != "" {
			d.Fields = append(d.Fields, artifact.DescriptionField{Name: name, Value: []artifact.DescriptionPart{{Text: value}}})
		}
	}
	labels := make(map[string]string)
	for _, v := range values(i.Metadata, keyLabel) {
		if name, text, found := strings.Cut(v, "="); found {
			labels[name] = text
		}
	}
	p := partsOf(i)
	d.Summary = summary(i, labels)
	add("Reference", reference(i))
	add("Platform", platformOf(i))
	add("Kind of artifact", value(i.Metadata, keyMedia))
	add("Digest", digestOf(i))
	if manifestOf(i) != digestOf(i) {
		add("Manifest", manifestOf(i))
	}
	add("Created", value(i.Metadata, keyCreated))
	if len(p.layers) > 0 {
		add("Layers", sizes(p.layers))
	}
	for _, known := range knownLabels {
		add(known.name, labels[known.label])
		delete(labels, known.label)
	}
	add("Signed by", strings.Join(values(i.Metadata, keySigned), ", "))
	add("Attached", attachments(i, &p))
	add("Not carried", strings.Join(absentPlatforms(i), ", "))
	var rest []string
	for name, text := range labels {
		if !slices.Contains(titles, name) {
			rest = append(rest, name+"="+text)
		}
	}
	slices.Sort(rest)
	d.Text = strings.Join(rest, "\n")
	return d
}

func summary(i *artifact.Item, labels map[string]string) string {
	for _, label := range titles {
		if text := labels[label]; text != "" {
			return text
		}
	}
	switch media := value(i.Metadata, keyMedia); {
	case strings.HasPrefix(media, "application/vnd.cncf.helm."):
		return "a Helm chart"
	case media != "":
		return "an artifact in a registry"
	}
	return "a container image"
}

// sizes are the number of layers, and the size of all and of the largest.
func sizes(layers []*artifact.File) string {
	var sum, largest int64
	for _, f := range layers {
		sum, largest = sum+f.Size, max(largest, f.Size)
	}
	if len(layers) == 1 {
		return "1, " + bytesize.MB(sum)
	}
	return fmt.Sprintf("%d, %s in all; the largest has %s", len(layers), bytesize.MB(sum), bytesize.MB(largest))
}

// attachments are the kinds of what is attached, in the words of a definition, and how many there are of each.
func attachments(i *artifact.Item, p *parts) string {
	count := make(map[string]int)
	add := func(tag string, d *v1.Descriptor) {
		kinds := kindsOf(tag, d, &document{})
		if len(kinds) == 0 {
			kinds = []string{"other"}
		}
		for _, kind := range kinds {
			count[kind]++
		}
	}
	for _, v := range values(i.Metadata, keyReferrer) {
		if _, d, err := parseReferrer(v); err == nil {
			add("", &d)
		}
	}
	for _, v := range values(i.Metadata, keyTag) {
		if tag, _, _ := strings.Cut(v, " "); path.Ext(tag) != "" { // the others list referrers
			add(tag, &v1.Descriptor{})
		}
	}
	if len(count) == 0 && len(p.attached) > 0 {
		return attestations // of BuildKit's: they are in the index itself
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		names = append(names, fmt.Sprintf("%s: %d", name, count[name]))
	}
	return strings.Join(names, ", ")
}

// absentPlatforms are those of the index that are not carried, each once.
func absentPlatforms(i *artifact.Item) (names []string) {
	for _, v := range values(i.Metadata, keyAbsent) {
		digest, platform, _ := strings.Cut(v, " ")
		if platform == "" {
			platform = digest
		}
		if !slices.Contains(names, platform) {
			names = append(names, platform)
		}
	}
	return names
}

// Why implements artifact.Explainer.
func (Kind) Why(definition artifact.Spec, pins artifact.Pins, name string) (reasons []artifact.Reason, err error) {
	s := definition.(*spec)
	pattern, err := glob.ParsePath(name)
	if err != nil {
		return nil, artifact.Usagef("%q is not a valid name or pattern: %w", name, err)
	}
	var known []string
	for i := range pins.Items {
		item := &pins.Items[i]
		known = append(known, reference(item))
		if !isNamed(item, name) && !slices.ContainsFunc(append(Kind{}.Aliases(item), item.Name), pattern.Match) {
			continue
		}
		reason := artifact.Reason{Artifact: reference(item)}
		if p := platformOf(item); p != "" {
			reason.Artifact += " (" + p + ")"
		}
		for at := range s.sources {
			if source := &s.sources[at]; source.name() == item.Source {
				reason.Chain = append(reason.Chain, source.reasons(item)...)
			}
		}
		for _, set := range slices.Sorted(maps.Keys(s.sets)) {
			for r := range s.sets[set] {
				if request := &s.sets[set][r]; request.means(item) {
					reason.Chain = append(reason.Chain, fmt.Sprintf("%s: the set %s has %s", request.section.Position(), set, request))
					break
				}
			}
		}
		reasons = append(reasons, reason)
	}
	if reasons == nil {
		return nil, artifact.Hint(fmt.Errorf("the lock has no image %q", name), "it has: %s", near(name, known))
	}
	return reasons, nil
}

// reasons say which lines of the definition ask for an item of the source.
func (s *source) reasons(item *artifact.Item) (lines []string) {
	for r := range s.take {
		if request := &s.take[r]; request.repository.Match(item.Name) && (request.digest == digestOf(item) || request.matchTag(item.Version)) {
			lines = append(lines, fmt.Sprintf("%s: %s: take has %s", request.section.Position(), s.registry, request))
			break
		}
	}
	if p := platformOf(item); p != "" {
		lines = append(lines, fmt.Sprintf("%s: %s: platforms are %s", s.section.Position(), s.registry, s.platforms.String()))
	}
	return lines
}
