package pypi

import (
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A walk follows requirements through what was chosen for a target.
type walk struct {
	*sourceResolver
	target *target
	chosen map[string]*dist
	extras map[string][]string // that are wanted of each project
	by     map[string][]string // why a project is needed: values of the line Needed-By; of every project that is
	queue  []string
}

// walk starts at the roots. What was chosen must meet each requirement on the way.
func (r *sourceResolver) walk(ctx context.Context, t *target, roots []root, chosen map[string]*dist) (*walk, error) {
	w := &walk{sourceResolver: r, target: t, chosen: chosen, extras: make(map[string][]string), by: make(map[string][]string)}
	for i := range roots {
		applies, err := roots[i].Marker.Evaluate(t.Environment())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", roots[i].String(), err)
		}
		if applies {
			if err := w.need(&roots[i].Requirement, roots[i].by); err != nil {
				return nil, err
			}
		}
	}
	for len(w.queue) > 0 {
		name := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.follow(ctx, name); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// need notes a requirement that applies.
func (w *walk) need(q *pep508.Requirement, by string) error {
	name := q.Project()
	d := w.chosen[name]
	switch {
	case q.URL != "":
		return urlError(q, by)
	case d == nil:
		return fmt.Errorf("%s is required (%s), and was not chosen", name, by)
	case !q.Specifiers.Match(d.Dist.Version):
		return fmt.Errorf("%s is required (%s), and %s was chosen", q, by, d.Dist.Version)
	}
	again := w.by[name] == nil
	if !slices.Contains(w.by[name], by) {
		w.by[name] = append(w.by[name], by)
	}
	for _, extra := range q.Extras {
		if !slices.Contains(w.extras[name], extra) {
			w.extras[name] = append(w.extras[name], extra)
			again = true
		}
	}
	if again {
		w.queue = append(w.queue, name)
	}
	return nil
}

// follow notes what a project requires with the extras that are wanted of it.
func (w *walk) follow(ctx context.Context, name string) error {
	s, err := w.offers.metadata(ctx, w.chosen[name])
	if err != nil {
		return err
	}
	for _, text := range s.RequiresDist {
		q, err := pep508.ParseRequirement(text)
		if err != nil {
			return fmt.Errorf("%s: %w", w.chosen[name].Name, err)
		}
		applies, err := q.Marker.EvaluateExtras(w.target.Environment(), w.extras[name])
		if err != nil {
			return fmt.Errorf("%s: %s: %w", w.chosen[name].Name, text, err)
		}
		if applies {
			if err := w.need(&q, byProject+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// urlError refuses a requirement with an address.
func urlError(q *pep508.Requirement, by string) error {
	return artifact.Hint(fmt.Errorf("%s is required from the address %s (%s): only what an index has can be carried", q.Name, artifact.Redacted(q.URL), by),
		"build a wheel of it, put that into an index of your own, and name the index in from:")
}
