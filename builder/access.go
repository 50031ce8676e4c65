package builder

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Access is how this machine reaches the upstreams of the definition, as its
// kinds know it.
func (d *Definition) Access(ctx context.Context, kinds []artifact.Kind) (all []artifact.Access, err error) {
	for _, kind := range kinds {
		section, wanted := d.kinds[kind.Name()]
		accessor, able := kind.(artifact.Accessor)
		if !wanted || !able {
			continue
		}
		access, err := accessor.Access(ctx, section)
		if err != nil {
			return nil, err
		}
		all = append(all, access)
	}
	return all, nil
}
