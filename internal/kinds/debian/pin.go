package debian

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
	"github.com/minimirror/minimirror/internal/parallel"
)

// pin turns the closure into pins.
func pin(ctx context.Context, up *archive.Upstream, from artifact.Upstream, s *spec, closure *resolver.Closure) (*artifact.Resolution, error) {
	result := &artifact.Resolution{Sources: up.Pins(s.upstream)}
	bySource := make(map[string]*archive.Source)
	for i := range up.Sources {
		bySource[up.Sources[i].Name] = &up.Sources[i]
	}
	paths := make(map[string]*artifact.Item, len(closure.Packages)) // by ID
	requested := make(map[*resolver.Package]struct{}, len(closure.Requested))
	for _, p := range closure.Requested {
		requested[p] = struct{}{}
	}
	ids := make(map[*resolver.Package]string, len(closure.Packages))
	pins := make([]artifact.Item, len(closure.Packages))
	for i, p := range closure.Packages {
		var err error
		if pins[i], err = p.Item(bySource[p.Origins[0].Source].Name, bySource[p.Origins[0].Source].Addresses); err != nil {
			return nil, err
		}
	}
	if err := identify(ctx, from, pins); err != nil {
		return nil, err
	}
	for i, p := range closure.Packages {
		a := &pins[i]
		a.Security = up.Security(p.Origins)
		// Two versions that differ only in their epoch have the same file name.
		file := &a.Files[0]
		id := a.ID()
		if other, taken := paths[id]; taken && other.Files[0].SHA256 != file.SHA256 {
			file.Path = path.Join(path.Dir(file.Path), file.SHA256[:16], path.Base(file.Path))
			id = a.ID()
		}
		if other, taken := paths[id]; taken {
			return nil, artifact.Hint(fmt.Errorf("debian: source %s: %s and %s have the same file, %s", a.Source, other, a, file.Path), "exclude one of them: exclude: [%s=%s]", p.Name, p.Version)
		}
		paths[id], ids[p] = a, id
		_, a.Requested = requested[p]
	}
	result.Items = pins
	for _, from := range closure.Sets {
		set := artifact.Set{Name: from.Name, Architecture: from.Architecture, Requested: []string{}, Items: []string{}}
		for _, p := range from.Packages {
			set.Items = append(set.Items, ids[p])
		}
		for _, p := range from.Requested {
			set.Requested = append(set.Requested, ids[p])
		}
		slices.Sort(set.Requested)
		set.Requested = slices.Compact(set.Requested)
		result.Sets = append(result.Sets, set)
	}
	return result, nil
}

// identify fetches pins for which upstream signs only SHA-512, to compute their SHA-256.
func identify(ctx context.Context, from artifact.Upstream, pins []artifact.Item) error {
	var unknown []*artifact.Item
	for i := range pins {
		if pins[i].Files[0].SHA256 == "" {
			unknown = append(unknown, &pins[i])
		}
	}
	return parallel.Each(len(unknown), parallelPackages, func(i int) error {
		a := unknown[i]
		content, err := artifact.Bring(ctx, from, a.Files[0].URLs, artifact.Content{Size: a.Files[0].Size, SHA512: deb822.SignedSHA512(a)})
		if err != nil {
			return fmt.Errorf("debian: source %s: %s: %w", a.Source, a, err)
		}
		a.Files[0].SHA256 = content.SHA256
		return nil
	})
}

const parallelPackages = 32
