package artifact

import (
	"cmp"
	"fmt"
	"strings"
)

// An Item is what people, rules and sets name: a package, an image, a release of a
// project. It has one or more files.
type Item struct {
	Kind    string `json:"kind"`
	Source  string `json:"source"` // name of the source; the first element of its files' addresses on the mirror
	Name    string `json:"name"`
	Version string `json:"version"`

	// Attributes tell the item from others of the same name and version, in the kind's own words.
	Attributes Attributes `json:"attributes,omitempty"`
	// Security means that the item is a security update.
	Security bool `json:"security,omitempty"`
	// Requested means that the definition names it, in a set or elsewhere; otherwise it is
	// carried because another item needs it.
	Requested bool `json:"requested,omitempty"`

	// Key identifies the item within its source; empty: the path of its first file does.
	// It is slash-separated and clean.
	Key string `json:"key,omitempty"`

	// Files are in the kind's own order. Items of one source may share files: two files with
	// the same path are the same file.
	Files []File `json:"files"`

	// Metadata is what upstream says about the item beyond the fields above, line by line, in
	// upstream's own format and order.
	Metadata []string `json:"metadata,omitempty"`
}

// A File is immutable bytes of upstream, pinned.
type File struct {
	Path   string   `json:"path"`   // slash-separated and clean, below the source
	Size   int64    `json:"size"`   // bytes
	SHA256 string   `json:"sha256"` // 64 lower-case hexadecimal digits
	URLs   []string `json:"urls"`   // upstream's addresses of it, in the order to try
}

// Content identifies the file's bytes.
func (f *File) Content() Content { return Content{Size: f.Size, SHA256: f.SHA256} }

// ID names the item within a lock or an image: "SOURCE/KEY".
func (i *Item) ID() string {
	if i.Key == "" && len(i.Files) > 0 {
		return i.Source + "/" + i.Files[0].Path
	}
	return i.Source + "/" + i.Key
}

// FileID names one of the item's files within a lock or an image, and on the mirror: "SOURCE/PATH".
func (i *Item) FileID(f *File) string { return i.Source + "/" + f.Path }

// Size is the size of all its files in bytes.
func (i *Item) Size() (size int64) {
	for f := range i.Files {
		size += i.Files[f].Size
	}
	return size
}

// Architecture is the attribute of that name, which many kinds have.
func (i *Item) Architecture() string { return i.Attributes.Get("architecture") }

// String names the item for a person: "bash 5.2.15-2 (amd64)".
func (i *Item) String() string { return Title(i.Name, i.Version, i.Architecture()) }

// Title names an item for a person. The version and the architecture may be empty.
func Title(name, version, architecture string) string {
	if version != "" {
		name += " " + version
	}
	if architecture != "" {
		name += " (" + architecture + ")"
	}
	return name
}

// Compare orders items as a lock lists them: by kind, source, name, architecture
// and ID.
func Compare(a, b *Item) int {
	return cmp.Or(
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Source, b.Source),
		strings.Compare(a.Name, b.Name), strings.Compare(a.Architecture(), b.Architecture()),
		strings.Compare(a.key(), b.key()))
}

func (i *Item) key() string {
	if i.Key == "" && len(i.Files) > 0 {
		return i.Files[0].Path
	}
	return i.Key
}

// Check refuses an item that could not be carried.
func (i *Item) Check() error {
	if len(i.Files) == 0 {
		return fmt.Errorf("%s: it has no files", i)
	}
	if key := i.key(); !ValidPath(key) {
		return fmt.Errorf("%s: invalid key %q", i, key)
	}
	var paths map[string]bool
	if len(i.Files) > 1 {
		paths = make(map[string]bool, len(i.Files))
	}
	for at := range i.Files {
		f := &i.Files[at]
		switch {
		case !ValidPath(f.Path):
			return fmt.Errorf("%s: invalid path %q", i, f.Path)
		case !ValidSHA256(f.SHA256):
			return fmt.Errorf("%s: %s: invalid sha256 %q", i, f.Path, f.SHA256)
		case f.Size < 0:
			return fmt.Errorf("%s: %s: invalid size %d", i, f.Path, f.Size)
		case paths[f.Path]:
			return fmt.Errorf("%s: %s is repeated", i, f.Path)
		case paths != nil:
			paths[f.Path] = true
		}
	}
	return i.Attributes.check()
}
