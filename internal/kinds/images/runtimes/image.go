// Package runtimes loads images into the container runtimes of a machine: containerd, Docker and podman. It reads files of the machine, and
// contacts no registry.
//
//	Image ──▶ OCI archive ──▶ ctr images import, docker load, podman load
//	      └─▶ a folder with a script, until a runtime runs
package runtimes

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An Image is an image for one platform.
type Image struct {
	Names     []string // by which it is asked for: with its tag if it is Tagged, and with its digest
	Tagged    bool
	Platform  string // "linux/arm/v7", normalized
	MediaType string // of Root
	Root      string // digest of the manifest or index
	Manifest  string // digest of the platform's manifest
	Config    string // digest of its configuration
	Files     []File // each once; Root is the first
}

// A File is a manifest or a blob.
type File struct {
	Digest string
	Size   int64  // bytes
	SHA256 string // as in artifact.File
	Name   string // below the root of the machine, once it is there
}

// Name is the first of the image's names.
func (i *Image) Name() string { return i.Names[0] }

// file finds a file by its digest.
func (i *Image) file(digest string) *File {
	at := slices.IndexFunc(i.Files, func(f File) bool { return f.Digest == digest })
	if at < 0 {
		return &File{}
	}
	return &i.Files[at]
}

func (f *File) content() artifact.Content { return artifact.Content{Size: f.Size, SHA256: f.SHA256} }
