package inventory

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/minimirror/minimirror/internal/vulns"
)

// Vulnerabilities compares what the image carries with its advisories, the first time from the whole catalog. Without advisories, the report has no
// Knowledge. It must not be changed.
func (v *Inventory) Vulnerabilities(ctx context.Context) (*vulns.Report, error) {
	return v.vulnerabilities.get(ctx, v.findVulnerabilities)
}

func (v *Inventory) findVulnerabilities(ctx context.Context) (*vulns.Report, error) {
	full, err := v.Image.FullCatalog()
	if err != nil {
		return nil, err
	}
	report, err := vulns.Find(ctx, vulns.Request{Digest: v.Image.Digest, Catalog: full, Kinds: v.Kinds, Open: func(name string) (io.ReadCloser, error) {
		data, err := v.Image.ReadFile(name)
		return io.NopCloser(bytes.NewReader(data)), err
	}})
	if errors.Is(err, vulns.ErrNoKnowledge) {
		return &vulns.Report{}, nil
	}
	return report, err
}
