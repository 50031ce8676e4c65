package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// A Selection says which items are wanted: those that meet all conditions. The zero value selects all.
type Selection struct {
	// Names are names, paths of files on the mirror, or patterns of these, in which * and ? match anything. An item needs to
	// match one of them.
	Names     []string
	Kind      string
	Source    string
	Set       string // NAME, or NAME:NODES
	Requested bool   // by the set if there is one, or else by the definition

	Details bool // tell all that is known of the items

	patterns []glob.Pattern // of Names
}

// IsZero reports whether nothing was asked for.
func (s *Selection) IsZero() bool {
	return len(s.Names) == 0 && s.Kind == "" && s.Source == "" && s.Set == "" && !s.Requested && !s.Details
}

// parse reads the names. The error is artifact.ErrUsage.
func (s *Selection) parse() (err error) {
	if slices.Contains(s.Names, "") {
		return artifact.Usagef("a name is empty")
	}
	s.patterns, err = glob.ParseArguments(s.Names)
	return err
}

// Check refuses names that are not patterns. exact tells that there are names, and that each matches only itself.
func (s *Selection) Check() (exact bool, err error) {
	if err := s.parse(); err != nil {
		return false, err
	}
	inexact := func(p glob.Pattern) bool { _, exact := p.Exact(); return !exact }
	return len(s.patterns) > 0 && !slices.ContainsFunc(s.patterns, inexact), nil
}

// Found is what a selection finds.
type Found struct {
	Reference string  `json:"reference"`
	Name      string  `json:"name"`
	Digest    string  `json:"digest,omitempty"`
	Lock      string  `json:"lock"`
	Items     []Item  `json:"items"` // of a single set, in an order in which they can be installed
	Aliases   []Alias `json:"aliases"`
	Size      int64   `json:"size"` // of the items' files, each once

	Files []catalog.File `json:"-"` // the same files; none for a lock
}

// An Alias is another name for items.
type Alias struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	Of   []string `json:"alias_of"`
}

// Select finds the items. The error names what the image or the lock does not have.
func (s *Subject) Select(ctx context.Context, want Selection) (*Found, error) {
	if err := want.parse(); err != nil {
		return nil, err
	}
	if err := s.checkSelection(&want); err != nil {
		return nil, err
	}
	candidates, requested := s.candidates(&want)
	found := &Found{Reference: s.Reference, Name: s.Catalog.Name, Digest: s.Digest, Lock: s.Catalog.Lock, Items: []Item{}, Aliases: []Alias{}}
	details, err := s.newDetails(ctx, want.Details)
	if err != nil {
		return nil, err
	}
	counted := map[string]bool{}
	for _, item := range candidates {
		if want.Kind != "" && item.Kind != want.Kind || want.Source != "" && item.Source != want.Source || !s.takes(want.patterns, item) {
			continue
		}
		if want.Requested && !(requested[item.ID()] || want.Set == "" && item.Requested) {
			continue
		}
		for f := range item.Files {
			if file, is := s.files[item.FileID(&item.Files[f])]; is && !counted[file.Path] {
				found.Files = append(found.Files, file)
			}
		}
		found.Size += uncounted(item, counted)
		found.Items = append(found.Items, s.newItem(item, details))
	}
	if want.Source == "" && want.Set == "" && !want.Requested {
		for _, a := range s.Catalog.Aliases {
			// Who asks for everything means all items.
			if slices.ContainsFunc(want.patterns, func(p glob.Pattern) bool { return !p.Any() && p.Match(a.Name) }) && (want.Kind == "" || a.Kind == want.Kind) {
				found.Aliases = append(found.Aliases, Alias(a))
			}
		}
	}
	return found, nil
}

// takes reports whether an item matches one of the patterns; all do if there are none.
func (s *Subject) takes(patterns []glob.Pattern, item *artifact.Item) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p glob.Pattern) bool {
		if p.Match(item.Name) || s.isAlias(&p, item) {
			return true
		}
		return strings.Contains(p.String(), "/") && slices.ContainsFunc(item.Files, func(f artifact.File) bool {
			return p.Match(item.FileID(&f)) || p.Match("/"+item.FileID(&f)) || p.Match(s.address(item, &f))
		})
	})
}

