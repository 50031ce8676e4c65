package image

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// AnyPlatform in a Reference means the running platform or, if there is no image for it, the first that there is: for readers of the
// data, which in most indexes is the same in all images.
const AnyPlatform = "any"

// ParsePlatform parses linux/ARCHITECTURE[/VARIANT], or the architecture alone, in Go's words or as uname has it, and returns it in
// Go's words. The error is artifact.ErrUsage.
func ParsePlatform(text string) (v1.Platform, error) {
	full := text
	if !strings.Contains(text, "/") {
		full = "linux/" + text
	}
	p, err := platforms.Parse(full)
	if err != nil || p.OS != "linux" {
		return v1.Platform{}, artifact.Hint(artifact.Usagef("%q is not a platform of images", text), "write linux/amd64 or linux/arm64")
	}
	return p, nil
}

// isFor reports whether an image's platform is the wanted one; "" is the running one.
func isFor(p v1.Platform, wanted string) bool {
	if wanted == "" || wanted == AnyPlatform {
		return p.OS == "linux" && p.Architecture == runtime.GOARCH
	}
	want, err := ParsePlatform(wanted)
	got := platforms.Normalize(p)
	return err == nil && got.OS == want.OS && got.Architecture == want.Architecture && (want.Variant == "" || got.Variant == want.Variant)
}

// checkPlatform compares the platform that a configuration states with the wanted one, where one is named.
func checkPlatform(config v1.Image, wanted string) error {
	if wanted == "" || wanted == AnyPlatform || isFor(config.Platform, wanted) {
		return nil
	}
	if config.OS == "" {
		return errors.New("the image does not say for which platform it is")
	}
	is := platforms.FormatAll(config.Platform)
	return artifact.Hint(fmt.Errorf("the image is for %s, not for %s", is, wanted), "name %s, or leave the platform out", is)
}

// A choice is an image that was found in indexes.
type choice struct {
	v1.Descriptor
	among platformIndex
}

// A platformIndex is the index of several images for different platforms that an image was chosen from. The zero value: there was none.
type platformIndex struct {
	digest    digest.Digest // empty: the layout's index.json, which has none
	platforms []string      // such as "linux/amd64", in the order of the index
}

// indexOf is the index with these images, if they are for different platforms.
func indexOf(sum digest.Digest, images []v1.Descriptor) platformIndex {
	index := platformIndex{digest: sum}
	for _, d := range images {
		if d.Platform == nil {
			return platformIndex{}
		}
		if name := platforms.FormatAll(*d.Platform); !slices.Contains(index.platforms, name) {
			index.platforms = append(index.platforms, name)
		}
	}
	if len(index.platforms) < 2 {
		return platformIndex{}
	}
	return index
}
