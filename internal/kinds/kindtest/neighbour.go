package kindtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// neighbourName is the neighbour's only source, too.
const neighbourName = "neighbour"

// A neighbour is the kind beside which others are shown: files, that a node gets in a folder. It has what every kind has, and is an Installer.
type neighbour struct{}

var _ interface {
	artifact.Kind
	artifact.Installer
} = neighbour{}

type neighbourSpec struct {
	from string
	take []string
	sets map[string][]string
}

func startNeighbour(t testing.TB) (address string) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "This is", path.Base(r.URL.Path))
	}))
	t.Cleanup(upstream.Close)
	return upstream.URL
}

func (s *suite) defineNeighbour(testing.TB, string) string {
	return fmt.Sprintf("%s: { from: %q, take: [one, two] }\n", neighbourName, s.beside)
}

func (neighbour) Name() string { return neighbourName }

func (neighbour) Parse(section artifact.Section, sets map[string]artifact.Section, _ string) (artifact.Spec, error) {
	var raw struct {
		From string   `yaml:"from"`
		Take []string `yaml:"take"`
	}
	spec := &neighbourSpec{sets: map[string][]string{}}
	if err := section.Decode(&raw); err != nil {
		return nil, err
	}
	spec.from, spec.take = raw.From, raw.Take
	for name, set := range sets {
		var names []string
		if err := set.Decode(&names); err != nil {
			return nil, err
		}
		spec.sets[name] = names
	}
	return spec, nil
}

func (neighbour) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	spec := req.Spec.(*neighbourSpec)
	r := &artifact.Resolution{Sources: []artifact.Source{{Kind: neighbourName, Name: neighbourName, URLs: []string{spec.from}, Releases: []artifact.Release{}}}}
	for _, name := range spec.take {
		urls := []string{spec.from + "/" + name}
		content, err := req.Upstream.Ask(ctx, artifact.Request{URLs: urls, Keep: true, Limit: 1000})
		if err != nil {
			return nil, err
		}
		content.Close()
		r.Items = append(r.Items, artifact.Item{Kind: neighbourName, Source: neighbourName, Name: name, Version: "1", Requested: true,
			Files: []artifact.File{{Path: name, Size: content.Size, SHA256: content.SHA256, URLs: urls}}})
	}
	for name, members := range spec.sets {
		set := artifact.Set{Name: name, Architecture: artifact.AnyArchitecture}
		for _, member := range members {
			set.Items = append(set.Items, neighbourName+"/"+member)
		}
		slices.Sort(set.Items)
		set.Requested = slices.Clone(set.Items)
		r.Sets = append(r.Sets, set)
	}
	return r, nil
}

func (neighbour) Publish(artifact.Pins, artifact.Signer) ([]artifact.Generated, error) {
	return nil, nil
}

func (neighbour) Mount(site artifact.Site) (routes []artifact.Route) {
	for _, s := range site.Mirror().Sources {
		routes = append(routes, artifact.Route{Path: "/" + s.Name + "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			site.ServeFile(w, r, strings.TrimPrefix(r.URL.Path, "/"))
		})})
	}
	return routes
}

func (neighbour) Needs(*artifact.Item) []string { return nil }

func (neighbour) NameOf(request string) (string, error) { return request, nil }

func (neighbour) NodeArchitecture(string) (string, error) { return artifact.AnyArchitecture, nil }

func (neighbour) PlanInstall(_ context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	plan := &artifact.InstallPlan{Architecture: req.Architecture, Steps: [][]*artifact.Item{nil}}
	for i := range req.Pins.Items {
		if item := &req.Pins.Items[i]; slices.Contains(req.Set, item.ID()) || slices.Contains(req.Names, item.Name) {
			plan.Steps[0] = append(plan.Steps[0], item)
		}
	}
	return plan, nil
}

func (neighbour) Extra(string, ...*artifact.InstallPlan) map[string][]byte {
	return map[string][]byte{"install.sh": []byte("#!/bin/sh\n")}
}

func (neighbour) Install(context.Context, artifact.InstallJob) error { return nil }
