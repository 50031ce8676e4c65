package imagelist

import (
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// parse reads the name of an image as container runtimes do, and completes it. The reason says why a text is not an image name.
func parse(text string) (image Image, reason string) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "{{") {
		return image, isTemplate
	}
	if strings.Contains(text, "$") {
		return image, isUnset
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		_, detail, _ := strings.Cut(err.Error(), "invalid reference format")
		return image, notName + detail
	}
	image = Image{Registry: reference.Domain(named), Repository: reference.Path(named)}
	if tagged, is := named.(reference.Tagged); is {
		image.Tag = tagged.Tag()
	}
	if digested, is := named.(reference.Digested); is {
		image.Digest = digested.Digest().String()
	}
	if image.Tag == "" && image.Digest == "" {
		image.Tag, image.Unstated = "latest", true
	}
	return image, ""
}

// String is the full name: "docker.io/library/nginx:1.25".
func (i *Image) String() string { return i.Registry + "/" + i.InRegistry() }

// InRegistry is the name without its registry, as a definition has it.
func (i *Image) InRegistry() string {
	name := i.Repository
	if i.Tag != "" {
		name += ":" + i.Tag
	}
	if i.Digest != "" {
		name += "@" + i.Digest
	}
	return name
}

// full matches texts that are almost certainly the name of an image: they state a registry, and a tag or a digest.
var full = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+|localhost)(?::[0-9]{1,5})?/[a-z0-9._/-]*[a-z0-9](?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`)

// parseFull is parse for a text that may be anything.
func parseFull(text string) (image Image, is bool) {
	if !full.MatchString(text) {
		return image, false
	}
	image, reason := parse(text)
	return image, reason == "" && !image.Unstated
}

// variables are those of compose files: Compose specification, "Interpolation".
var variables = regexp.MustCompile(`\$\$|\$\{[A-Za-z_][A-Za-z0-9_]*(?::?-([^}$]*))?\}`)

// withDefaults replaces variables by their defaults; what has none stays.
func withDefaults(text string) string {
	return variables.ReplaceAllStringFunc(text, func(variable string) string {
		match := variables.FindStringSubmatch(variable)
		if !strings.Contains(variable, "-") {
			return variable
		}
		return match[1]
	})
}
