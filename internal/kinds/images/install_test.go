package images

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

func ids(items ...*artifact.Item) (all []string) {
	for _, i := range items {
		all = append(all, i.ID())
	}
	return all
}

// TestPlan chooses the images for the node's platform.
func TestPlan(t *testing.T) {
	c := newCarried(t)
	c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/386", "linux/arm/v7", "linux/arm/v6")
	c.add("registry.example.org", "acme/app", "1.4", []string{"linux/amd64", "linux/386", "linux/arm/v7", "linux/arm/v6"})
	c.Tag("acme/tool", "2", c.Image("acme/tool", imagestest.Image{Platform: "linux/arm64"}))
	c.add("registry.example.org", "acme/tool", "2", []string{"linux/arm64"})
	c.Chart("charts/x", "1.0")
	c.add("registry.example.org", "charts/x", "1.0", []string{""})
	const app, tool = "registry.example.org/acme/app:1.4/linux/", "registry.example.org/acme/tool:2/linux/arm64"
	var all []string
	for i := range c.pins.Items {
		if isImage(&c.pins.Items[i]) {
			all = append(all, c.pins.Items[i].ID())
		}
	}
	for name, one := range map[string]struct {
		req  artifact.InstallRequest
		want []string
		err  string
	}{
		"amd64":            {artifact.InstallRequest{Architecture: "amd64", Set: all}, []string{app + "amd64"}, ""},
		"i386":             {artifact.InstallRequest{Architecture: "i386", Set: all}, []string{app + "386"}, ""},
		"armhf":            {artifact.InstallRequest{Architecture: "armhf", Set: all}, []string{app + "arm/v7"}, ""},
		"arm64":            {artifact.InstallRequest{Architecture: "arm64", Set: all}, []string{app + "arm/v7", tool}, ""},
		"any":              {artifact.InstallRequest{Architecture: artifact.AnyArchitecture, Set: all}, []string{app + "386", app + "amd64", app + "arm/v6", app + "arm/v7", tool}, ""},
		"by name":          {artifact.InstallRequest{Architecture: "amd64", Names: []string{"registry.example.org/acme/app:1.4"}}, []string{app + "amd64"}, ""},
		"twice":            {artifact.InstallRequest{Architecture: "amd64", Set: all, Names: []string{"acme/app"}}, []string{app + "amd64"}, ""},
		"of another one":   {artifact.InstallRequest{Architecture: "amd64", Names: []string{"acme/tool"}}, nil, "registry.example.org/acme/tool:2: it is carried for linux/arm64"},
		"absent":           {artifact.InstallRequest{Architecture: "amd64", Names: []string{"acme/none"}}, nil, "acme/none: no image has this name"},
		"a chart":          {artifact.InstallRequest{Architecture: "amd64", Names: []string{"charts/x:1.0"}}, nil, "it is not an image, but application/vnd.cncf.helm.config.v1+json"},
		"a chart in a set": {artifact.InstallRequest{Architecture: "amd64", Set: []string{"registry.example.org/charts/x:1.0"}}, nil, "cannot load\nhint: take it out"},
	} {
		one.req.Pins = c.pins
		plan, err := Kind{}.PlanInstall(t.Context(), one.req)
		if one.err != "" {
			if err == nil || !strings.Contains(err.Error(), one.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if skipped := strings.Join(plan.Skipped, " "); len(one.req.Set) > 1 && (skipped == "registry.example.org/acme/tool:2 (linux/arm64)") == slices.Contains(one.want, tool) {
			t.Errorf("%s: left out: %s", name, skipped)
		}
		if err != nil || !slices.Equal(ids(slices.Concat(plan.Steps...)...), one.want) {
			t.Errorf("%s: %v, %v", name, plan, err)
		}
	}
	c.Tag("acme/app", "1.5", c.Image("acme/app", imagestest.Image{}))
	c.add("registry.example.org", "acme/app", "1.5", []string{"linux/amd64"})
	if _, err := (Kind{}).PlanInstall(t.Context(), artifact.InstallRequest{Pins: c.pins, Architecture: "amd64", Names: []string{"acme/app"}}); err == nil || !strings.Contains(err.Error(), "2 images have this name") {
		t.Errorf("two versions: %v", err)
	}
}
