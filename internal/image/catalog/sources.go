package catalog

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Sources reads the sources alone.
func (r *Reader) Sources(ctx context.Context) (all []artifact.Source, err error) {
	l := loader{Reader: r}
	err = each(ctx, &l, &r.Tables.Sources, func(s *artifact.Source) string { return s.Name }, func(s *artifact.Source) error {
		all = append(all, *s)
		return nil
	})
	return all, err
}
