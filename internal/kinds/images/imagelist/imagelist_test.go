package imagelist

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// found lists what is found in standard input: names, and what is skipped as "LINE TEXT: REASON".
func found(t *testing.T, text string) (names []string) {
	t.Helper()
	l, err := Find(context.Background(), []string{"-"}, Options{Stdin: strings.NewReader(text)})
	if err != nil {
		return []string{err.Error()}
	}
	return lines(l)
}

func lines(l *List) (all []string) {
	for _, i := range l.Images {
		all = append(all, i.String())
	}
	for _, s := range l.Skipped {
		all = append(all, strings.TrimPrefix(s.Place.String(), "standard input:")+" "+s.Text+": "+s.Reason)
	}
	return all
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"pod": {"apiVersion: v1\nkind: Pod\nspec:\n  initContainers: [{ image: busybox }]\n  containers:\n    - image: \"registry.example.org:5000/acme/app:1.4@" + sha + "\"\n    - { name: b, image: acme/app:1.4 }\n  volumes:\n    - image: { reference: quay.io/data/set:1, pullPolicy: Always }\n",
			[]string{"docker.io/acme/app:1.4", "docker.io/library/busybox:latest", "quay.io/data/set:1", "registry.example.org:5000/acme/app:1.4@" + sha}},
		"many documents": {"---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\nspec: { template: { spec: { containers: [{ image: a:1 }] } } }\n---\napiVersion: batch/v1\nkind: CronJob\nspec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: b:1 }] } } } } }\n",
			[]string{"docker.io/library/a:1", "docker.io/library/b:1"}},
		"a list of objects, and what is so": {`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a:1"}]},"status":{"containerStatuses":[{"image":"a:1","imageID":"docker.io/library/a@` + sha + `"}]}}]}`,
			[]string{"docker.io/library/a:1"}},
		"status": {"apiVersion: v1\nkind: Node\nmetadata: {}\nimage: a:1\nstatus: { image: b:1 }\n", []string{"docker.io/library/a:1"}},
		"arguments, variables, a manifest in a ConfigMap": {"apiVersion: v1\nargs: [\"--reloader=quay.io/p/reloader:v1\", --image, ghcr.io/x/y:2, \"--url=https://example.org/a:1\", --at=example.org:80]\nenv: [{ name: RELATED_IMAGE, value: registry.example.org/z@" + sha + " }, { name: D, value: /var/lib/x:y }]\ndata:\n  x.yaml: |\n    spec:\n      - image: registry.example.org/inner:1 # here\n        image: \"{{ .Image }}\"\n",
			[]string{"ghcr.io/x/y:2", "quay.io/p/reloader:v1", "registry.example.org/inner:1", "registry.example.org/z@" + sha, "5 {{ .Image }}: it is a template"}},
		"custom resources": {"apiVersion: acme.example.org/v1\nspec:\n  baseImage: registry.example.org/base:1\n  osImage: Debian GNU/Linux\n  image: { repository: registry.example.org/acme/db, tag: 15 }\n  proxy: { registry: quay.io, repository: acme/proxy, digest: " + sha + " }\n  sidecar: { image: { repository: acme/sidecar } }\n  chart: { repository: \"https://charts.example.org\", tag: 1 }\n",
			[]string{"quay.io/acme/proxy@" + sha, "registry.example.org/acme/db:15", "registry.example.org/base:1", "7 acme/sidecar: it has no tag"}},
		"a definition of a custom resource": {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  description: |\n    for example\n    image: a:1\n  properties: { image: { type: string, default: \"registry.example.org/default:1\" } }\n", []string{"registry.example.org/default:1"}},
		"compose": {"services:\n  web: { image: \"nginx:${TAG:-1.27}\" }\n  db: { image: \"${REGISTRY-quay.io}/db:${VERSION}\" }\n  own: { build: . }\n",
			[]string{"docker.io/library/nginx:1.27", "3 quay.io/db:${VERSION}: it has a variable without a default"}},
		"not the name of an image": {"apiVersion: v1\nimage: https://example.org/disk.qcow2\nspec: { image: Nginx:1, a: { image: \"\" }, b: { image: ~ }, c: { image: { url: x } } }\n",
			[]string{"2 https://example.org/disk.qcow2: it is not the name of an image", "3 Nginx:1: it is not the name of an image: repository name (library/Nginx) must be lowercase"}},
		"kubeadm":                    {"registry.k8s.io/kube-apiserver:v1.34.4\nregistry.k8s.io/coredns/coredns:v1.12.1\n", []string{"registry.k8s.io/coredns/coredns:v1.12.1", "registry.k8s.io/kube-apiserver:v1.34.4"}},
		"kubeadm JSON":               {`{"kind":"Images","apiVersion":"output.kubeadm.k8s.io/v1alpha3","images":["registry.k8s.io/pause:3.10"],"logos":["a"]}`, []string{"registry.k8s.io/pause:3.10"}},
		"one":                        {"nginx", []string{"docker.io/library/nginx:latest"}},
		"a list":                     {"# of the site\n\nnginx:1   # web\nindex.docker.io/library/nginx:1\nlocalhost:5000/x:1\n- \"quay.io/y:1\"\n${X}\n", []string{"docker.io/library/nginx:1", "localhost:5000/x:1", "quay.io/y:1", "7 ${X}: it has a variable without a default"}},
		"YAML list":                  {"- nginx:1\n- quay.io/y:1\n", []string{"docker.io/library/nginx:1", "quay.io/y:1"}},
		"a template":                 {"{{- if .x }}\nimage: {{ .Values.image }}:{{ .Values.tag }}\n  - image: \"quay.io/fixed:1\"\nimage:\n  a: b\n{{ end }}\n", []string{"quay.io/fixed:1", "2 {{ .Values.image }}:{{ .Values.tag }}: it is a template"}},
		"a template with braces":     {"- { name: a, image: {{ .x }} }\n- { image: \"quay.io/fixed:1\", name: b }\n- {image: {{ .y }}, name: c}\n# my image: no\n", []string{"quay.io/fixed:1", "1 {{ .x }}: it is a template", "3 {{ .y }}: it is a template"}},
		"a template that is no YAML": {"- { name: a, image: {{ .x | quote }} }\n- { image: \"quay.io/fixed:1\", name: b }\n- {image: {{ .y \"z\" }}, name: c}\n# my image: no\n{{- end }}\n", []string{"quay.io/fixed:1", "1 {{ .x | quote }} }: it is a template", "3 {{ .y \"z\" }}, name: c}: it is a template"}},
		"an alias":                   {"a: &a { image: x:1 }\nb: *a\nc: { <<: *a }\nd: &d [*d]\n", []string{"docker.io/library/x:1"}},
	} {
		if got := found(t, test.text); !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, test.want)
		}
	}
	for text, want := range map[string]string{
		"nginx:1\nthis is prose\n":    `standard input:2: "this is prose": it is not the name of an image`,
		"apiVersion: v1\n  kind: X\n": "standard input: not valid YAML: line 2",
		"a\x00b":                      "standard input: not a text",
		"\x1f\x8bno":                  "standard input: ",
	} {
		if got := found(t, text); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestSection writes what a definition reads.
func TestSection(t *testing.T) {
	l, err := Find(context.Background(), []string{"-"}, Options{Stdin: strings.NewReader("nginx\nnginx:1.27@" + sha + "\nregistry.example.org:5000/a:1\nregistry.example.org:5000/b@" + sha + "\n")})
	if err != nil {
		t.Fatal(err)
	}
	want := "images:\n  - name: docker.io\n    take:\n      - library/nginx:1.27@" + sha + "\n      - library/nginx:latest\n  - name: registry.example.org:5000\n    take:\n      - a:1\n      - b@" + sha + "\n"
	if got := l.Section(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	many := &List{}
	for i := range 100 {
		many.Skipped = append(many.Skipped, Skipped{Place{File: "f", Line: i}, strings.Repeat("x", i/2), isTemplate})
	}
	if got := many.Warnings(); len(got) != 21 || got[1] != `f:2: "x" is not in the list: it is a template` || got[20] != "60 others are not in the list, either; --format json names them" {
		t.Errorf("%q", got)
	}
	if got := l.Warnings(); len(got) != 1 || got[0] != "standard input:1: docker.io/library/nginx states no tag: it means latest, which moves" {
		t.Errorf("%q", got)
	}
}

// files are those of a chart with a chart in it.
var files = map[string]string{
	"Chart.yaml":                       "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"2.5\"\ndependencies: [{ name: db, alias: store, version: 1 }, { name: cache, version: 1 }]\nannotations:\n  artifacthub.io/images: |\n    - name: later\n      image: quay.io/acme/later:1\n",
	"values.yaml":                      "image: { registry: registry.example.org, repository: acme/web, tag: \"\" }\nmetrics: { enabled: false, image: \"quay.io/acme/metrics:1\" }\nstore: { image: { tag: 16.1 } }\n",
	"templates/web.yaml":               "image: \"{{ .Values.image.repository }}\"\n",
	"templates/job.yaml":               "# a {{ comment }}\n      - image: registry.example.org/acme/job:3\n",
	"templates/NOTES.txt":              "image: not:this\n",
	"charts/db/Chart.yaml":             "apiVersion: v2\nname: db\nversion: 1\nappVersion: \"15\"\n",
	"charts/db/values.yaml":            "image: { repository: acme/db, tag: 15.0 }\ninit: { image: { repository: acme/init } }\n",
	"charts/db/templates/db.yaml":      "image: {{ .Values.image.repository }}\n",
	"charts/db/templates/_helpers.tpl": "\n",
}

func writeChart(t *testing.T) (folder, packaged string) {
	t.Helper()
	dir := t.TempDir()
	folder, packaged = filepath.Join(dir, "web"), filepath.Join(dir, "web-1.0.0.tgz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600),
			w.WriteHeader(&tar.Header{Name: "web/" + name, Mode: 0o644, Size: int64(len(text))})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close(), os.WriteFile(packaged, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return folder, packaged
}

func TestChartWithoutHelm(t *testing.T) {
	t.Setenv("PATH", "")
	folder, packaged := writeChart(t)
	values := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(values, []byte("metrics: { image: \"quay.io/acme/metrics:2\" }\nstore: { init: { image: { tag: 7 } } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, chart := range []string{folder, packaged} {
		l, err := Find(context.Background(), []string{chart}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"docker.io/acme/db:16.1", "docker.io/acme/init:15", "quay.io/acme/later:1", "quay.io/acme/metrics:1", "registry.example.org/acme/job:3", "registry.example.org/acme/web:2.5",
			chart + ": charts/db/templates/db.yaml:1 {{ .Values.image.repository }}: it is a template", chart + ": templates/web.yaml:1 {{ .Values.image.repository }}: it is a template"}
		if got := lines(l); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		guess := chart + ": values.yaml:1: the tag of registry.example.org/acme/web:2.5 is a guess: it is the chart's appVersion, which a template may write in another way, such as v2.5"
		if w := l.Warnings(); !slices.Contains(w, guess) || len(w) != 4 {
			t.Errorf("%q", w)
		}
		if len(l.Notes) != 2 || !strings.Contains(l.Notes[0], chart+": charts/cache is missing, and so are its images") || !strings.Contains(l.Notes[1], chart+" is not rendered (there is no helm on the PATH)") {
			t.Errorf("%q", l.Notes)
		}
		if l, err = Find(context.Background(), []string{chart}, Options{Values: []string{values}}); err != nil {
			t.Fatal(err)
		}
		if got, want := lines(l)[:4], []string{"docker.io/acme/db:16.1", "docker.io/acme/init:7", "quay.io/acme/later:1", "quay.io/acme/metrics:2"}; !slices.Equal(got, want) {
			t.Errorf("with values: %q, want %q", got, want)
		}
	}
}

// TestHelm has a helm of this test render a chart.
func TestHelm(t *testing.T) {
	folder, packaged := writeChart(t)
	dir := t.TempDir()
	helm := filepath.Join(dir, "helm")
	script := func(text string) {
		if err := os.WriteFile(helm, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	script(`[ "$1 $2 $4 $5" = "template minimirror --values v.yaml" ] && [ -n "$HELM_CONFIG_HOME" ] && [ -e "$3" ] || exit 9
printf -- '---\n# Source: web/templates/web.yaml\napiVersion: v1\nspec: { image: "a:1" }\n---\n# Source: web/charts/db/x.yaml\nimage: b:1\n'
`)
	for _, chart := range []string{folder, packaged} {
		l, err := Find(context.Background(), []string{chart}, Options{Values: []string{"v.yaml"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := lines(l), []string{"docker.io/library/a:1", "docker.io/library/b:1", "quay.io/acme/later:1"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if got, want := l.Images[0].Places, []Place{{File: chart + ": templates/web.yaml", Field: "spec.image"}}; !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		if want := chart + " is rendered by " + helm; len(l.Notes) != 1 || l.Notes[0] != want {
			t.Errorf("%q, want %q", l.Notes, want)
		}
		if l, err = Find(context.Background(), []string{chart}, Options{Static: true}); err != nil || len(l.Notes) != 2 || !strings.Contains(l.Notes[1], "(--static)") || len(l.Images) != 6 {
			t.Errorf("%v: %q", err, l.Notes)
		}
	}
	for said, want := range map[string]string{
		"Error: execution error at (web/x.yaml:1): host is needed\\n\\nUse --debug flag to render out invalid YAML": "helm cannot render it: execution error at (web/x.yaml:1): host is needed\nhint: name a file with the values",
		"Error: found in Chart.yaml, but missing in charts/ directory: db":                                          "hint: run: helm dependency build",
	} {
		script("printf '" + said + "' >&2; exit 1\n")
		if _, err := Find(context.Background(), []string{folder}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("m/a.yaml", "apiVersion: v1\nimage: a:1\n")
	write("m/sub/b.json", `{"apiVersion":"v1","image":"b:1"}`)
	write("m/README.md", "image: c:1\n")
	write("k/kustomization.yaml", "resources: []\n")
	write("none/x.txt", "")
	l, err := Find(context.Background(), []string{filepath.Join(dir, "m"), filepath.Join(dir, "m/a.yaml")}, Options{})
	if err != nil || !slices.Equal(lines(l), []string{"docker.io/library/a:1", "docker.io/library/b:1"}) || len(l.Images[0].Places) != 1 {
		t.Errorf("%v, %+v", err, l)
	}
	for name, want := range map[string]string{"k": "run: kubectl kustomize " + dir + "/k | minimirror images from -", "none": "neither a Helm chart nor a folder with manifests", "nowhere": "no such file"} {
		if _, err := Find(context.Background(), []string{filepath.Join(dir, name)}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]string{"image: \"{{ x }}\"\n": `except by templates such as "{{ x }}" in standard input:1`, "a: b\n": "no image is named\nhint:"} {
		l, err := Find(context.Background(), []string{"-"}, Options{Stdin: strings.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzFind reads anything; whatever it lists can be read again.
func FuzzFind(f *testing.F) {
	for _, text := range []string{"image: a:1\n", "- a\n", "a: &a [*a]\n", "image: {{ x }}\n", "{\"images\":[\"a:1\"]}", "services: {a: {image: \"${x:-y}\"}}", "\x1f\x8b\x08"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Find(context.Background(), []string{"-"}, Options{Stdin: strings.NewReader(text), Static: true})
		if err != nil {
			return
		}
		for _, i := range l.Images {
			again, reason := parse(i.String())
			if reason != "" || compare(again, i) != 0 {
				t.Fatalf("%q: %+v, %q", i.String(), again, reason)
			}
		}
	})
}
