package image_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
)

// What is handed to a container runtime is the whole image, wherever it comes from.
func TestWriteDockerArchive(t *testing.T) {
	m, _ := many(t, 5, 5000)
	for name, open := range sources(t, m) {
		r := open()
		var b bytes.Buffer
		err := r.WriteDockerArchive(t.Context(), &b, "minimirror.local/x:latest")
		if strings.Contains(name, "root") {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		must(t, err)
		again := reader(t, image.Reference{Transport: image.Stdin, Name: "minimirror.local/x:latest"}, image.Options{Stdin: &b})
		must(t, again.Verify(context.Background()))
		if again.LayerCount() != r.LayerCount() {
			t.Errorf("%s: %d layers", name, again.LayerCount())
		}
	}
}
