package builder

import (
	"context"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Access is how this machine reaches the upstreams of the definition, as its
// kinds know it.
func (d *Definition) Access(ctx context.Context, kinds []artifact.Kind) (all []artifact.Access, err error) {
	for _, kind := range kinds {
		accessor, able := artifact.Able[artifact.Accessor](kind)
		if !able {
			continue
		}
		spec, err := d.Spec(kind)
		if err != nil {
			return nil, err
		}
		if spec == nil {
			continue
		}
		access, err := accessor.Access(ctx, spec)
		if err != nil {
			return nil, err
		}
		all = append(all, access)
	}
	return all, nil
}
