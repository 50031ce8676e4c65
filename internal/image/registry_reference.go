package image

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/minimirror/minimirror/internal/artifact"
)

// parseRegistry reads what follows "docker:" in whole, which must be //HOST/NAME[:TAG|@DIGEST].
func parseRegistry(whole, rest string) (Reference, error) {
	rest, found := strings.CutPrefix(rest, "//")
	if !found || !strings.Contains(rest, "/") {
		return Reference{}, artifact.Hint(
			fmt.Errorf("%q names no registry: %w", whole, artifact.ErrUsage),
			"write docker://HOST/NAME:TAG, for example docker://registry.example.org/site/docker:1")
	}
	ref, err := name.ParseReference(rest)
	if err != nil {
		return Reference{}, fmt.Errorf("%q: %w: %w", whole, err, artifact.ErrUsage)
	}
	return Reference{Docker, ref.Context().Name(), ref.Identifier()}, nil
}
