package repository

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

const (
	maxStanza  = 4 << 20 // bytes; Debian's are below 50 kB
	readBuffer = 256 << 10
)

// An indexFilter takes stanzas out of one index of the image.
type indexFilter struct {
	source string // its name
	path   string // of the file, below the mirror's root
	name   string // as the Release lists it
	listed artifact.Content
	split  bufio.SplitFunc
	stays  func(record string) bool
	none   string // the index without records
	// left gets the names of the packages that stay, if an index is about them.
	left names

	// When something is absent:
	plain, packed       artifact.Generated // the remaining index, and the same compressed with gzip; see pack
	plainSum, packedSum artifact.Content   // of these
}

func (x *indexFilter) changed() bool { return x.plain.Path != "" }

func (x *indexFilter) filter(ctx context.Context, req *artifact.FilterRequest, before map[string]*artifact.Generated) error {
	parts, left, err := x.scan(ctx, req)
	switch {
	case err != nil || left == x.listed.Size:
	case left == 0:
		err = x.empty(req)
	default:
		err = x.pack(ctx, req, parts, left, before)
	}
	if err != nil {
		return fmt.Errorf("debian: %s: %w", x.path, err)
	}
	return nil
}

// empty makes the index that lists nothing.
func (x *indexFilter) empty(req *artifact.FilterRequest) error {
	data := []byte(x.none)
	packed, err := gzipped(data)
	if err != nil {
		return err
	}
	x.plain = artifact.Generated{Path: x.path, Data: data, Modified: req.Date}
	x.packed = artifact.Generated{Path: x.path + ".gz", Data: packed, Modified: req.Date}
	x.plainSum = artifact.Content{Size: int64(len(data)), SHA256: deb822.SHA256(data)}
	x.packedSum = artifact.Content{Size: int64(len(packed)), SHA256: deb822.SHA256(packed)}
	return nil
}

// scan finds the parts of the file that stay, and checks all of it against the Release: what will be
// signed again must have been signed before.
func (x *indexFilter) scan(ctx context.Context, req *artifact.FilterRequest) (parts []artifact.Range, left int64, err error) {
	body, err := req.Open(x.path)
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	hash := sha256.New()
	scanner := bufio.NewScanner(io.TeeReader(contextReader{ctx, body}, hash))
	scanner.Buffer(make([]byte, readBuffer), maxStanza)
	scanner.Split(x.split)
	at := int64(0)
	for scanner.Scan() {
		size := int64(len(scanner.Bytes()))
		// Not a copy: of 60,000 stanzas these would be most of what a server has in memory.
		stanza := unsafe.String(unsafe.SliceData(scanner.Bytes()), len(scanner.Bytes()))
		if x.stays(stanza) {
			if x.left != nil {
				x.left.add(strings.Clone(deb822.StanzaField(stanza, "Package")), strings.Clone(deb822.StanzaField(stanza, "Description-md5")))
			}
			left += size
			if n := len(parts); n > 0 && parts[n-1].Offset+parts[n-1].Size == at {
				parts[n-1].Size += size
			} else {
				parts = append(parts, artifact.Range{Offset: at, Size: size})
			}
		}
		at += size
	}
	if err := scanner.Err(); err != nil {
		return nil, 0, err
	}
	if got := (artifact.Content{Size: at, SHA256: hex.EncodeToString(hash.Sum(nil))}); got != x.listed {
		return nil, 0, artifact.Verifyf("it is not what the Release lists: got %d bytes, sha256 %s, want %d, %s", got.Size, got.SHA256, x.listed.Size, x.listed.SHA256)
	}
	return parts, left, nil
}

// fileOf finds the first file of the item that a stanza of an index lists, by the index's name.
var fileOf = map[string]func(stanza string) string{
	"Packages": func(stanza string) string { return deb822.StanzaField(stanza, "Filename") },
	"Sources": func(stanza string) string {
		files, err := deb822.SourceFiles(stanza)
		if err != nil {
			return "" // emptyIndex
		}
		return files[0].Path
	},
}

// splitStanzas is a bufio.SplitFunc: a stanza with the empty line after it.
func splitStanzas(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := bytes.Index(data, []byte("\n\n")); end >= 0 {
		return end + 2, data[:end+2], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// A contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
