package images

import (
	"path/filepath"
	"slices"
	"strings"

	platform "github.com/containerd/platforms"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// platforms are those that a definition wants.
type platforms struct {
	all    bool
	wanted []v1.Platform // normalized
}

// has reports whether a platform is wanted. One without a variant stands for all its variants.
func (p *platforms) has(o *v1.Platform) bool {
	if p.all || o == nil {
		return true
	}
	normal := platform.Normalize(*o)
	return slices.ContainsFunc(p.wanted, func(w v1.Platform) bool {
		return w.OS == normal.OS && w.Architecture == normal.Architecture && (w.Variant == "" || w.Variant == normal.Variant)
	})
}

// String lists them: "linux/amd64, linux/arm64".
func (p *platforms) String() string {
	if p.all {
		return "all"
	}
	var names []string
	for _, w := range p.wanted {
		names = append(names, platformName(&w))
	}
	return strings.Join(names, ", ")
}

// platformName is a platform as it is written: "linux/arm64/v8".
func platformName(p *v1.Platform) string {
	if p == nil || p.OS == "" && p.Architecture == "" {
		return ""
	}
	name := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		name += "/" + p.Variant
	}
	return name
}

// defaultPlatforms apply if a definition lists none.
var defaultPlatforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}}

func parsePlatforms(section artifact.Section) (p platforms, err error) {
	switch {
	case section == nil:
		return platforms{wanted: defaultPlatforms}, nil
	case section.IsText():
		var word string
		if err := section.Decode(&word); err != nil {
			return p, err
		}
		if word != "all" {
			return p, artifact.Hint(section.Errorf("platforms: %q is neither a list nor the word all", word), "write platforms: [ linux/amd64, linux/arm64 ], or platforms: all")
		}
		return platforms{all: true}, nil
	}
	var list []string
	if err := section.Decode(&list); err != nil {
		return p, err
	}
	if len(list) == 0 {
		return p, artifact.Hint(section.Errorf("platforms: the list is empty"), "write platforms: [ linux/amd64 ], or platforms: all")
	}
	for _, text := range list {
		if strings.Count(text, "/") == 0 || !validPlatform(text) {
			return p, artifact.Hint(section.Errorf("platforms: %q is not a platform", text), "write OS/ARCHITECTURE, such as linux/amd64 or linux/arm/v7")
		}
		one, err := platform.Parse(text)
		if err != nil {
			return p, artifact.Hint(section.Errorf("platforms: %q is not a platform", text), "write OS/ARCHITECTURE, such as linux/amd64 or linux/arm/v7")
		}
		p.wanted = append(p.wanted, v1.Platform{OS: one.OS, Architecture: one.Architecture, Variant: one.Variant})
	}
	return p, nil
}

// referrers are the kinds of attached artifacts that a definition wants.
type referrers struct {
	all   bool // also artifacts of other kinds
	kinds []string
}

// The words for kinds of attached artifacts.
const (
	signatures   = "signatures"
	sboms        = "sbom"
	attestations = "attestations"
)

func (r *referrers) none() bool { return !r.all && len(r.kinds) == 0 }

// has reports whether a kind is wanted; "" is an unknown one.
func (r *referrers) has(kind string) bool { return r.all || slices.Contains(r.kinds, kind) }

func parseReferrers(section artifact.Section) (r referrers, err error) {
	words := []string{signatures, sboms, attestations}
	switch {
	case section == nil:
		return referrers{all: true}, nil
	case section.IsText():
		var word string
		if err := section.Decode(&word); err != nil {
			return r, err
		}
		switch word {
		case "all":
			return referrers{all: true}, nil
		case "none":
			return referrers{}, nil
		}
		return r, artifact.Hint(section.Errorf("referrers: %q is neither all nor none", word), "write referrers: all, referrers: none, or a list of %s", strings.Join(words, ", "))
	}
	if err := section.Decode(&r.kinds); err != nil {
		return r, err
	}
	for _, kind := range r.kinds {
		if !slices.Contains(words, kind) {
			return r, artifact.Hint(section.Errorf("referrers: %q is not a kind of attached artifacts", kind), "the kinds are: %s; write all for these and others", strings.Join(words, ", "))
		}
	}
	return r, nil
}

// A keyFile is a public key of the definition.
type keyFile struct {
	name string // as it is written
	data []byte // PEM
}

// verifySpec is the value of "verify" as it is written.
type verifySpec struct {
	Cosign []string `yaml:"cosign"`
}

func parseVerify(section artifact.Section, dir string) (keys []keyFile, err error) {
	if section == nil {
		return nil, nil
	}
	var raw verifySpec
	if err := section.Decode(&raw); err != nil {
		return nil, artifact.Hint(err, "write verify: { cosign: [ keys/acme.pub ] }")
	}
	if len(raw.Cosign) == 0 {
		return nil, artifact.Hint(section.Errorf("verify: no key is named"), "write verify: { cosign: [ keys/acme.pub ] }, or leave it out")
	}
	for _, name := range raw.Cosign {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		data, err := artifact.ReadFile(file)
		if err != nil {
			return nil, artifact.Hint(section.Errorf("verify: %w", err), "name the file with the public key (PEM) of whoever signs the images, relative to the definition's folder")
		}
		keys = append(keys, keyFile{name, data})
	}
	return keys, nil
}
