package debian

import (
	"context"
	"errors"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Properties implements artifact.Ruler.
func (Kind) Properties() []string { return []string{"source", "section", "component", "suite"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(a *artifact.Artifact) [][]string { return make([][]string, 4) }

// ParseVersions implements artifact.Ruler.
func (Kind) ParseVersions(condition string) (func(version string) bool, error) {
	return nil, errors.New("not yet")
}

// Filter implements artifact.Ruler.
func (Kind) Filter(ctx context.Context, req artifact.FilterRequest) ([]artifact.File, error) {
	return nil, nil
}

// Broken implements artifact.Ruler.
func (Kind) Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(string) bool) ([]artifact.Breakage, error) {
	return nil, nil
}

// Describe implements artifact.Describer.
func (Kind) Describe(a *artifact.Artifact) artifact.Description { return artifact.Description{} }

// Identify implements artifact.Describer.
func (Kind) Identify(path string) *artifact.Artifact { return nil }
