package images

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Files are below their source in two folders: manifests and blobs, as registries distinguish them. The same bytes may be in both.
const (
	manifestFolder = "manifests/"
	blobFolder     = "blobs/"
)

// validDigest reports whether text is a digest that images use: OCI image specification 1.1, descriptor.md, "Digests". Other
// algorithms than these two are not registered.
func validDigest(text string) bool {
	algorithm, encoded, _ := strings.Cut(text, ":")
	switch algorithm {
	case "sha256":
		return artifact.ValidSHA256(encoded)
	case "sha512":
		return artifact.ValidSHA512(encoded)
	}
	return false
}

// filePath is the path of a file below its source: "blobs/sha256/HEX".
func filePath(folder, digest string) string { return folder + strings.Replace(digest, ":", "/", 1) }

// parseFilePath returns the folder and the digest of a file.
func parseFilePath(path string) (folder, digest string, ok bool) {
	for _, folder := range []string{manifestFolder, blobFolder} {
		if rest, found := strings.CutPrefix(path, folder); found {
			digest = strings.Replace(rest, "/", ":", 1)
			return folder, digest, validDigest(digest)
		}
	}
	return "", "", false
}

// contentOf is the content that a descriptor describes.
func contentOf(digest string, size int64) artifact.Content {
	c := artifact.Content{Size: size}
	if algorithm, encoded, _ := strings.Cut(digest, ":"); algorithm == "sha512" {
		c.SHA512 = encoded
	} else {
		c.SHA256 = encoded
	}
	return c
}

// sha256Of is the digest of bytes.
func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// The parts of an item: Item.Files lists first the files of the image, then those of attached artifacts.
type parts struct {
	root     *artifact.File   // what the tag names
	above    []*artifact.File // indexes between it and the platform's manifest
	manifest *artifact.File   // of the platform; root, if root is not an index
	config   *artifact.File   // nil: there is none
	layers   []*artifact.File // each once
	attached []*artifact.File // manifests and blobs
}

// partsOf divides the files of an item into its parts.
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
