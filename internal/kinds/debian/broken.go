package debian

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Broken implements artifact.Ruler.
func (Kind) Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(string) bool) ([]artifact.Breakage, error) {
	return nil, nil
}
