package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// A Location is the value of layout.CatalogLabel, as JSON.
type Location struct {
	SHA256  string     `json:"sha256"` // of the head
	Head    LayerPlace `json:"head"`
	Records LayerPlace `json:"records"`
}

// A LayerPlace is a run of bytes in the uncompressed last layer.
type LayerPlace struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// ForeignError is the error about an image that miniMirror did not build. why says how this was detected.
func ForeignError(why string) error {
	return artifact.Hint(fmt.Errorf("not a miniMirror image: %s", why),
		"minimirror build makes one; layers added on top of it hide its catalog")
}

// Locate returns the catalog's location from the labels of an image's configuration.
func Locate(labels map[string]string, layers []int64) (*Location, error) {
	if len(layers) == 0 {
		return nil, ForeignError("it has no layers")
	}
	label := labels[layout.CatalogLabel]
	if label == "" {
		return nil, ForeignError("its configuration has no label " + layout.CatalogLabel)
	}
	var place Location
	if err := json.Unmarshal([]byte(label), &place); err != nil {
		return nil, Errorf("label %s: %w", layout.CatalogLabel, err)
	}
	if !artifact.ValidSHA256(place.SHA256) {
		return nil, Errorf("label %s: sha256 %q", layout.CatalogLabel, place.SHA256)
	}
	size := layers[len(layers)-1]
	for _, p := range []LayerPlace{place.Head, place.Records} {
		if p.Offset < 0 || p.Size < 0 || size >= 0 && p.Offset > size-p.Size {
			return nil, Errorf("%d bytes at %d lie outside the last layer, which has %d", p.Size, p.Offset, size)
		}
	}
	if place.Head.Size > MaxHead {
		return nil, Errorf("a head of %d bytes, more than %d", place.Head.Size, MaxHead)
	}
	return &place, nil
}

// Verify compares the head with the label.
func (p *Location) Verify(head []byte) error {
	if got := DigestOf(head); got != "sha256:"+p.SHA256 {
		return Errorf("sha256 mismatch: got %s, want sha256:%s", got, p.SHA256)
	}
	return nil
}
