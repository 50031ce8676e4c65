package bundle

import (
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/content"
)

// Options say how a bundle is made.
type Options struct {
	Name     string      // of the stream; empty: the first image's
	Sequence int64       // 0: the seconds since 1970 of Created
	Created  time.Time   //
	PartSize int64       // 0: DefaultPartSize
	Form     string      // see Header.Form
	Sealer   seal.Sealer // nil: in the clear
	Base     *Base       // what is left out, or nil
}

// NewHeader plans a bundle of what the graph has, without the blobs of the base. Its parts are not listed yet.
func NewHeader(graph *content.Graph, o Options) (*Header, error) {
	h := &Header{Version: Version, Sequence: o.Sequence, Created: o.Created.UTC().Format(time.RFC3339), Name: o.Name, Form: o.Form, Images: graph.Images, PartSize: o.PartSize}
	if h.Name == "" {
		h.Name = streamName(graph.Images)
	}
	if h.Sequence == 0 {
		h.Sequence = o.Created.Unix()
	}
	if h.PartSize == 0 && h.Form == "" {
		h.PartSize = DefaultPartSize
	}
	if o.Sealer != nil {
		h.Encryption, h.Recipients = o.Sealer.Encryption(), o.Sealer.Recipients()
	}
	left := map[string]bool{}
	if o.Base != nil {
		base := Base{Receipt: o.Base.Receipt, Images: o.Base.Images}
		for _, b := range o.Base.Blobs {
			left[b.Digest.String()] = true
		}
		for _, b := range graph.Blobs {
			if left[b.Digest.String()] {
				base.Blobs = append(base.Blobs, b)
			}
		}
		slices.SortFunc(base.Blobs, func(a, b content.Blob) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
		if len(base.Blobs) > 0 {
			h.Base = &base
		}
	}
	for _, b := range graph.Blobs {
		if !left[b.Digest.String()] {
			h.Blobs = append(h.Blobs, b)
		}
	}
	if h.Form == "" && h.PartSize < MinPartSize {
		return nil, artifact.Usagef("parts of %d bytes: want at least %d", h.PartSize, MinPartSize)
	}
	plan, err := h.Plan()
	if err != nil {
		return nil, err
	}
	h.PartCount = len(plan.Parts)
	if h.ID, err = h.PlanID(); err != nil {
		return nil, err
	}
	return h, h.check()
}

// streamName is the name of the first image without a tag.
func streamName(images []content.Image) string {
	for _, im := range images {
		if im.Name == "" || im.Subject != "" {
			continue
		}
		name, _, _ := strings.Cut(im.Name, "@")
		if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
			name = name[:at]
		}
		return name
	}
	return "bundle"
}
