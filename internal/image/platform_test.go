package image_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// An index has two images; the configuration of each states the running platform, whatever the index says of it.
func TestPlatform(t *testing.T) {
	other := "s390x"
	dir := t.TempDir()
	layout := map[string][]byte{}
	var descriptors []string
	for _, architecture := range []string{other, runtime.GOARCH} {
		files := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{architecture: architecture}}).Layout(t)
		for name, data := range files {
			layout[name] = data
		}
		var index struct{ Manifests []map[string]any }
		must(t, json.Unmarshal(files["index.json"], &index))
		d := index.Manifests[0]
		descriptors = append(descriptors, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%v,"platform":{"os":"linux","architecture":%q}}`, d["mediaType"], d["digest"], d["size"], architecture))
	}
	inner := []byte(`{"schemaVersion":2,"manifests":[` + strings.Join(descriptors, ",") + `]}`)
	layout["blobs/sha256/"+hexOf(inner)] = inner
	layout["index.json"] = fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%d}]}`, hexOf(inner), len(inner))
	imagetest.WriteDir(t, dir, layout)

	for platform, want := range map[string]string{
		"": runtime.GOARCH, image.AnyPlatform: runtime.GOARCH, "linux/" + runtime.GOARCH: runtime.GOARCH, runtime.GOARCH: runtime.GOARCH,
		"linux/" + other: "the image is for linux/" + runtime.GOARCH, "linux/riscv64": "none is for linux/riscv64",
	} {
		ref := image.Reference{Transport: image.OCI, Path: dir, Platform: platform}
		r, err := image.OpenReader(t.Context(), ref, image.Options{})
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", platform, err)
			}
			continue
		}
		c, err := r.Load(t.Context())
		must(t, err)
		if c.Items[0].Name != want || r.IndexDigest() != "sha256:"+hexOf(inner) || !slices.Equal(r.Platforms(), []string{"linux/" + other, "linux/" + runtime.GOARCH}) {
			t.Errorf("%q: %s of %s for %q, want %s", platform, c.Items[0].Name, r.IndexDigest(), r.Platforms(), want)
		}
		must(t, r.Close())
	}

	// The images of an index without one for the running platform: data are the same in all.
	layout["index.json"] = fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[%s,%s]}`, descriptors[0], strings.Replace(descriptors[1], `"`+runtime.GOARCH+`"`, `"riscv64"`, 1))
	dir = filepath.Join(dir, "elsewhere")
	imagetest.WriteDir(t, dir, layout)
	if _, err := image.Open(image.Reference{Path: dir}); err == nil || !strings.Contains(err.Error(), "choose one with --platform") {
		t.Errorf("%v", err)
	}
	img, err := image.Open(image.Reference{Path: dir, Platform: image.AnyPlatform})
	must(t, err)
	if img.Catalog.Items[0].Name != other {
		t.Errorf("took %s", img.Catalog.Items[0].Name)
	}
	must(t, img.Close())
}

func TestParsePlatform(t *testing.T) {
	for text, want := range map[string]string{
		"linux/arm64": "arm64", "aarch64": "arm64", "arm64/v8": "", "linux/arm/v7": "arm", "x86_64": "amd64",
		"": "", "windows/amd64": "", "linux/": "", "linux/a/b/c": "", "a b": "",
	} {
		p, err := image.ParsePlatform(text)
		if (err != nil) != (want == "") || p.Architecture != want && err == nil {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}
