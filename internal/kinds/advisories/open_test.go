package advisories_test

import (
	"bytes"
	"io"
)

// open returns a function that opens data, whatever the name.
func open(data []byte) func(name string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}
