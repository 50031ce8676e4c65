package deb822

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// SourceArchitecture is the architecture of items that are source packages, as apt and dpkg call it.
const SourceArchitecture = "source"

// IsSource reports whether an item is a source package.
func IsSource(i *artifact.Item) bool { return i.Architecture() == SourceArchitecture }

// Stanzas yields the paragraphs of an index, without the empty lines between them.
func Stanzas(text string) iter.Seq[string] {
	return func(yield func(stanza string) bool) {
		start := -1
		for at := 0; at <= len(text); {
			line, next := lineAt(text, at)
			switch {
			case line != "" && start < 0:
				start = at
			case line == "" && start >= 0:
				if !yield(strings.TrimRight(text[start:at], "\r\n")) {
					return
				}
				start = -1
			}
			at = next
		}
	}
}

// sourceFields are the fields of a stanza of a Sources index that WriteSource makes from the item, and the digests that are
// too weak to repeat. SHA-512 digests would only repeat what the SHA-256 says.
var sourceFields = []string{"Package", "Version", "Directory", "Files", "Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512"}

// SourceFiles are the files of a source package as its stanza in a Sources index lists them, the .dsc first. The paths are
// below the archive.
func SourceFiles(stanza string) (files []artifact.File, err error) {
	list := StanzaField(stanza, "Checksums-Sha256")
	if list == "" {
		return nil, errors.New("it has no Checksums-Sha256; weaker digests are not accepted")
	}
	directory := StanzaField(stanza, "Directory")
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 || !artifact.ValidSHA256(words[0]) || strings.Contains(words[2], "/") {
			return nil, fmt.Errorf("Checksums-Sha256: want \"DIGEST SIZE NAME\", not %q", Excerpt(strings.TrimSpace(line)))
		}
		size, err := ParseSize(words[1])
		if err != nil || size < 0 || size > MaxPackage {
			return nil, fmt.Errorf("%s: invalid size %q", words[2], Excerpt(words[1]))
		}
		file, err := FilePath(path.Join(directory, words[2]))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, func(f artifact.File) bool { return f.Path == file }) {
			return nil, fmt.Errorf("%s is listed twice", words[2])
		}
		files = append(files, artifact.File{Path: file, Size: size, SHA256: words[0]})
	}
	dsc := slices.IndexFunc(files, func(f artifact.File) bool { return path.Ext(f.Path) == ".dsc" })
	if dsc < 0 {
		return nil, errors.New("it lists no .dsc file")
	}
	return slices.Concat(files[dsc:dsc+1], files[:dsc], files[dsc+1:]), nil
}

// SourceMetadata are the lines of a stanza of a Sources index for which Item has no field.
func SourceMetadata(stanza string) []string { return linesWithout(stanza, sourceFields) }

// WriteSource writes the stanza of a source package in a Sources index: upstream's own fields, and the location of the
// files on the mirror.
func WriteSource(b *bytes.Buffer, i *artifact.Item) {
	fmt.Fprintf(b, "Package: %s\nVersion: %s\n", i.Name, i.Version)
	writeMetadata(b, i)
	fmt.Fprintf(b, "Directory: %s\nChecksums-Sha256:\n", path.Dir(i.Files[0].Path))
	for _, f := range i.Files {
		fmt.Fprintf(b, " %s %d %s\n", f.SHA256, f.Size, path.Base(f.Path))
	}
	b.WriteByte('\n')
}

// SourceOf names the source package that a binary package was built from (Policy 5.6.1), and its version.
func SourceOf(name, version, field string) (source, sourceVersion string) {
	source, rest, _ := strings.Cut(field, "(")
	if source = TrimSpace(source); source == "" {
		source = name
	}
	if within, _, closed := strings.Cut(rest, ")"); closed {
		return source, TrimSpace(within)
	}
	return source, version
}
