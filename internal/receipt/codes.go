package receipt

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// linePrefix begins the line of every code; its number is the format's.
const linePrefix = "MM1:"

// How much DATA a code holds, in characters. Together with the line's head it fits into a code of version 13 with error correction L, which a
// terminal of 80 columns shows, and into one of version 25 with M, which a page shows and a hand-held scanner reads from paper.
const (
	TerminalData = 590
	PageData     = 1410
)

// maxLines bounds the codes of a receipt: more would be a book.
const maxLines = 999

// Lines are the texts of the codes, each with so much DATA at most.
func (s *Signed) Lines(data int) ([]string, error) {
	file := s.File()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(file); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	for packed.Len()%5 != 0 {
		packed.WriteByte(0)
	}
	text := base32.StdEncoding.EncodeToString(packed.Bytes())
	count := (len(text) + data - 1) / data
	if count > maxLines {
		return nil, artifact.Hint(fmt.Errorf("the receipt needs %d codes, and there are %d at most", count, maxLines), "say less: --brief, a smaller --rows, without --status")
	}
	var lines []string
	for part := range slices.Chunk([]byte(text), data) {
		lines = append(lines, fmt.Sprintf("%s%s:%d/%d:%s:%s", linePrefix, lineID(file), len(lines)+1, count, checkOf(string(part)), part))
	}
	return lines, nil
}

// lineID tells the codes of one receipt from those of another.
func lineID(file []byte) string { return strings.ToUpper(idOf(file)[:8]) }

// checkOf tells whether a line was read correctly.
func checkOf(data string) string {
	sum := sha256.Sum256([]byte(data))
	return fmt.Sprintf("%02X%02X", sum[0], sum[1])
}

// hasLines reports whether a text has lines of codes.
func hasLines(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return strings.HasPrefix(scanned(string(line)), linePrefix)
		}
	}
	return false
}

// scanned is what a code holds, without what scanners write before it.
func scanned(line string) string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "\ufeff")
	if rest, found := strings.CutPrefix(strings.ToUpper(line), "QR-CODE:"); found { // zbarimg
		return rest
	}
	return strings.ToUpper(line)
}

// A code is a line that was read.
type code struct {
	id            string
	number, count int
	data          string
}

func parseLine(line string) (c code, err error) {
	parts := strings.Split(strings.TrimPrefix(scanned(line), linePrefix), ":")
	if len(parts) != 4 {
		return c, errors.New("not the line of a code")
	}
	number, count, _ := strings.Cut(parts[1], "/")
	c = code{id: parts[0], data: parts[3]}
	if c.number, err = strconv.Atoi(number); err == nil {
		c.count, err = strconv.Atoi(count)
	}
	if err != nil || c.count < 1 || c.count > maxLines || c.number < 1 || c.number > c.count {
		return c, fmt.Errorf("%q is not the number of a code", artifact.Printable(parts[1]))
	}
	if checkOf(c.data) != parts[2] {
		return c, fmt.Errorf("code %d of %d was not read correctly: scan it again", c.number, c.count)
	}
	return c, nil
}

// join puts the lines of all codes together.
func join(text []byte) ([]byte, error) {
	var parts []string
	id, at := "", 0
	for line := range strings.Lines(string(text)) {
		if at++; strings.TrimSpace(line) == "" {
			continue
		}
		c, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		switch {
		case parts == nil:
			id, parts = c.id, make([]string, c.count)
		case c.id != id || c.count != len(parts):
			return nil, artifact.Hint(fmt.Errorf("line %d: a code of another receipt: %s, and the first is of %s", at, artifact.Printable(c.id), artifact.Printable(id)), "give the codes of one receipt")
		}
		if old := parts[c.number-1]; old != "" && old != c.data {
			return nil, fmt.Errorf("line %d: two codes have the number %d, and they differ", at, c.number)
		}
		parts[c.number-1] = c.data
	}
	var missing []string
	for i, part := range parts {
		if part == "" {
			missing = append(missing, strconv.Itoa(i+1))
		}
	}
	if len(missing) > 0 {
		return nil, artifact.Hint(fmt.Errorf("codes are missing: %s of %d", strings.Join(missing, ", "), len(parts)), "scan them, and add their lines; the order does not matter")
	}
	packed, err := base32.StdEncoding.DecodeString(strings.Join(parts, ""))
	if err != nil {
		return nil, fmt.Errorf("the codes: %w", err)
	}
	file, err := unpack(packed)
	if err == nil && lineID(file) != id {
		err = artifact.Verifyf("the codes do not make the receipt %s that they name", artifact.Printable(id))
	}
	return file, err
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("the codes: %w", err)
	}
	z.Multistream(false) // zero bytes may follow
	file, err := io.ReadAll(io.LimitReader(z, MaxSize+1))
	if err == nil && len(file) > MaxSize {
		err = fmt.Errorf("more than %d bytes", MaxSize)
	}
	if err != nil {
		return nil, fmt.Errorf("the codes: %w", err)
	}
	return file, nil
}
