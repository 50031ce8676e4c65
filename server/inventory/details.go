package inventory

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/needs"
)

// Carried has everything that the mirror knows of an item.
type Carried struct {
	artifact.Item
	System       string               `json:"system,omitempty"` // of its source
	Architecture string               `json:"architecture"`
	Size         int64                `json:"size"` // of all files, bytes
	Files        []CarriedFile        `json:"files"`
	PackageURL   string               `json:"purl,omitempty"` // of an artifact.PackageURLer
	Description  artifact.Description `json:"description"`
	Sets         []string             `json:"sets"`     // that contain it, "NAME for ARCHITECTURE"
	InSets       []SetName            `json:"-"`        // the same
	Activity     audit.Activity       `json:"activity"` // of all clients since the start, without their addresses
	Decision
}

// A CarriedFile is a file with its address.
type CarriedFile struct {
	artifact.File
	Address string `json:"address"` // path on this mirror, percent-encoded (RFC 3986, section 3.3)
}

// A Decision is what the rules say of an item, for the client that asks.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	// Conditional is the first rule by which client or time decide; empty: none.
	Conditional string `json:"conditional,omitempty"`
}

// A Verdict is an artifact.Verdict with its JSON keys.
type Verdict struct {
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Details finds all items of a name, as the client of the request sees them, and the names that it stands for if it is an alias.
// If there is neither, the name is reported to Missed.
func (v *Inventory) Details(r *http.Request, kind, name string) (list []Carried, aliasOf []string, err error) {
	of := v.kind(kind)
	if of == nil {
		return nil, nil, nil
	}
	records, aliases, err := v.Image.Find(r.Context(), kind, []string{name})
	if err != nil {
		return nil, nil, err
	}
	decide, err := v.Decide(r)
	if err != nil {
		return nil, nil, err
	}
	describer, describes := artifact.Able[artifact.Describer](of)
	purler, purls := artifact.Able[artifact.PackageURLer](of)
	for _, r := range records[name] {
		c := Carried{Item: r.Item, Architecture: r.Item.Architecture(), Size: r.Item.Size(), Sets: []string{}, Decision: decide(&r.Item)}
		c.Metadata = nil // the description says it
		if describes {
			c.Description = describer.Describe(&r.Item)
		}
		if source := v.source(r.Source); source != nil {
			c.System = source.System
			if purls {
				c.PackageURL = purler.PackageURL(source, &r.Item)
			}
		}
		for _, f := range r.Files {
			f.URLs = orNone(f.URLs)
			c.Files = append(c.Files, CarriedFile{f, (&url.URL{Path: artifact.Address(of, &r.Item, &f)}).EscapedPath()})
		}
		c.Description.Fields = orNone(c.Description.Fields)
		for _, set := range v.Image.Catalog.Sets {
			if slices.Contains(set.Items, r.ID()) {
				c.Sets = append(c.Sets, set.Name+" for "+set.Nodes())
				c.InSets = append(c.InSets, SetName{set.Name, set.Nodes()})
			}
		}
		list = append(list, c)
	}
	v.addActivity(list)
	if len(list) == 0 && len(aliases[name]) == 0 && name != "" {
		v.Missed(r, kind, name)
	}
	return orNone(list), aliases[name], nil
}

// IsKind reports whether names of that kind can be looked up; all can be if it is empty.
func (v *Inventory) IsKind(name string) bool { return name == "" || v.kind(name) != nil }

// kind finds a kind by its name; nil: there is none.
func (v *Inventory) kind(name string) artifact.Kind {
	if at := slices.IndexFunc(v.Kinds, func(k artifact.Kind) bool { return k.Name() == name }); at >= 0 {
		return v.Kinds[at]
	}
	return nil
}

// source finds a source by its name.
func (v *Inventory) source(name string) *artifact.Source {
	sources := v.Image.Catalog.Sources
	if at := slices.IndexFunc(sources, func(s artifact.Source) bool { return s.Name == name }); at >= 0 {
		return &sources[at]
	}
	return nil
}

// Relations are why a name is carried, and what may need it.
type Relations struct {
	System   string   `json:"system"`    // of the nodes that this is true for; empty: of all
	Why      []string `json:"why"`       // the chain of names from a request to this one, both included
	NeededBy []string `json:"needed_by"` // names that may need it, sorted
}

// Relations tells why a name is carried and what may need it, for each system that has it; a mirror for one system has one answer.
func (v *Inventory) Relations(ctx context.Context, kind, name string) (all []Relations, err error) {
	g, err := v.graph.get(ctx, func(ctx context.Context) (*needs.Graph, error) {
		return needs.New(ctx, v.Image.Catalog, v.Kinds, v.Image.EachItem)
	})
	if err != nil {
		return nil, err
	}
	for _, system := range g.Systems(kind, name) {
		all = append(all, Relations{system, orNone(g.Why(system, kind, name)), orNone(g.NeededBy(system, kind, name))})
	}
	return orNone(all), nil
}

// Join is what is true in one system at least: the first chain, and all names that may need the name.
func Join(all []Relations) Relations {
	joined := Relations{Why: []string{}, NeededBy: []string{}}
	for _, r := range all {
		if len(joined.Why) == 0 {
			joined.Why = r.Why
		}
		joined.NeededBy = append(joined.NeededBy, r.NeededBy...)
	}
	slices.Sort(joined.NeededBy)
	joined.NeededBy = slices.Compact(joined.NeededBy)
	return joined
}
