package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/package-url/packageurl-go"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

func parsed(t *testing.T, text string) *spec {
	t.Helper()
	section, err := strictyaml.Parse("mirror.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := section.Keys([]string{"images", "set"})
	if err != nil {
		t.Fatal(err)
	}
	sets := make(map[string]artifact.Section)
	if parts["set"] != nil {
		sets["node"] = parts["set"]
	}
	s, err := Kind{}.Parse(parts["images"], sets, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s.(*spec)
}

// several are an index with an SBOM, one of Docker Hub's own images, and a chart.
func several(t *testing.T) *carried {
	c := newCarried(t)
	index := c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64", "linux/s390x")
	c.add("registry.example.org:5000", "acme/app", "1.4", []string{"linux/amd64", "linux/arm64"}, c.SBOM("acme/app", index))
	c.Tag("library/nginx", "1.27", c.Image("library/nginx", imagestest.Image{}))
	c.add("docker.io", "library/nginx", "1.27", []string{"linux/amd64"})
	c.Chart("charts/x", "0.1.0_build.5")
	c.add("charts.example.org", "charts/x", "0.1.0_build.5", []string{""})
	return c
}

const (
	appAMD64  = "registry.example.org_5000/acme/app:1.4/linux/amd64"
	appARM64  = "registry.example.org_5000/acme/app:1.4/linux/arm64"
	nginxID   = "docker.io/library/nginx:1.27/linux/amd64"
	chartID   = "charts.example.org/charts/x:0.1.0_build.5"
	noSuchHex = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

func TestAliases(t *testing.T) {
	c := several(t)
	for id, names := range map[string][]string{
		nginxID: {"nginx", "nginx:1.27", "docker.io/nginx", "docker.io/library/nginx", "docker.io/library/nginx:1.27", "library/nginx:1.27",
			"nginx@" + digestOf(c.item(nginxID)), "docker.io/library/nginx@" + digestOf(c.item(nginxID)), digestOf(c.item(nginxID))},
		appAMD64: {"registry.example.org:5000/acme/app", "registry.example.org:5000/acme/app:1.4", "acme/app:1.4", "acme/app@" + digestOf(c.item(appAMD64)),
			manifestOf(c.item(appAMD64)), "acme/app@" + manifestOf(c.item(appAMD64))},
	} {
		item := c.item(id)
		all := Kind{}.Aliases(item)
		for _, name := range names {
			if !slices.Contains(all, name) {
				t.Errorf("%s is not called %s: %s", id, name, all)
			}
			if got, err := (Kind{}).NameOf(name); got != name || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if slices.Contains(all, item.Name) || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Errorf("%s: %s", id, all)
		}
	}
	if slices.Contains(Kind{}.Aliases(c.item(appAMD64)), "app") {
		t.Error("another registry's images lose a part of their names")
	}
	for _, wrong := range []string{"", "Nginx", "a b", "nginx:", "nginx@sha256:1", "nginx:1:2", "libc6 (>= 2)", "https://docker.io/nginx"} {
		if name, err := (Kind{}).NameOf(wrong); wrong != "nginx:" && err == nil {
			t.Errorf("%q is called %q", wrong, name)
		}
	}
}

func TestPackageURL(t *testing.T) {
	c := several(t)
	for id, want := range map[string]string{
		nginxID:  "pkg:oci/nginx@" + digestOf(c.item(nginxID)) + "?arch=amd64&repository_url=docker.io/library/nginx&tag=1.27",
		appARM64: "pkg:oci/app@" + manifestOf(c.item(appARM64)) + "?arch=arm64&repository_url=registry.example.org:5000/acme/app&tag=1.4",
		chartID:  "pkg:oci/x@" + digestOf(c.item(chartID)) + "?repository_url=charts.example.org/charts/x&tag=0.1.0_build.5",
	} {
		item := c.item(id)
		want = strings.Replace(want, "@sha256:", "@sha256%3A", 1)
		got := Kind{}.PackageURL(&artifact.Source{Name: item.Source}, item)
		read, err := packageurl.FromString(got)
		if err != nil || read.ToString() != got || read.Version != manifestOf(item) || read.Qualifiers.Map()["repository_url"] != registryName(item.Source)+"/"+item.Name {
			t.Errorf("%s: %s, %+v, %v; want %s", id, got, read, err, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	c := several(t)
	item := c.item(appAMD64)
	item.Metadata = append(item.Metadata, line(keyCreated, "2025-03-01T00:00:00Z"), line(keyLabel, "org.opencontainers.image.description=serves things"),
		line(keyLabel, "org.opencontainers.image.source=https://git.example.org/app"), line(keyLabel, "team=site"), line(keySigned, "sha256:abc acme.pub"))
	text := func(d artifact.Description) string {
		lines := []string{d.Summary, d.Text}
		for _, f := range d.Fields {
			lines = append(lines, f.Name+": "+f.Value[0].Text)
		}
		return strings.Join(lines, "\n") + "\n"
	}
	got := text(Kind{}.Describe(item))
	for _, want := range []string{"serves things\n", "team=site\n", "Reference: registry.example.org:5000/acme/app:1.4\n", "Platform: linux/amd64\n", "Digest: " + digestOf(item),
		"Manifest: " + manifestOf(item), "Created: 2025-03-01", "Layers: 1, 0.1 MB\n", "Made from: https://git.example.org/app\n", "Signed by: sha256:abc acme.pub\n",
		"Attached: sbom: 1\n", "Not carried: linux/s390x\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	got = text(Kind{}.Describe(c.item(chartID)))
	if !strings.Contains(got, "a Helm chart\n") || strings.Contains(got, "Platform") {
		t.Errorf("%s", got)
	}
}

func TestCompare(t *testing.T) {
	for _, pair := range [][2]string{{"1.9", "1.10"}, {"v1.4.0-rc.1", "v1.4.0"}, {"1.26-alpine", "1.27-alpine"}, {"0.1.0", "0.2.0_build.5"}} {
		if order, ok := (Kind{}).CompareVersions(pair[0], pair[1]); order >= 0 || !ok {
			t.Errorf("%s: %d, %t", pair, order, ok)
		}
	}
	for _, pair := range [][2]string{{"latest", "1.0"}, {"stable", "latest"}, {"sha256:" + noSuchHex, "1.0"}} {
		if _, ok := (Kind{}).CompareVersions(pair[0], pair[1]); ok {
			t.Errorf("%s have an order", pair)
		}
	}
	item := func(version, platform string) *artifact.Item {
		return &artifact.Item{Name: "acme/app", Version: version, Attributes: artifact.NewAttributes(map[string][]string{attributePlatform: {platform}})}
	}
	for _, c := range []struct {
		a, b, platform string
		want           bool
	}{
		{"1.4", "1.5", "linux/amd64", true}, {"1.4", "1.5", "linux/arm64", false}, {"1.4-alpine3.19", "1.5-alpine3.20", "linux/amd64", true},
		{"1.4-alpine", "1.5", "linux/amd64", false}, {"1.4-rc.1", "1.4", "linux/amd64", true}, {"latest", "latest", "linux/amd64", true}, {"latest", "stable", "linux/amd64", false},
	} {
		if got := (Kind{}).Replaces(item(c.a, "linux/amd64"), item(c.b, c.platform)); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestWhy(t *testing.T) {
	c := several(t)
	s := parsed(t, `images:
  - { name: "registry.example.org:5000", take: ["other:1", "acme/*:>=1.4 <2"], platforms: [linux/amd64, linux/arm64] }
  - { name: docker.io, take: ["nginx:1.27"] }
set: ["nginx:1.27"]
`)
	for name, want := range map[string]string{
		"nginx":        "docker.io/library/nginx:1.27 (linux/amd64)|mirror.yaml:3: docker.io: take has \"nginx:1.27\"|mirror.yaml:3: docker.io: platforms are linux/amd64|mirror.yaml:4: the set node has \"nginx:1.27\"",
		"acme/app:1.4": "registry.example.org:5000/acme/app:1.4 (linux/amd64)|mirror.yaml:2: registry.example.org:5000: take has \"acme/*:>=1.4 <2\"|mirror.yaml:2: registry.example.org:5000: platforms are linux/amd64, linux/arm64",
		"acme/*":       "registry.example.org:5000/acme/app:1.4 (linux/amd64)",
		"docker.io/library/nginx@" + digestOf(c.item(nginxID)): "docker.io/library/nginx:1.27",
	} {
		reasons, err := Kind{}.Why(s, c.pins, name)
		if err != nil || len(reasons) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(append([]string{reasons[0].Artifact}, reasons[0].Chain...), "|"); !strings.HasPrefix(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	if _, err := (Kind{}).Why(s, c.pins, "nginz"); err == nil || !strings.Contains(err.Error(), "hint: it has: docker.io/library/nginx:1.27") {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestProbe(t *testing.T) {
	d := imagestest.New(t)
	manifest := d.Tag("acme/app", "1", d.Image("acme/app", imagestest.Image{}))
	data := string(d.Content("acme/app", "1"))
	good := map[string]string{"/v2/": "{}", "/v2/_catalog?n=100": `{"repositories":["r/none","r/acme/app"]}`, "/v2/r/none/tags/list?n=1": `{"name":"r/none","tags":null}`,
		"/v2/r/acme/app/tags/list?n=1": `{"tags":["1"]}`, "/v2/r/acme/app/manifests/1": data, "/v2/r/acme/app/manifests/" + manifest.Digest.String(): data}
	probe := func(change func(pages map[string]string)) error {
		pages := make(map[string]string)
		for k, v := range good {
			pages[k] = v
		}
		change(pages)
		return Kind{}.Probe(t.Context(), func(_ context.Context, path string) ([]byte, error) {
			page, found := pages[path]
			if !found {
				return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
			}
			return []byte(page), nil
		})
	}
	if err := probe(func(map[string]string) {}); err != nil {
		t.Error(err)
	}
	if err := probe(func(p map[string]string) { p["/v2/_catalog?n=100"] = `{"repositories":[]}` }); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(map[string]string){
		"no registry":             func(p map[string]string) { delete(p, "/v2/") },
		"a catalog of HTML":       func(p map[string]string) { p["/v2/_catalog?n=100"] = "<html>" },
		"no manifest":             func(p map[string]string) { delete(p, "/v2/r/acme/app/manifests/1") },
		"no manifest by digest":   func(p map[string]string) { delete(p, "/v2/r/acme/app/manifests/"+manifest.Digest.String()) },
		"another one by a digest": func(p map[string]string) { p["/v2/r/acme/app/manifests/"+manifest.Digest.String()] = data + " " },
	} {
		if err := probe(change); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "another one by a digest" && !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
