package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"sort"

	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A Plan is how the tar of a bundle is made of entries, and cut into parts.
type Plan struct {
	Entries []Entry
	Parts   []PlannedPart
}

// An Entry is a file of the tar.
type Entry struct {
	Path  string
	Size  int64
	Data  []byte // the content, of oci-layout and index.json
	Blob  int    // else the index of the blob in the header; -1: Data
	start int64  // offset of its header in the tar
	head  int64  // bytes of its header; 0 in the form "files"
}

// end is the offset behind the entry's padding.
func (e *Entry) end(form string) int64 {
	if form == Files {
		return e.start + e.Size
	}
	return e.start + e.head + tarlayer.Padded(e.Size)
}

// Header is what the tar has before the entry's content.
func (e *Entry) Header() ([]byte, error) {
	m := tarlayer.Member{Entry: tarlayer.Entry{Path: e.Path, Size: e.Size, Mode: 0o644}}
	return m.Header()
}

// A PlannedPart is a range of the tar.
type PlannedPart struct {
	Number int
	Name   string
	Size   int64 // bytes in the clear
	start  int64 // in the tar
}

// Limits of --part-size, in bytes.
const (
	MinPartSize     = 256 << 10
	DefaultPartSize = 1 << 30
)

// ClearLimit is how many bytes a part of partSize bytes may have in the clear: encryption adds a header for each recipient, and a few bytes to each
// 64 KiB. The limit does not depend on how a bundle is encrypted, so that its cuts don't either.
func ClearLimit(partSize int64) int64 {
	return (partSize-partSize/1024-64<<10)/tarlayer.TarBlock*tarlayer.TarBlock - tarlayer.TarTrailer
}

// PartName is the name of a part's file, unless the form is "files".
func PartName(number int, encryption string) string {
	return fmt.Sprintf("part-%04d.tar", number) + map[string]string{Age: ".age", OpenPGP: ".gpg"}[encryption]
}

// Plan lays out the tar.
func (h *Header) Plan() (*Plan, error) {
	switch {
	case len(h.Blobs) > maxBlobs || len(h.Images) > maxBlobs:
		return nil, fmt.Errorf("%d blobs and %d images, more than %d", len(h.Blobs), len(h.Images), maxBlobs)
	case h.Form != "" && h.Form != Files:
		return nil, fmt.Errorf("form %q", h.Form)
	case h.Form == Files && (h.PartSize != 0 || h.Encryption != ""):
		return nil, errors.New("separate files have no part size, and are not encrypted")
	case h.Form == "" && h.PartSize < MinPartSize:
		return nil, fmt.Errorf("parts of %d bytes, less than %d", h.PartSize, MinPartSize)
	}
	p := new(Plan)
	layout, err := json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
	if err != nil {
		return nil, err
	}
	index, err := encodeIndex(h.Images)
	if err != nil {
		return nil, err
	}
	p.Entries = make([]Entry, 0, len(h.Blobs)+2)
	p.Entries = append(p.Entries, Entry{Path: v1.ImageLayoutFile, Size: int64(len(layout)), Data: layout, Blob: -1}, Entry{Path: v1.ImageIndexFile, Size: int64(len(index)), Data: index, Blob: -1})
	for i, b := range h.Blobs {
		if err := content.CheckBlob(b); err != nil {
			return nil, err
		}
		p.Entries = append(p.Entries, Entry{Path: content.BlobPath(b.Digest), Size: b.Size, Blob: i})
	}
	at := int64(0)
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.start = at; h.Form == "" {
			head, err := e.Header()
			if err != nil {
				return nil, err
			}
			e.head = int64(len(head))
		}
		if e.Size > math.MaxInt64/4 || at > math.MaxInt64/4 {
			return nil, fmt.Errorf("%s: %d bytes are too many", e.Path, e.Size)
		}
		at = e.end(h.Form)
	}
	if h.Form == Files {
		for i, e := range p.Entries {
			p.Parts = append(p.Parts, PlannedPart{Number: i + 1, Name: e.Path, Size: e.Size, start: e.start})
		}
		return p, nil
	}
	return p, p.cut(h, at)
}

// cut divides the tar into parts; end is where its entries end.
func (p *Plan) cut(h *Header, end int64) error {
	limit := ClearLimit(h.PartSize)
	if end/limit > maxBlobs {
		return fmt.Errorf("%d bytes in parts of %d bytes are too many parts", end, h.PartSize)
	}
	begin := int64(0) // of the part
	add := func(until int64) {
		n := len(p.Parts) + 1
		p.Parts = append(p.Parts, PlannedPart{Number: n, Name: PartName(n, h.Encryption), Size: until - begin, start: begin})
		begin = until
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		whole := e.end("") - e.start
		if e.end("") <= begin+limit {
			continue
		}
		if e.start > begin && (whole <= limit || e.start+e.head+tarlayer.TarBlock > begin+limit) {
			add(e.start)
		}
		for e.end("")-begin > limit {
			add(begin + limit)
		}
	}
	add(end + tarlayer.TarTrailer)
	return nil
}

// encodeIndex is index.json: the images as the source lists them, with their names.
func encodeIndex(images []content.Image) ([]byte, error) {
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: make([]v1.Descriptor, len(images))}
	for i, im := range images {
		d := im.Descriptor
		if im.Name != "" {
			annotations := maps.Clone(d.Annotations)
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[v1.AnnotationRefName] = im.Name
			d.Annotations = annotations
		}
		index.Manifests[i] = d
	}
	return json.Marshal(index)
}

// A Piece is a range of an entry that is in a part.
type Piece struct {
	Entry  int   // index
	Offset int64 // in the entry's content, where the piece's content begins
	Size   int64 // bytes of content
	Head   int64 // bytes of the entry's tar header before the content: all or none
	Pad    int64 // bytes of zeros behind the content
}

// Pieces are what the part with this number consists of, in order. What the last one lacks to the part's size is the end of the tar.
func (p *Plan) Pieces(number int) []Piece {
	part := p.Parts[number-1]
	begin, end := part.start, part.start+part.Size
	if p.Entries[0].head == 0 { // the form "files"
		return []Piece{{Entry: number - 1, Size: part.Size}}
	}
	var pieces []Piece
	for i := sort.Search(len(p.Entries), func(i int) bool { return p.Entries[i].end("") > begin }); i < len(p.Entries) && p.Entries[i].start < end; i++ {
		e := &p.Entries[i]
		data := e.start + e.head
		piece := Piece{Entry: i, Offset: max(begin-data, 0)}
		if e.start >= begin {
			piece.Head = e.head
		}
		// All offsets but that of the content's end are multiples of a block: a cut never divides the padding from the last byte.
		piece.Size = min(end, data+e.Size) - data - piece.Offset
		piece.Pad = max(min(end, e.end(""))-data-e.Size, 0)
		pieces = append(pieces, piece)
	}
	return pieces
}
