package image_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// TestChoose has layouts with several images: each is called by its name, and holds it as an artifact.
func TestChoose(t *testing.T) {
	const indexType = "application/vnd.oci.image.index.v1+json"
	layout := map[string][]byte{}
	// add puts an image into the layout and returns its descriptor with more fields.
	add := func(name, fields string) string {
		files := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{name: name}}).Layout(t)
		for file, data := range files {
			layout[file] = data
		}
		var index struct{ Manifests []map[string]any }
		must(t, json.Unmarshal(files["index.json"], &index))
		d := index.Manifests[0]
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%v%s}`, d["mediaType"], d["digest"], d["size"], fields)
	}
	inner := func(fields string, descriptors ...string) string {
		data := []byte(`{"schemaVersion":2,"manifests":[` + strings.Join(descriptors, ",") + `]}`)
		layout["blobs/sha256/"+hexOf(data)] = data
		return fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%s","size":%d%s}`, indexType, hexOf(data), len(data), fields)
	}
	named := func(name string) string {
		return fmt.Sprintf(`,"annotations":{"org.opencontainers.image.ref.name":%q}`, name)
	}
	platform := func(architecture string) string {
		return fmt.Sprintf(`,"platform":{"os":"linux","architecture":%q}`, architecture)
	}
	const attests = `,"annotations":{"vnd.docker.reference.type":"attestation-manifest"},"platform":{"os":"unknown","architecture":"unknown"}`
	a, b, c := add("a", named("1")), add("b", named("2")), add("c", "")
	here, there, proof := add("here", platform(runtime.GOARCH)), add("there", platform("s390x")), add("proof", attests)
	digest := a[strings.Index(a, "sha256:"):][:71]
	loop := inner("", inner("", inner("", inner("", inner("", c)))))

	for _, test := range []struct {
		index      []string
		name, want string // an error contains a blank
	}{
		{[]string{c}, "", "c"},
		{[]string{there}, "", "there"},
		{[]string{a, b}, "1", "a"},
		{[]string{a, b}, "2", "b"},
		{[]string{a, b}, digest, "a"},
		{[]string{a, b}, "", "2 images"},
		{[]string{a, b}, "3", "no image is called"},
		{[]string{a, add("again", named("1"))}, "1", "2 images"},
		{[]string{here, there, proof}, "", "here"},
		{[]string{there, proof}, "", "there"},
		{[]string{inner("", here, there, proof)}, "", "here"},
		{[]string{inner("", there, proof)}, "", "there"},
		{[]string{inner(named("x"), here, there), a}, "x", "here"},
		{[]string{inner("", inner("", there, here))}, "", "here"},
		{[]string{inner("", there, add("third", platform("riscv64")))}, "", "2 images"},
		{[]string{inner("")}, "", "names no image"},
		{[]string{loop}, "", "4 indexes"},
		{nil, "", "names no image"},
		{nil, "1", "names no image"},
	} {
		dir := t.TempDir()
		layout["index.json"] = []byte(`{"schemaVersion":2,"manifests":[` + strings.Join(test.index, ",") + `]}`)
		imagetest.WriteDir(t, dir, layout)
		img, err := image.Open(image.Reference{Transport: image.OCI, Path: dir, Name: test.name})
		if strings.Contains(test.want, " ") {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q of %s: %v", test.name, layout["index.json"], err)
			}
			continue
		}
		must(t, err)
		if got := img.Catalog.Items[0].Name; got != test.want {
			t.Errorf("%q of %s: %s, want %s", test.name, layout["index.json"], got, test.want)
		}
		img.Close()
	}
}

// What skopeo makes of an image is read in place, or refused with the way to mend it.
func TestSkopeo(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatalf("%v\nhint: apt-get install skopeo", err)
	}
	dir := t.TempDir()
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), imagetest.New(t, spec).Layout(t))
	in := func(ref string) string {
		transport, path, _ := strings.Cut(ref, ":")
		return transport + ":" + filepath.Join(dir, path)
	}
	copyImage := func(arguments ...string) {
		cmd := exec.Command("skopeo", append([]string{"--insecure-policy", "--tmpdir", dir, "copy", "-q"}, arguments...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	const plain = "--dest-oci-accept-uncompressed-layers"
	copyImage(plain, in("oci:oci"), in("oci:copy:name"))
	copyImage(plain, in("oci:oci"), in("oci-archive:archive.tar"))
	copyImage(in("oci:oci"), in("docker-archive:docker.tar:site/test:1"))
	copyImage(in("oci:oci"), in("oci:compressed"))
	copyImage(in("oci:compressed"), in("docker-archive:uncompressed.tar"))
	copyImage("--dest-compress-format", "zstd", in("oci:oci"), in("oci:zstd"))
	copyImage(in("oci:oci"), in("oci-archive:compressed.tar"))
	copyImage("--format", "v2s2", in("oci:oci"), in("oci:schema2"))
	for _, ref := range []string{"oci:copy", "oci:copy:name", "oci-archive:archive.tar", "docker-archive:docker.tar",
		"docker-archive:docker.tar:site/test:1", "docker-archive:docker.tar:docker.io/site/test:1", "docker-archive:uncompressed.tar"} {
		parsed, err := image.ParseReference(in(ref))
		must(t, err)
		img, err := image.Open(parsed)
		if err != nil {
			t.Error(err)
			continue
		}
		intact(t, img)
		img.Close()
	}
	for _, ref := range []string{"oci:copy:name", "oci:compressed", "oci:zstd", "oci:schema2", "oci-archive:archive.tar", "oci-archive:compressed.tar",
		"docker-archive:docker.tar", "docker-archive:uncompressed.tar"} {
		parsed, err := image.ParseReference(in(ref))
		must(t, err)
		if err := exhaust(t, parsed, image.Options{}); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	parsed, err := image.ParseReference(in("oci:compressed"))
	must(t, err)
	if _, err := image.Open(parsed); err == nil || !bytes.Contains([]byte(err.Error()), []byte("docker-archive:")) {
		t.Errorf("compressed layers: %v", err)
	}
}
