package images

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// The parts of an item: Item.Files has first what the image consists of, then what is attached to it.
type parts struct {
	root     *artifact.File   // what the tag names
	above    []*artifact.File // indexes between it and the platform's manifest
	manifest *artifact.File   // of the platform; root, if that is no index
	config   *artifact.File   // nil: there is none
	layers   []*artifact.File // each once
	attached []*artifact.File // manifests and blobs
}

// partsOf tells apart the files of an item.
func partsOf(i *artifact.Item) (p parts) {
	for at := range i.Files {
		f := &i.Files[at]
		folder, digest, _ := parseFilePath(f.Path)
		if p.root == nil {
			p.root = f
		}
		switch {
		case p.manifest == nil && digest == manifestOf(i):
			p.manifest = f
		case p.manifest == nil && f == p.root:
		case p.manifest == nil:
			p.above = append(p.above, f)
		case p.attached != nil || folder == manifestFolder:
			p.attached = append(p.attached, f)
		case p.config == nil:
			p.config = f
		default:
			p.layers = append(p.layers, f)
		}
	}
	if p.manifest == nil {
		p.manifest = p.root
	}
	return p
}

// own are the files that the image consists of.
func (p parts) own() (files []*artifact.File) {
	files = append(append(files, p.root), p.above...)
	if p.manifest != p.root {
		files = append(files, p.manifest)
	}
	if p.config != nil {
		files = append(files, p.config)
	}
	return append(files, p.layers...)
}

// digestOfFile is the digest in a file's path.
func digestOfFile(f *artifact.File) string {
	_, digest, _ := parseFilePath(f.Path)
	return digest
}

// typeOf is the media type of a manifest among the item's files.
func typeOf(i *artifact.Item, digest string) string {
	for _, v := range values(i.Metadata, keyType) {
		if d, mediaType, _ := strings.Cut(v, " "); d == digest {
			return mediaType
		}
	}
	return ""
}

// isImage reports whether a container runtime can run the item.
func isImage(i *artifact.Item) bool {
	return platformOf(i) != "" && value(i.Metadata, keyMedia) == ""
}
