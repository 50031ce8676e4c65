package image

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// EachArtifact reads all artifacts with all that the catalog says of them, by kind and name. It keeps none. Their
// texts are parts of larger ones: whoever keeps few of them for long clones them.
func (r *CatalogReader) EachArtifact(ctx context.Context, take func(*artifact.Artifact) error) error {
	l := loader{CatalogReader: r}
	return each(ctx, &l, &r.Tables.Artifacts, (*artifactRow).key, func(a *artifactRow) error {
		if a.Of != nil {
			return nil
		}
		return take(&a.Artifact)
	})
}
