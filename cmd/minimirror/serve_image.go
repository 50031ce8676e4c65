package main

import (
	"fmt"
	"os"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/signing"
)

// openImage opens what is to be served: an image, an unpacked tree, or what this program lies in.
func openImage(ref, root string) (*image.Image, error) {
	if ref != "" {
		parsed, err := image.ParseReadable(ref)
		if err != nil {
			return nil, err
		}
		img, err := image.Open(parsed)
		return img, hintMissing(err, ref)
	}
	if root != "" {
		return image.OpenRoot(root)
	}
	root = "/" + image.Root
	if _, err := os.Stat(root); err != nil {
		return nil, artifact.Hint(artifact.Usagef("there is nothing to serve here"), "name an image, for example: minimirror serve --image oci:out/docker")
	}
	return image.OpenRoot(root)
}

// signerOf makes signers of the key in the file, which must be the image's.
func signerOf(img *image.Image, file string) (func(time.Time) (artifact.Signer, error), error) {
	if file == "" {
		return nil, nil
	}
	key, err := signing.Read(file)
	if err != nil {
		return nil, err
	}
	public, err := img.ReadFile(image.KeyPath)
	if err != nil {
		return nil, err
	}
	if !key.Is(public) {
		return nil, artifact.Hint(fmt.Errorf("signing key %s: it did not build this image: clients would refuse what it signs", file), "name the key that minimirror build used")
	}
	return key.At, nil
}
