package artifact

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Part is a part of a file. The fragment of the file's address (RFC 3986, section 3.5) names it: "images.tar#offset=512&size=1024".
type Part struct{ Offset, Size int64 } // bytes

// PartAddress is the address without a scheme (RFC 3986, section 4.2) of a part of a file, whose name may be relative.
func PartAddress(file string, p Part) string {
	return (&url.URL{Path: filepath.ToSlash(file), Fragment: fmt.Sprintf("offset=%d&size=%d", p.Offset, p.Size)}).String()
}

// ParsePart reads a fragment that is not empty.
func ParsePart(fragment string) (p Part, err error) {
	first, second, _ := strings.Cut(fragment, "&")
	offset, isOffset := strings.CutPrefix(first, "offset=")
	size, isSize := strings.CutPrefix(second, "size=")
	if p.Offset, err = strconv.ParseInt(offset, 10, 64); err == nil {
		p.Size, err = strconv.ParseInt(size, 10, 64)
	}
	canonical := fmt.Sprintf("offset=%d&size=%d", p.Offset, p.Size) == fragment // no signs, no zeros before a number
	if err != nil || !isOffset || !isSize || !canonical || p.Offset < 0 || p.Size < 0 || p.Offset > math.MaxInt64-p.Size {
		return Part{}, fmt.Errorf("%q is not a part of a file: it is written offset=BYTES&size=BYTES", fragment)
	}
	return p, nil
}

// An OpenedPart is a file, or a part of one, to read.
type OpenedPart struct {
	io.SectionReader
	File *os.File // the whole file
}

// OpenPart opens a regular file as OpenFile does, and in it the part that the fragment of its address names; empty: all of it. A part
// beyond the end of the file is ErrVerify: when the address was made, the file was a different one.
func OpenPart(name, fragment string) (*OpenedPart, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	part := Part{Size: info.Size()}
	if fragment != "" {
		if part, err = ParsePart(fragment); err == nil && part.Offset+part.Size > info.Size() {
			err = Verifyf("it has %d bytes, but the part ends at byte %d", info.Size(), part.Offset+part.Size)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &OpenedPart{*io.NewSectionReader(f, part.Offset, part.Size), f}, nil
}

// Close closes the file.
func (p *OpenedPart) Close() error { return p.File.Close() }
