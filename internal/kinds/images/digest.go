package images

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Files lie below their source in two folders: what is a manifest for a registry, and what is a blob. The same bytes may be both.
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

// contentOf is what a descriptor says of bytes.
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
