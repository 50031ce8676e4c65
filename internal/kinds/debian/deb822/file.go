package deb822

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// FilePath is the path of a file below its source, from its Filename as archives write
// it: "./x", "/pool/x", "a//b". It never leads outside the source, even if a proxy
// decodes an address more than once.
func FilePath(filename string) (string, error) {
	if filename == "" {
		return "", errors.New("it has no Filename")
	}
	invalid := func() error { return fmt.Errorf("invalid Filename %q", Excerpt(filename)) }
	relative := strings.TrimLeft(filename, "/")
	file := path.Clean(relative)
	if !artifact.ValidPath(file) || !utf8.ValidString(file) || strings.HasSuffix(relative, "/") || strings.Contains(relative, "://") {
		return file, invalid()
	}
	for before, decoded := "", relative; before != decoded; {
		before = decoded
		if once, err := url.PathUnescape(before); err == nil {
			decoded = once
		}
		if decoded != before && (strings.Contains(decoded, "\\") || slices.ContainsFunc(strings.Split(decoded, "/"), isDots)) {
			return file, invalid()
		}
	}
	// The mirror has its own metadata there; some archives keep packages beside theirs.
	if file == "dists" || strings.HasPrefix(file, "dists/") && !IsPackageFile(file) {
		return file, fmt.Errorf("invalid Filename %q: only files that end in .deb, .ddeb or .udeb can be below dists", Excerpt(filename))
	}
	return file, nil
}

// IsPackageFile reports whether a file is a package by its name: Ubuntu's packages of debug symbols end in .ddeb, those of
// installers in .udeb.
func IsPackageFile(name string) bool {
	return slices.Contains([]string{".deb", ".ddeb", ".udeb"}, path.Ext(name))
}

// IsSourceFile reports whether a file is part of a source package by its name: dsc(5).
func IsSourceFile(name string) bool {
	name = strings.TrimSuffix(path.Base(name), ".asc")
	return path.Ext(name) == ".dsc" || strings.Contains(name, ".tar.") || strings.HasSuffix(name, ".diff.gz")
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// MaxPackage is the largest size of a package that is believed, in bytes.
const MaxPackage = 1 << 40

// ErrWeakDigests is the error about a package that upstream lists with MD5 or SHA-1 alone; WeakHint says what to do.
var ErrWeakDigests = errors.New("the index names neither a SHA256 nor a SHA512 digest; weaker ones are not accepted")

// ParseSize reads a Size as apt does: the number that it begins with.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimPrefix(text, "+")
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	return strconv.ParseInt(digits, 10, 64)
}

// SignedSHA512 is the SHA-512 of an item for which upstream signs no SHA-256.
func SignedSHA512(a *artifact.Item) string { return MetadataField(a, "SHA512") }

// MetadataField returns the first line of a field of an item's stanza, or "". It is StanzaField without joining Metadata first.
func MetadataField(a *artifact.Item, name string) (value string) {
	for _, line := range a.Metadata {
		if len(line) > len(name) && strings.EqualFold(line[:len(name)], name) {
			if rest := strings.TrimLeft(line[len(name):], " \t"); rest != "" && rest[0] == ':' {
				value = TrimSpace(rest[1:])
			}
		}
	}
	return value
}

// WeakHint is the hint of errors about digests that are not accepted.
const WeakHint = "ask upstream for SHA256 digests; until then, check the packages yourself and publish them in a repository of your own (apt-ftparchive, aptly, reprepro)"

// SHA256 is the digest of data in 64 lower-case hexadecimal digits, as indexes have it.
func SHA256(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// DpkgName is how dpkg names a package of an architecture.
func DpkgName(name, architecture string) string {
	if architecture == "all" {
		return name
	}
	return name + ":" + architecture
}

// DateLayout is the layout of dates in Release files.
const DateLayout = "Mon, 02 Jan 2006 15:04:05 UTC"
