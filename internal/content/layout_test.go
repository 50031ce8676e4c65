package content_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/contenttest"
)

// short is what a test calls a blob: the first digits of its digest.
func short(d v1.Descriptor) string { return d.Digest.Encoded()[:8] }

func TestLayout(t *testing.T) {
	l := contenttest.New(t, 1)
	one, arm := l.Image(1000, 2000), l.Image(3000)
	arm.Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	absent := l.Image(4000)
	absent.Platform = &v1.Platform{OS: "linux", Architecture: "s390x"}
	l.Remove(absent)
	index := l.JSON(v1.MediaTypeImageIndex, v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{one, arm, absent}})
	l.List("site:1", index)
	sbom := l.Attach(one, "application/spdx+json", []byte("sbom"))
	signature := l.Attach(sbom, "application/vnd.signature", []byte("signed"))
	tagged := l.Image(10)
	l.List("sha256-"+index.Digest.Encoded()+".sig", tagged)
	other := l.Image(5000)
	l.List("other", other)
	lost := l.Attach(absent, "application/vnd.lost", []byte("lost"))

	archive := filepath.Join(t.TempDir(), "image.tar")
	if out, err := exec.Command("tar", "-C", l.Dir, "-cf", archive, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for want, names := range map[string][]string{
		"":                     {"site:1", short(sbom), "sig", short(signature), "other"},
		"site:1":               {"site:1", short(sbom), "sig", short(signature)},
		"other":                {"other"},
		other.Digest.String():  {"other"},
		"@" + sbomDigest(sbom): {"none"},
	} {
		folder, err := content.OpenLayout(l.Dir, want)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		packed, err := content.OpenArchive(archive, want)
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		for _, src := range []*content.Layout{folder, packed} {
			images, err := src.Images(t.Context())
			if len(names) == 1 && names[0] == "none" {
				if err == nil || !strings.Contains(err.Error(), "hint: its images: site:1, other") {
					t.Errorf("%s: %v", src, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, im := range images {
				name := im.Name
				if strings.HasSuffix(name, ".sig") {
					name = "sig"
				} else if name == "" {
					name = short(im.Descriptor)
				}
				got = append(got, name)
			}
			wanted := fmt.Sprint(names)
			if want == "" {
				wanted = fmt.Sprint(append(names, short(lost))) // listed without its image
			}
			if want == "site:1" {
				wanted = fmt.Sprint(append(names, short(lost))) // the index lists the image
			}
			sortedEqual(t, src.String(), fmt.Sprint(got), wanted)
			graph, err := content.Walk(t.Context(), src, images)
			if err != nil {
				t.Fatal(err)
			}
			if want != "other" && want != other.Digest.String() && (len(graph.Notes) != 1 || !strings.Contains(graph.Notes[0], "linux/s390x")) {
				t.Errorf("%s: notes: %v", src, graph.Notes)
			}
			layers := false
			for _, b := range graph.Blobs {
				is := b.MediaType == v1.MediaTypeImageLayer || !content.IsManifest(b.MediaType) && !strings.Contains(b.MediaType, "config") && b.MediaType != v1.MediaTypeEmptyJSON
				if layers && !is {
					t.Errorf("%s: %s comes after a layer", src, b.MediaType)
				}
				layers = layers || is
				if want == "" && b.Digest == absent.Digest {
					t.Errorf("%s: has what is not there", src)
				}
			}
		}
	}
}

func sbomDigest(d v1.Descriptor) string { return d.Digest.String() }

func sortedEqual(t *testing.T, what, got, want string) {
	t.Helper()
	a, b := strings.Fields(strings.Trim(got, "[]")), strings.Fields(strings.Trim(want, "[]"))
	seen := map[string]bool{}
	for _, s := range a {
		seen[s] = true
	}
	for _, s := range b {
		if !seen[s] {
			t.Errorf("%s: %s, want %s", what, got, want)
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// A layout that lacks a blob, or has another one in its place, is refused by the blob's digest.
func TestDamagedLayout(t *testing.T) {
	l := contenttest.New(t, 1)
	d := l.Image(1000)
	l.List("x", d)
	src, err := content.OpenLayout(l.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	images, err := src.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Remove(d)
	if _, err := content.Walk(t.Context(), src, images); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), d.Digest.String()) {
		t.Error(err)
	}
	if err := (content.Blob{Digest: d.Digest, Size: 3}).Check([]byte("abc")); !errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
	if _, err := content.OpenLayout(t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), "not an OCI image layout") {
		t.Error(err)
	}
}
