package debian

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An artifact's Metadata are the other lines of its stanza, as upstream signed them but for
// white space at their ends. Locks and catalogs are UTF-8 text without control characters, and
// stanzas need not be: old ones are in Latin-1. So bytes that are neither have characters of
// their own in Metadata, and are bytes again in what clients get.

// byteRunes is where these characters begin, in Unicode's private use area: byte b is
// byteRunes+b. They themselves are written so too, byte by byte: nothing is ambiguous.
const byteRunes = 0xF700

func isByteRune(r rune) bool { return r >= byteRunes && r <= byteRunes+0xff }

// isControl reports whether a character may not be in a lock.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// encodeText makes text for Metadata of a line.
func encodeText(line string) string {
	if utf8.ValidString(line) && !strings.ContainsFunc(line, func(r rune) bool { return isControl(r) || isByteRune(r) }) {
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

// decodeText is the reverse of encodeText. A line stays one line.
func decodeText(text string) string {
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

// readableText shows Metadata to people: what is not UTF-8 is taken for Latin-1.
func readableText(text string) string {
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

// stanzaOf gives the lines of a stanza that Artifact has no field for.
func stanzaOf(stanza []byte) []string {
	var lines []string
	dropped := true // a line that continues no field
	own := ownFields
	if stanzaField(string(stanza), "SHA256") != "" {
		own = append(own[:len(own):len(own)], "SHA512")
	}
	for line := range strings.Lines(string(stanza)) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _ := fieldName(line)
			dropped = slices.ContainsFunc(own, func(field string) bool { return strings.EqualFold(field, name) })
		}
		if !dropped {
			lines = append(lines, encodeText(line))
		}
	}
	return lines
}

// metadataText is the stanza that Metadata were made from, without the fields that Artifact has.
func metadataText(a *artifact.Item) []byte {
	var b bytes.Buffer
	for _, line := range a.Metadata {
		b.WriteString(decodeText(line))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// ownFields are the fields that writeStanza makes from the artifact, the
// digests that are too weak to repeat, and how far upstream had rolled the version out
// when it was locked. A SHA512 is repeated where upstream signs no
// SHA256: it is all that leads from the file to upstream's signature.
var ownFields = []string{"Package", "Version", "Architecture", "Filename", "Size", "SHA256", "MD5sum", "SHA1", "Phased-Update-Percentage"}

// writeStanza writes what a client needs to know of a package: upstream's own
// words, and where we have the file.
func writeStanza(b *bytes.Buffer, a *artifact.Item) {
	fmt.Fprintf(b, "Package: %s\nVersion: %s\nArchitecture: %s\n", a.Name, a.Version, a.Architecture())
	b.Write(metadataText(a))
	fmt.Fprintf(b, "Filename: %s\nSize: %d\nSHA256: %s\n\n", a.Files[0].Path, a.Files[0].Size, a.Files[0].SHA256)
}