// isAlias reports whether a name, not a pattern, is another name for exactly this item, such as one with its version.
func (s *Subject) isAlias(p *glob.Pattern, item *artifact.Item) bool {
	name, exact := p.Exact()
	if !exact {
		return false
	}
	aliaser, able := artifact.Able[artifact.Aliaser](s.kind(item.Kind))
	return able && slices.Contains(aliaser.Aliases(item), name)
}

// candidates are all items, or those of the sets, and what the sets request.
func (s *Subject) candidates(want *Selection) (items []*artifact.Item, requested map[string]bool) {
	requested = map[string]bool{}
	if want.Set == "" {
		for i := range s.Catalog.Items {
			items = append(items, &s.Catalog.Items[i])
		}
		return items, requested
	}
	byID, taken := make(map[string]*artifact.Item, len(s.Catalog.Items)), map[string]bool{}
	for i := range s.Catalog.Items {
		byID[s.Catalog.Items[i].ID()] = &s.Catalog.Items[i]
	}
	for i := range s.Catalog.Sets {
		set := &s.Catalog.Sets[i]
		if !isSet(set, want.Set) {
			continue
		}
		for _, id := range set.Requested {
			requested[id] = true
		}
		for _, id := range set.Items {
			if item := byID[id]; item != nil && !taken[id] {
				taken[id] = true
				items = append(items, item)
			}
		}
	}
	return items, requested
}

// isSet reports whether a set is meant by NAME or NAME:NODES: an architecture, a system, or both as artifact.Set.Nodes has them.
func isSet(set *artifact.Set, text string) bool {
	name, nodes, only := strings.Cut(text, ":")
	return set.Name == name && (!only || slices.Contains([]string{set.Nodes(), set.System, set.Architecture}, nodes))
}

// checkSelection refuses conditions and names that nothing meets.
func (s *Subject) checkSelection(want *Selection) error {
	what := "the lock"
	if s.IsImage {
		what = "the image"
	}
	var sources, kinds, sets []string
	for _, source := range s.Catalog.Sources {
		sources, kinds = append(sources, source.Name), append(kinds, source.Kind)
	}
	for _, set := range s.Catalog.Sets {
		sets = append(sets, set.Name+":"+set.Nodes())
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	no := func(thing, name string, there []string) error {
		err := fmt.Errorf("%s has no %s %q", what, thing, name)
		if len(there) == 0 {
			return err
		}
		return artifact.Hint(err, "it has: %s", strings.Join(there, ", "))
	}
	switch {
	case want.Kind != "" && !slices.Contains(kinds, want.Kind):
		return no("items of the kind", want.Kind, kinds)
	case want.Source != "" && !slices.Contains(sources, want.Source):
		return no("source", want.Source, sources)
	case want.Set != "" && !slices.ContainsFunc(s.Catalog.Sets, func(set artifact.Set) bool { return isSet(&set, want.Set) }):
		return no("set", want.Set, sets)
	}
	return s.checkNames(what, want.patterns)
}

// checkNames refuses names that no item and no alias has.
func (s *Subject) checkNames(what string, patterns []glob.Pattern) error {
	var missing []string
	hint := ""
	for _, p := range patterns {
		if slices.ContainsFunc(s.Catalog.Items, func(i artifact.Item) bool { return s.takes([]glob.Pattern{p}, &i) }) ||
			slices.ContainsFunc(s.Catalog.Aliases, func(a catalog.Alias) bool { return p.Match(a.Name) }) {
			continue
		}
		if text, exact := p.Exact(); hint == "" && exact {
			hint = fmt.Sprintf("a pattern finds names that are alike: '*%s*'", text)
		} else if hint == "" {
			hint = "'*' lists all that it has"
		}
		missing = append(missing, p.String())
	}
	if len(missing) == 0 {
		return nil
	}
	return artifact.Hint(fmt.Errorf("%s does not have %s", what, strings.Join(missing, ", ")), "%s", hint)
}
