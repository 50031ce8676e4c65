package images_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestByteIdentity: an index that is written in an odd way, and all that is attached to it and to its manifests, is carried byte for byte. "skopeo sync",
// in the same run, says what a rival makes of it.
func TestByteIdentity(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	key, _ := imagestest.NewKey(t)
	amd, arm := r.Image("acme/app", imagestest.Image{}), r.Image("acme/app", imagestest.Image{Platform: "linux/arm64"})
	text := fmt.Appendf(nil, "{\r\n\t\"schemaVersion\": 2, \"x-unknown\": {\"b\": 1, \"a\": [ ]},\n \"mediaType\": %q, \"manifests\": [\n", v1.MediaTypeImageIndex)
	for i, d := range []v1.Descriptor{amd, arm} {
		text = fmt.Appendf(text, "%s{ \"platform\" : {\"architecture\": %q, \"os\" : \"linux\", \"x-more\": true}, \"size\": %d, \"artifactType\": \"application/x-app\", \"digest\": %q, \"mediaType\": %q}\n",
			[]string{"", ", "}[i], d.Platform.Architecture, d.Size, d.Digest, d.MediaType)
	}
	index := r.Tag("acme/app", "1", r.Manifest("acme/app", v1.MediaTypeImageIndex, append(text, "  ]}\n\n"...)))
	attached := map[string]v1.Descriptor{
		"signature of the index, tag": r.Sign("acme/app", index, key, imagestest.Tagged), "signature of the index, bundle": r.Sign("acme/app", index, key, imagestest.Bundle),
		"signature of a manifest, bundle": r.Sign("acme/app", arm, key, imagestest.Bundle), "SBOM of the index": r.SBOM("acme/app", index), "SBOM of a manifest": r.SBOM("acme/app", arm),
		"provenance of a manifest": r.Attest("acme/app", amd, key, signature.Provenance), "the index": index, "a manifest": amd, "another manifest": arm,
	}
	l := s.must(entry(r, `"acme/app:1"`, "platforms: all"), builder.LockOptions{})
	files := make(map[string]artifact.File)
	for _, i := range l.Items {
		for _, f := range i.Files {
			files[f.Path] = f
		}
	}
	for what, d := range attached {
		f, carried := files["manifests/sha256/"+d.Digest.Encoded()]
		if !carried {
			t.Errorf("%s is not carried", what)
			continue
		}
		data, _, err := artifact.Get(t.Context(), s.fetch, artifact.Request{URLs: f.URLs, Want: f.Content(), Limit: 1 << 20})
		if err != nil || string(data) != string(r.Content("acme/app", d.Digest.String())) {
			t.Errorf("%s: %v, %s", what, err, data)
		}
	}
	// The rival: no error, whatever it loses.
	dir := t.TempDir()
	cmd := exec.Command("skopeo", "--insecure-policy", "sync", "--all", "--src", "docker", "--dest", "dir", "--src-tls-verify=false", r.Host+"/acme/app", dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s\nhint: apt-get install skopeo", cmd, err, out)
	}
	had := make(map[string]bool) // contents
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "manifest.json") {
			var data []byte
			data, err = os.ReadFile(name)
			had[string(data)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !had[string(r.Content("acme/app", amd.Digest.String()))] {
		t.Fatalf("skopeo has synchronized nothing: %s", out)
	}
	var lost []string
	for _, what := range slices.Sorted(maps.Keys(attached)) {
		if !had[string(r.Content("acme/app", attached[what].Digest.String()))] {
			lost = append(lost, what)
		}
	}
	t.Logf("of %d manifests, the lock has all; skopeo sync ends without an error and has lost: %s", len(attached), strings.Join(lost, ", "))
}
