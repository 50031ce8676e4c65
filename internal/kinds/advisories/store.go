package advisories

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A store is what an image carries of a source: a zstd frame (RFC 8878) of lines. The first line is the format; each other is an advisory about one
// name, ECOSYSTEM TAB NAME TAB JSON, in the order of upstream's file. The same file gives the same lines.

const (
	storeName   = "advisories.zst"
	storeFormat = "minimirror advisories 1"
	maxStore    = 256 << 20 // bytes, compressed
	maxLines    = 4 << 30   // bytes, uncompressed
)

// A storeWriter writes a store.
type storeWriter struct {
	enc        *zstd.Encoder
	count      int
	ecosystems map[string]bool
}

func newStoreWriter(to io.Writer) (*storeWriter, error) {
	enc, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(enc, storeFormat+"\n")
	return &storeWriter{enc: enc, ecosystems: make(map[string]bool)}, err
}

func (w *storeWriter) add(a *artifact.Advisory) error {
	for _, name := range []string{a.Ecosystem, a.Name, a.ID} {
		if len(name) > 300 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%q is not a name", short(name))
		}
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.count++
	w.ecosystems[a.Ecosystem] = true
	_, err = fmt.Fprintf(w.enc, "%s\t%s\t%s\n", a.Ecosystem, a.Name, text)
	return err
}

func (w *storeWriter) close() error { return w.enc.Close() }

// readStore calls take for the advisories about what want selects. It holds one in memory at a time.
func readStore(r io.Reader, want func(ecosystem, name string) bool, take func(*artifact.Advisory) error) error {
	dec, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(16<<20))
	if err != nil {
		return err
	}
	defer dec.Close()
	lines := bufio.NewReaderSize(io.LimitReader(dec, maxLines), maxRecord)
	first, err := lines.ReadSlice('\n')
	if string(first) != storeFormat+"\n" {
		return artifact.Verifyf("not %s, but %q (%v)", storeFormat, short(string(first)), err)
	}
	var lastEcosystem, lastName string
	wanted := false
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return artifact.Verifyf("%w", errTooLarge)
		}
		if err != nil {
			return artifact.Verifyf("it is damaged: %w", err)
		}
		ecosystem, rest, _ := bytes.Cut(line, []byte("\t"))
		name, text, found := bytes.Cut(rest, []byte("\t"))
		if !found {
			return artifact.Verifyf("it is damaged: %q", short(string(line)))
		}
		if string(name) != lastName || string(ecosystem) != lastEcosystem {
			lastEcosystem, lastName = string(ecosystem), string(name)
			wanted = want(lastEcosystem, lastName)
		}
		if !wanted {
			continue
		}
		a := &artifact.Advisory{Ecosystem: lastEcosystem, Name: lastName}
		if err := json.Unmarshal(text, a); err != nil {
			return artifact.Verifyf("it is damaged: %s: %w", short(lastName), err)
		}
		if err := take(a); err != nil {
			return err
		}
	}
}
