package image

import (
	"encoding/json"
	"fmt"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A catalogPlace is the value of CatalogLabel, as JSON.
type catalogPlace struct {
	SHA256  string     `json:"sha256"` // of the head
	Head    layerPlace `json:"head"`
	Records layerPlace `json:"records"`
}

// A layerPlace is a run of bytes in the uncompressed last layer.
type layerPlace struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// findCatalog returns where the labels of an image's configuration say that its catalog is.
func findCatalog(labels map[string]string, layers []int64) (*catalogPlace, error) {
	if len(layers) == 0 {
		return nil, errForeign("it has no layers")
	}
	label := labels[CatalogLabel]
	if label == "" {
		return nil, errForeign("its configuration has no label " + CatalogLabel)
	}
	var place catalogPlace
	if err := json.Unmarshal([]byte(label), &place); err != nil {
		return nil, errCatalog("label %s: %w", CatalogLabel, err)
	}
	if !artifact.ValidSHA256(place.SHA256) {
		return nil, errCatalog("label %s: sha256 %q", CatalogLabel, place.SHA256)
	}
	size := layers[len(layers)-1]
	for _, p := range []layerPlace{place.Head, place.Records} {
		if p.Offset < 0 || p.Size < 0 || size >= 0 && p.Offset > size-p.Size {
			return nil, errCatalog("%d bytes at %d lie outside the last layer, which has %d", p.Size, p.Offset, size)
		}
	}
	if place.Head.Size > maxHead {
		return nil, errCatalog("a head of %d bytes, more than %d", place.Head.Size, maxHead)
	}
	return &place, nil
}

// verify holds the head against the label.
func (p *catalogPlace) verify(head []byte) error {
	if got := digestOf(head); got != "sha256:"+p.SHA256 {
		return errCatalog("sha256 mismatch: got %s, want sha256:%s", got, p.SHA256)
	}
	return nil
}

// errForeign is the error about an image that miniMirror did not build.
func errForeign(why string) error {
	return artifact.Hint(fmt.Errorf("not a miniMirror image: %s", why),
		"minimirror build makes one; layers added on top of it hide its catalog")
}
