package debian

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Filter implements artifact.Ruler.
func (Kind) Filter(ctx context.Context, req artifact.FilterRequest) ([]artifact.File, error) {
	return nil, nil
}
