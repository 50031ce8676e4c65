package image

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Limits for decompression, in bytes. Files in an image are already compressed: more than
// expansion times the size is an attack.
const (
	maxWindow    = 128 << 20 // of zstd and xz: memory
	maxExpansion = 200
	minExpanded  = 64 << 20
)

// formats are the compression formats of archives and layers, by their first bytes.
var formats = []struct{ name, magic string }{
	{"gzip", "\x1f\x8b"}, {"zstd", "\x28\xb5\x2f\xfd"}, {"xz", "\xfd7zXZ\x00"},
	{"bzip2", "BZh"}, {"lz4", "\x04\x22\x4d\x18"},
}

// formatOf returns the format of a file that begins so, or "".
func formatOf(start []byte) string {
	for _, f := range formats {
		if bytes.HasPrefix(start, []byte(f.magic)) {
			return f.name
		}
	}
	return ""
}

// decompress returns the uncompressed content of r. Closing the result closes r.
func decompress(r io.ReadCloser) (io.ReadCloser, error) {
	counted := &countedReader{Reader: r}
	buffered := bufio.NewReaderSize(counted, 64<<10)
	start, err := buffered.Peek(6)
	if err != nil && err != io.EOF {
		return nil, closing(err, r)
	}
	format := formatOf(start)
	d := &decompressed{input: r, read: counted, format: format}
	switch format {
	case "gzip":
		d.Reader, err = gzip.NewReader(buffered)
	case "zstd":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err == nil {
			d.Reader, d.end = decoder, decoder.Close
		}
	case "xz":
		d.Reader, err = xz.NewReader(buffered, maxWindow)
	case "bzip2":
		d.Reader = bzip2.NewReader(buffered)
	case "":
		d.Reader, err = buffered, nil
	default:
		err = errors.New("this compression is not read")
		return nil, closing(artifact.Hint(fmt.Errorf("%s: %w", format, err), "type %s -d and the file's name", format), r)
	}
	if err != nil {
		if counted.err == nil {
			err = damaged(err)
		}
		return nil, closing(fmt.Errorf("%s: %w", format, err), r)
	}
	return d, nil
}

func closing(err error, c io.Closer) error {
	c.Close()
	return err
}

// decompressed is the decompressed stream of another.
type decompressed struct {
	io.Reader
	input  io.Closer
	format string
	end    func()
	read   *countedReader
	out    int64
}

func (d *decompressed) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if d.out += int64(n); err != nil && err != io.EOF && d.format != "" && d.read.err == nil {
		err = damaged(fmt.Errorf("%s: %w", d.format, err))
	}
	if d.out-minExpanded > d.read.n*maxExpansion {
		return 0, artifact.Verifyf("what is compressed is more than %d times as large: refused", maxExpansion)
	}
	return n, err
}

// A countedReader counts the bytes read, and keeps the error of a failed read.
type countedReader struct {
	io.Reader
	n   int64
	err error // but io.EOF
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

func (d *decompressed) Close() error {
	if d.end != nil {
		d.end()
	}
	return d.input.Close()
}

// A verifying reader ends with io.EOF only if its bytes have the digest.
type verifying struct {
	io.ReadCloser
	digest string
	hash   hash.Hash
}

func verifyingReader(r io.ReadCloser, digest string) io.ReadCloser {
	return &verifying{r, digest, sha256.New()}
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF {
		if got := "sha256:" + hex.EncodeToString(v.hash.Sum(nil)); got != v.digest {
			return n, artifact.Verifyf("sha256 mismatch: got %s, want %s", got, v.digest)
		}
	}
	return n, err
}
