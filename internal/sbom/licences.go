package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// The file layout.LicencesName is a zstd frame (RFC 8878) of JSON values, each on a line: first the licences that the SPDX License List
// does not have, then the items that state any. It depends on the items' files alone.

// A licenceRow is a row of it: an artifact.LicenceRef, or the licences of an item.
type licenceRow struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`

	Item       string `json:"item,omitempty"` // its ID
	Expression string `json:"expression,omitempty"`
}

// Limits of what an image may make a reader hold or read.
const (
	maxLicences = 1 << 30  // bytes, uncompressed
	maxFrame    = 64 << 20 // bytes of a frame's window
	// frameWindow is the window that is written, in bytes: a reader needs as much memory. The texts that repeat are left out already.
	frameWindow = 1 << 20
)

// A LicenceWriter writes the file.
type LicenceWriter struct {
	data bytes.Buffer
	zstd *zstd.Encoder
	json *json.Encoder
	refs map[string]bool // that were written
}

// NewLicenceWriter begins a file.
func NewLicenceWriter() (*LicenceWriter, error) {
	w := &LicenceWriter{refs: map[string]bool{}}
	var err error
	// With one goroutine, the same text is the same frame on every machine.
	if w.zstd, err = zstd.NewWriter(&w.data, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(frameWindow)); err != nil {
		return nil, err
	}
	w.json = json.NewEncoder(w.zstd)
	w.json.SetEscapeHTML(false)
	return w, nil
}

// Refs adds licences. Those that were added before are left out.
func (w *LicenceWriter) Refs(refs []artifact.LicenceRef) error {
	for _, r := range refs {
		if w.refs[r.ID] {
			continue
		}
		w.refs[r.ID] = true
		if err := w.json.Encode(licenceRow{ID: r.ID, Name: r.Name, Text: r.Text}); err != nil {
			return err
		}
	}
	return nil
}

// Item adds the licences of an item, after all Refs.
func (w *LicenceWriter) Item(id, expression string) error {
	return w.json.Encode(licenceRow{Item: id, Expression: expression})
}

// Bytes ends the file and returns it.
func (w *LicenceWriter) Bytes() ([]byte, error) {
	err := w.zstd.Close()
	return w.data.Bytes(), err
}

// licences are what the file says. There may be as many as items: what is kept of each is small.
type licences struct {
	data        []byte
	expressions []string       // each once
	byItem      map[key]uint32 // places of expressions, by the item's ID
}

// A key stands for a text that is too long to be kept for each item: the beginning of its SHA-256.
type key [16]byte

func keyOf(text string) key {
	sum := sha256.Sum256([]byte(text))
	return key(sum[:16])
}

func readLicences(data []byte) (*licences, error) {
	l := &licences{data: data, byItem: map[key]uint32{}}
	places := map[string]uint32{}
	err := l.each(func(row *licenceRow) error {
		if row.Item == "" {
			return nil
		}
		at, found := places[row.Expression]
		if !found {
			at = uint32(len(l.expressions))
			places[row.Expression], l.expressions = at, append(l.expressions, row.Expression)
		}
		l.byItem[keyOf(row.Item)] = at
		return nil
	})
	return l, err
}

// of is what an item states, an SPDX expression; empty: nothing.
func (l *licences) of(i *artifact.Item) string {
	if at, found := l.byItem[keyOf(i.ID())]; found {
		return l.expressions[at]
	}
	return ""
}

// each reads all rows. It keeps none.
func (l *licences) each(take func(*licenceRow) error) error {
	if len(l.data) == 0 {
		return nil
	}
	frame, err := zstd.NewReader(bytes.NewReader(l.data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxFrame), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer frame.Close()
	limited := &io.LimitedReader{R: frame, N: maxLicences + 1}
	rows := json.NewDecoder(limited)
	for {
		var row licenceRow
		switch err := rows.Decode(&row); {
		case errors.Is(err, io.EOF) && limited.N > 0:
			return nil
		case limited.N <= 0:
			return fmt.Errorf("licences: more than %d bytes", int64(maxLicences))
		case err != nil:
			return fmt.Errorf("licences: %w", err)
		}
		if err := take(&row); err != nil {
			return err
		}
	}
}
