package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"sort"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Sizes of blocks. A lookup of one name reads one block of each level: smaller
// blocks need more levels, larger ones more bytes for each name.
const (
	blockTarget = 4 << 10  // bytes of rows, uncompressed, in a block
	maxBlock    = 32 << 20 // the same: rows of one key share a block
	maxRoot     = 256      // blocks that the head lists for a table
	maxLevels   = 4
)

// A table is a list of rows sorted by key, cut into blocks. A block is a zstd frame
// (RFC 8878) of JSON values, one a line.
type table struct {
	Rows int64 `json:"rows"`
	// Levels is the number of levels of blocks of blockRefs above the blocks of rows. Blocks
	// is the top level.
	Levels int        `json:"levels,omitempty"`
	Blocks []blockRef `json:"blocks"`
}

// A blockRef is the place of a block in the records.
type blockRef struct {
	First  string `json:"first"` // key of its first row
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`   // bytes, compressed
	SHA256 string `json:"sha256"` // of these
	end    string // keys of the block are less; "": there is no limit
}

// A row is an element of a table.
type row struct {
	key   string
	value any // as JSON
}

// A recordsWriter makes blocks.
type recordsWriter struct {
	bytes.Buffer
	zstd *zstd.Encoder
}

func newRecordsWriter() (*recordsWriter, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	return &recordsWriter{zstd: encoder}, err
}

// table writes the rows, which are sorted by key.
func (w *recordsWriter) table(rows iter.Seq[row]) (t table, err error) {
	t.Blocks, t.Rows, err = w.level(rows)
	for ; err == nil && len(t.Blocks) > maxRoot; t.Levels++ {
		below := t.Blocks
		t.Blocks, _, err = w.level(func(yield func(row) bool) {
			for i := range below {
				if !yield(row{below[i].First, &below[i]}) {
					return
				}
			}
		})
	}
	return t, err
}

func (w *recordsWriter) level(rows iter.Seq[row]) (refs []blockRef, count int64, err error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	var first, last string
	flush := func() {
		if text.Len() > 0 {
			data := w.zstd.EncodeAll(text.Bytes(), nil)
			sum := sha256.Sum256(data)
			refs = append(refs, blockRef{First: first, Offset: int64(w.Len()), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
			w.Write(data)
			text.Reset()
		}
	}
	for r := range rows {
		if text.Len() >= blockTarget && r.key != last {
			flush()
		}
		if text.Len() == 0 {
			first = r.key
		}
		if err := encoder.Encode(r.value); err != nil {
			return nil, 0, err
		}
		last = r.key
		count++
		if text.Len() > maxBlock {
			return nil, 0, fmt.Errorf("catalog: more than %d bytes are called %q", maxBlock, last)
		}
	}
	flush()
	return refs, count, nil
}

// newBlockDecoder returns a decoder for many goroutines that stops at maxBlock bytes.
func newBlockDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderLowmem(true))
}

// open verifies a block and returns its rows.
func (r *blockRef) open(decoder *zstd.Decoder, data []byte) (string, error) {
	if got := DigestOf(data); got != "sha256:"+r.SHA256 {
		return "", Errorf("block %q: sha256 mismatch: got %s, want sha256:%s", r.First, got, r.SHA256)
	}
	text, err := decoder.DecodeAll(data, nil)
	if err != nil {
		return "", Errorf("block %q: %w", r.First, err)
	}
	return unsafe.String(unsafe.SliceData(text), len(text)), nil // nobody else has these bytes
}

// decodeRows reads the rows of a block, and checks that their keys belong there. Their strings may be substrings of
// the block: a caller that keeps a few of them for long should clone them.
func decodeRows[T any](r *blockRef, text string, key func(*T) string) ([]T, error) {
	rows := make([]T, 0, strings.Count(text, "\n"))
	last, valid := r.First, utf8.ValidString(text)
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		rows = append(rows, *new(T))
		v := &rows[len(rows)-1]
		if s, ok := any(v).(scannedRow); !ok || !valid || !s.scan(line) {
			*v = *new(T)
			if err := json.Unmarshal([]byte(line), v); err != nil {
				return nil, Errorf("block %q: row %d: %w", r.First, len(rows), err)
			}
		}
		k := key(v)
		switch {
		case len(rows) == 1 && k != r.First, r.end != "" && k >= r.end, k < last:
			return nil, Errorf("block %q: row %q is out of order", r.First, k)
		}
		last = k
	}
	if len(rows) == 0 {
		return nil, Errorf("block %q is empty", r.First)
	}
	return rows, nil
}

// checkRefs checks that a list of blocks fits into the records, and sets the end of
// each. end is the end of the list.
func checkRefs(refs []blockRef, size int64, end string) error {
	var position int64
	for i := range refs {
		r := &refs[i]
		switch {
		case i > 0 && r.First <= refs[i-1].First, i > 0 && r.First == "", end != "" && r.First >= end:
			return Errorf("block %q is out of order", r.First)
		case r.Size <= 0, r.Size > maxBlock, r.Offset < position, r.Offset > size-r.Size:
			return Errorf("block %q: %d bytes at %d lie outside the records, which have %d", r.First, r.Size, r.Offset, size)
		case !artifact.ValidSHA256(r.SHA256):
			return Errorf("block %q: sha256 %q", r.First, r.SHA256)
		}
		position = r.Offset + r.Size
		r.end = end
		if i > 0 {
			refs[i-1].end = r.First
		}
	}
	return nil
}

// cover returns those of refs that can have rows with these keys.
func cover(refs []blockRef, keys []string) (found []blockRef) {
	taken := make(map[int]bool, len(keys))
	for _, key := range keys {
		i := sort.Search(len(refs), func(i int) bool { return refs[i].First > key }) - 1
		if i >= 0 && !taken[i] && (refs[i].end == "" || key < refs[i].end) {
			taken[i] = true
			found = append(found, refs[i])
		}
	}
	sort.Slice(found, func(i, j int) bool { return strings.Compare(found[i].First, found[j].First) < 0 })
	return found
}

// DigestOf is the digest of data as the OCI image specification writes it, "sha256:…".
func DigestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
