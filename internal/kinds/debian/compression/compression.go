// Package compression decodes what archives and packages are compressed with: the indexes of a repository, and the members of a .deb.
package compression

import (
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"
)

// maxWindow is the memory that a decoder may take for what it may repeat: as much as the highest levels of zstd need.
const maxWindow = 128 << 20

// Decoder returns the decoder for files whose names end in suffix: ".gz", ".xz", ".zst", ".bz2" or ".lzma". For "", which is
// no compression, and for all others it returns nil.
func Decoder(suffix string) func(io.Reader) (io.ReadCloser, error) {
	switch suffix {
	case ".gz":
		return func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	case ".xz":
		return func(r io.Reader) (io.ReadCloser, error) {
			d, err := xz.NewReader(r, xz.DefaultDictMax)
			return io.NopCloser(d), err
		}
	case ".zst":
		return func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		}
	case ".bz2":
		return func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }
	case ".lzma":
		return func(r io.Reader) (io.ReadCloser, error) {
			d, err := lzma.ReaderConfig{DictCap: maxWindow}.NewReader(r)
			return io.NopCloser(d), err
		}
	}
	return nil
}
