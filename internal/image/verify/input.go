package verify

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

const (
	inputBuffer = 128 << 10
	maxHeader   = 64 << 10 // bytes of the headers of one entry: far more than a path needs
)

// A layerInput reads a layer and tracks its position.
type layerInput struct {
	r      *bufio.Reader
	n      int64
	err    error // what failed, of the layer itself
	record bool
	raw    []byte // what was read while record was set
}

func newLayerInput(r io.Reader) *layerInput {
	return &layerInput{r: bufio.NewReaderSize(r, inputBuffer)}
}

func (in *layerInput) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.n += int64(n)
	if err != nil && err != io.EOF {
		in.err = err
	}
	if in.record {
		if len(in.raw)+n > maxHeader {
			return 0, fmt.Errorf("headers of more than %d bytes", maxHeader)
		}
		in.raw = append(in.raw, p[:n]...)
	}
	return n, err
}

// header reads the headers of one entry, and returns their bytes, which are valid until the next call. The error is
// io.EOF at the two zero blocks that end an archive.
func (in *layerInput) header() (*tar.Header, []byte, error) {
	in.record, in.raw = true, in.raw[:0]
	h, err := tar.NewReader(in).Next()
	in.record = false
	if err == io.EOF && len(in.raw) < tarlayer.TarTrailer {
		return nil, nil, errors.New("the archive has no end")
	}
	return h, in.raw, err
}
