package server_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

// Files around every size at which the way of sending changes arrive whole, one behind the other on one connection.
func TestSizes(t *testing.T) {
	content := map[string]string{}
	source := rand.NewChaCha8([32]byte{})
	for _, size := range []int{0, 1, 511, 512, 513, 4096, 16383, 16384, 16385, 16895, 16896, 16897, 90_000, 512<<10 - 1, 512 << 10, 512<<10 + 1, 512<<10 + 513, 3 << 20} {
		data := make([]byte, size)
		source.Read(data)
		content[fmt.Sprintf("pool/%d", size)] = string(data)
	}
	dir := filepath.Join(t.TempDir(), "oci")
	imagetest.WriteDir(t, dir, imagetest.New(t, imagetest.Spec{Artifacts: content}).Layout(t))
	img, err := image.Open(image.Reference{Transport: "oci", Path: dir})
	must(t, err)
	t.Cleanup(func() { img.Close() })
	address, _ := start(t, server.Options{Image: img})
	c, err := net.Dial("tcp", address)
	must(t, err)
	defer c.Close()
	r := bufio.NewReader(c)
	for path, want := range content {
		for _, method := range []string{"GET", "HEAD", "GET"} {
			_, err := fmt.Fprintf(c, "%s /files/%s HTTP/1.1\r\nHost: mirror\r\n\r\n", method, path)
			must(t, err)
			got, err := http.ReadResponse(r, &http.Request{Method: method})
			must(t, err)
			data, err := io.ReadAll(got.Body)
			must(t, err)
			if method == "GET" && string(data) != want || got.ContentLength != int64(len(want)) || got.StatusCode != 200 {
				t.Errorf("%s %s: %s, %d bytes of %d", method, path, got.Status, len(data), got.ContentLength)
			}
		}
	}
}
