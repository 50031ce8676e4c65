// Package tarlayer makes layers of images: tar archives whose bytes depend only on a list of entries. A Layer knows the offset of
// every file before a byte is read, so the catalog can record it; its bytes are generated while they are read, from files that stay
// in place.
package tarlayer

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A File is the content of an Entry, open.
type File interface {
	io.ReaderAt
	io.Closer
}

// An Entry is one regular file of a Layer, or another name of one.
type Entry struct {
	Path   string // below the image's root; artifact.ValidPath
	Mode   int64  // permission bits; 0 means 0644
	Size   int64  // bytes
	SHA256 string // of the content, 64 lower-case hexadecimal digits
	// Open gives the content. It is called for each reading, never for many entries at once.
	Open func() (File, error)
	// Data is the content when Open is nil; Size and SHA256 then follow from it.
	Data []byte
	// Link makes the entry a hard link: the path of another file of this layer, which
	// sorts before it. Only Path is used beside it.
	Link string
}

// A Layer is a tar archive (POSIX.1-1988 ustar; pax records only where a name or
// a size needs them) that exists only while it is read: its bytes are generated from
// the content of its entries. They depend on the entries' paths, modes and
// contents alone: entries are sorted by path, parent directories are added with
// mode 0755, everything belongs to uid and gid 0 without names, and is as old as
// the Unix epoch. A Layer is immutable; its methods may be called from several
// goroutines.
type Layer struct {
	members []Member
	size    int64
	plan    string
}

// A Member is a file or a directory at its place in the archive.
type Member struct {
	Entry
	Directory bool
	start     int64 // of the header
	content   int64 // of the first byte of content
}

const (
	TarBlock   = 512          // bytes; headers and contents fill whole blocks
	TarTrailer = 2 * TarBlock // bytes of zeros that end an archive
	Whiteout   = ".wh."       // begins the name of what deletes a file of a lower layer
	// layerFormat changes whenever the same entries would produce different bytes.
	layerFormat = "minimirror layer 1"
)

// New lays out a layer. It reads no file. It refuses paths that are not
// artifact.ValidPath, that are repeated, that are both a file and a
// directory, or that the OCI image specification treats as whiteouts (".wh.").
func New(entries []Entry) (*Layer, error) {
	l := &Layer{members: make([]Member, 0, len(entries)+16)}
	directories := make(map[string]bool)
	files := make(map[string]bool, len(entries))
	for _, e := range entries {
		files[e.Path] = e.Link == ""
	}
	for _, e := range entries {
		if e.Link != "" && (!files[e.Link] || e.Link >= e.Path) {
			return nil, fmt.Errorf("layer: %q: its link leads to %q, which is no file before it in this layer", e.Path, e.Link)
		}
		if err := e.complete(); err != nil {
			return nil, fmt.Errorf("layer: %q: %w", e.Path, err)
		}
		l.members = append(l.members, Member{Entry: e})
		for dir := path.Dir(e.Path); dir != "." && !directories[dir]; dir = path.Dir(dir) {
			directories[dir] = true
			l.members = append(l.members, Member{Entry: Entry{Path: dir, Mode: 0o755}, Directory: true})
		}
	}
	sort.Slice(l.members, func(i, j int) bool { return l.members[i].Path < l.members[j].Path })

	plan := sha256.New()
	fmt.Fprintln(plan, layerFormat)
	for i := range l.members {
		m := &l.members[i]
		if i > 0 && m.Path == l.members[i-1].Path {
			return nil, fmt.Errorf("layer: %q: two entries have this path", m.Path)
		}
		header, err := m.Header()
		if err != nil {
			return nil, fmt.Errorf("layer: %q: %w", m.Path, err)
		}
		m.start = l.size
		m.content = m.start + int64(len(header))
		l.size = m.content + Padded(m.Size)
		fmt.Fprintf(plan, "%o %d %s %q %q\n", m.Mode, m.Size, m.SHA256, m.Path, m.Link)
	}
	l.size += TarTrailer
	l.plan = hex.EncodeToString(plan.Sum(nil))
	return l, nil
}

// complete fills in derived fields and checks the rest.
func (e *Entry) complete() error {
	if !artifact.ValidPath(e.Path) {
		return fmt.Errorf("not a valid path in an image")
	}
	for element := range strings.SplitSeq(e.Path, "/") {
		if strings.HasPrefix(element, Whiteout) {
			return fmt.Errorf("the name %q would delete a file of a lower layer", element)
		}
	}
	if e.Mode == 0 {
		e.Mode = 0o644
	}
	if e.Link != "" {
		e.Open, e.Data = nil, nil
	}
	if e.Open == nil {
		sum := sha256.Sum256(e.Data)
		e.Size, e.SHA256 = int64(len(e.Data)), hex.EncodeToString(sum[:])
	}
	switch {
	case e.Mode&^0o7777 != 0:
		return fmt.Errorf("mode %o is not a set of permission bits", e.Mode)
	case e.Size < 0:
		return fmt.Errorf("size %d is negative", e.Size)
	case !artifact.ValidSHA256(e.SHA256):
		return fmt.Errorf("sha256 %q is not 64 hexadecimal digits", e.SHA256)
	}
	return nil
}

// Header is the header of the member's content: one ustar header, preceded
// by a pax header if ustar has no room.
func (m *Member) Header() ([]byte, error) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: m.Path, Mode: m.Mode, Size: m.Size, ModTime: time.Unix(0, 0)}
	switch {
	case m.Directory:
		h.Typeflag, h.Name = tar.TypeDir, m.Path+"/"
	case m.Link != "":
		h.Typeflag, h.Linkname = tar.TypeLink, m.Link
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Padded rounds up to whole tar blocks.
func Padded(n int64) int64 { return (n + TarBlock - 1) / TarBlock * TarBlock }

// Size is the length of the layer in bytes.
func (l *Layer) Size() int64 { return l.size }

// Offset is where the content of the file begins, in bytes from the layer's
// first; -1 when the layer has no such file.
func (l *Layer) Offset(path string) int64 {
	i := sort.Search(len(l.members), func(i int) bool { return l.members[i].Path >= path })
	if i == len(l.members) || l.members[i].Path != path || l.members[i].Directory {
		return -1
	}
	return l.members[i].content
}

// Plan identifies what the layer's bytes depend on: layers with the same plan have the same
// digest. It is 64 hexadecimal digits, and requires no reading.
func (l *Layer) Plan() string { return l.plan }
