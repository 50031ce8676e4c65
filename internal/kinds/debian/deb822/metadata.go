package deb822

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An item's Metadata are the other lines of its stanza, as upstream signed them but for
// white space at their ends. Locks and catalogs are UTF-8 text without control characters, and
// stanzas need not be: old ones are in Latin-1. So Metadata represents other bytes and control characters
// by special characters, and clients get the original bytes.

// byteRunes is the first of these characters, in Unicode's private use area: byte b is
// byteRunes+b. If upstream uses such a character, its bytes are encoded too, so decoding is unambiguous.
const byteRunes = 0xF700

func isByteRune(r rune) bool { return r >= byteRunes && r <= byteRunes+0xff }

// isControl reports whether a character may not be in a lock.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isPlainASCII reports whether a line is ASCII without control characters but tabs, as nearly all of tens of thousands of stanzas are.
func isPlainASCII(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// EncodeText encodes a line for Metadata.
func EncodeText(line string) string {
	if isPlainASCII(line) || utf8.ValidString(line) && !strings.ContainsFunc(line, func(r rune) bool { return isControl(r) || isByteRune(r) }) {
		return line
	}
	var b strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRuneInString(line)
		if r == utf8.RuneError && size == 1 || isControl(r) || isByteRune(r) {
			for _, c := range []byte(line[:size]) {
				b.WriteRune(byteRunes + rune(c))
			}
		} else {
			b.WriteString(line[:size])
		}
		line = line[size:]
	}
	return b.String()
}

// DecodeText is the reverse of EncodeText. A line stays one line.
func DecodeText(text string) string {
	if !strings.ContainsFunc(text, isByteRune) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isByteRune(r) && r != byteRunes+'\n' {
			b.WriteByte(byte(r - byteRunes))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ReadableText decodes Metadata for display: bytes that are not UTF-8 are read as Latin-1.
func ReadableText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case !isByteRune(r):
			return r
		case r >= byteRunes+0xa0:
			return r - byteRunes
		}
		return utf8.RuneError
	}, text)
}

// StanzaOf returns the lines of a stanza for which Item has no field.
// They are parts of it.
func StanzaOf(stanza string) []string {
	own := ownFields
	if StanzaField(stanza, "SHA256") != "" {
		own = append(own[:len(own):len(own)], "SHA512")
	}
	return linesWithout(stanza, own)
}

// linesWithout returns the lines of a stanza, encoded, without some fields.
func linesWithout(stanza string, fields []string) []string {
	lines := make([]string, 0, strings.Count(stanza, "\n")+1)
	dropped := true // a line that continues no field
	for line := range strings.Lines(stanza) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _ := FieldName(line)
			dropped = slices.ContainsFunc(fields, func(field string) bool { return len(field) == len(name) && strings.EqualFold(field, name) })
		}
		if !dropped {
			lines = append(lines, EncodeText(line))
		}
	}
	return lines
}

// MetadataText is the stanza that Metadata was made from, without the fields that Item has.
func MetadataText(a *artifact.Item) string {
	var b bytes.Buffer
	writeMetadata(&b, a)
	return b.String()
}

func writeMetadata(b *bytes.Buffer, a *artifact.Item) {
	for _, line := range a.Metadata {
		b.WriteString(DecodeText(line))
		b.WriteByte('\n')
	}
}

// ownFields are the fields that WriteStanza makes from the item, the
// digests that are too weak to repeat, and how far upstream had phased the version in
// when it was locked. A SHA512 is repeated if upstream signs no
// SHA256: only it links the file to upstream's signature.
var ownFields = []string{"Package", "Version", "Architecture", "Filename", "Size", "SHA256", "MD5sum", "SHA1", "Phased-Update-Percentage"}

// WriteStanza writes what a client needs to know about a package: upstream's own
// fields, and the file's location on the mirror.
func WriteStanza(b *bytes.Buffer, a *artifact.Item) {
	fmt.Fprintf(b, "Package: %s\nVersion: %s\nArchitecture: %s\n", a.Name, a.Version, a.Architecture())
	writeMetadata(b, a)
	fmt.Fprintf(b, "Filename: %s\nSize: %d\nSHA256: %s\n\n", a.Files[0].Path, a.Files[0].Size, a.Files[0].SHA256)
}
