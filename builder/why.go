package builder

import (
	"errors"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// Why explains why the definition's lock has the items that name stands for, a name
// of any of its kinds. The error is artifact.ErrStale if the lock does not match the
// definition.
func Why(d *Definition, kinds []artifact.Kind, name string) ([]artifact.Reason, error) {
	lock, _, err := readFresh(d, lockfile.Read)
	if err != nil {
		return nil, err
	}
	var reasons []artifact.Reason
	var failures []error
	for _, kind := range kinds {
		spec, err := d.Spec(kind)
		if err != nil {
			return nil, err
		}
		if spec == nil {
			continue
		}
		explainer, err := artifact.Need[artifact.Explainer](kind, "be explained: they are there because the definition names them")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		found, err := explainer.Why(spec, pinsOf(lock, kind.Name()), name)
		if err != nil {
			failures = append(failures, err)
		}
		reasons = append(reasons, found...)
	}
	if len(reasons) == 0 {
		return nil, errors.Join(failures...)
	}
	return reasons, nil
}
