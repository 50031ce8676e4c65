package image_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

func TestParseReadable(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for text, want := range map[string]image.Reference{
		"-":                                 {Transport: image.Stdin},
		"root:/mnt":                         {Transport: image.Unpacked, Path: "/mnt"},
		"root:a:b":                          {Transport: image.Unpacked, Path: "a:b"},
		"/srv/docker.tar":                   {Path: "/srv/docker.tar"},
		"./out:1":                           {Path: "./out:1"},
		".":                                 {Path: "."},
		"oci:out":                           {Transport: image.OCI, Path: "out"},
		"oci:/srv/out:1":                    {Transport: image.OCI, Path: "/srv/out", Name: "1"},
		"docker-archive:f:a/b:1":            {Transport: image.DockerArchive, Path: "f", Name: "a/b:1"},
		"docker://registry.example.org/a/b": {Transport: image.Docker, Path: "registry.example.org/a/b", Name: "latest"},
		"docker://registry.example.org:5000/a/b:1":            {Transport: image.Docker, Path: "registry.example.org:5000/a/b", Name: "1"},
		"docker://registry.example.org/a/b@" + digest:         {Transport: image.Docker, Path: "registry.example.org/a/b", Name: digest},
		"docker://registry.example.org/a/b:1@" + digest:       {Transport: image.Docker, Path: "registry.example.org/a/b", Name: digest},
		"docker://registry.example.org/a/b@sha256:0":          {},
		"docker://registry.example.org/a/b@md5:" + digest[7:]: {},
		"docker://a":                         {},
		"docker://a/..":                      {},
		"docker:a/b":                         {},
		"docker":                             {Path: "docker"},
		"oci":                                {Path: "oci"},
		"doc.go":                             {Path: "doc.go"},
		"imagetest":                          {Path: "imagetest"},
		"site:2":                             {},
		"dir:x":                              {},
		"localhost/a":                        {},
		"registry.example.org/site/docker:1": {},
		"https://registry.example.org/a":     {},
		"a/b@" + digest:                      {},
		"":                                   {},
		"root:":                              {},
		"oci:":                               {},
		"out/docker":                         {Path: "out/docker"},
		"containers-storage:x":               {},
		"docker://a/b?x=y":                   {},
		"docker://a@evil/b":                  {},
		"docker:// /b":                       {},
		"docker://a\nb/c":                    {},
		"docker://[::1]:5000/a":              {Transport: image.Docker, Path: "[::1]:5000/a", Name: "latest"},
	} {
		got, err := image.ParseReadable(text)
		if got != want || (err != nil) != (want == image.Reference{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if err == nil && got.Transport != image.Stdin {
			if again, err := image.ParseReadable(got.String()); err != nil && got.Transport != image.Anywhere || again != got {
				t.Errorf("%q: %s: %+v, %v", text, got, again, err)
			}
		}
	}
}

// What is there is a path, whatever it looks like, unless it begins with a transport; what is not there and looks like something
// else gets a hint.
func TestPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.Mkdir("docker", 0o755))
	must(t, os.Mkdir("registry.example.org", 0o755))
	imagetest.WriteTar(t, "image.tar", imagetest.New(t, spec).Docker(t))
	for _, name := range []string{"oci:x", "a:b", "docker:x", "registry.example.org/site:1", "root"} {
		must(t, os.WriteFile(name, nil, 0o644))
	}
	for text, want := range map[string]image.Reference{
		"docker": {Path: "docker"}, "a:b": {Path: "a:b"}, "registry.example.org/site:1": {Path: "registry.example.org/site:1"}, "root": {Path: "root"},
		"oci:x": {Transport: image.OCI, Path: "x"}, "./oci:x": {Path: "./oci:x"}, "new": {Path: "new"},
	} {
		if got, err := image.ParseReadable(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, hint := range map[string]string{
		"docker:x":                         "write ./docker:x for the file",
		"image.tar:site/docker:1":          "is written docker-archive:image.tar:site/docker:1",
		"registry.example.org/site/docker": "is written docker://registry.example.org/site/docker",
		"localhost:5000/site:1":            "is written docker://localhost:5000/site:1",
		"https://registry.example.org/a:1": "is written docker://registry.example.org/a:1",
		"site:1":                           "write the path of a file or folder, or oci:DIR",
		"dir:/srv/image":                   "write the path of a file or folder, or oci:DIR",
		"":                                 "write oci:DIR",
	} {
		_, err := image.ParseReadable(text)
		if !errors.Is(err, artifact.ErrUsage) || !strings.Contains(err.Error(), "hint: ") || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := image.Open(image.Reference{Transport: image.OCI, Path: "docker", Name: "x"}); err == nil {
		t.Error("an empty folder is opened")
	}
	if _, err := image.Open(image.Reference{Transport: image.OCI, Path: "b"}); err == nil || strings.Contains(err.Error(), "hint: write ./") {
		t.Error(err)
	}
	must(t, os.WriteFile("oci:b", nil, 0o644))
	if _, err := image.Open(image.Reference{Transport: image.OCI, Path: "b"}); err == nil || !strings.Contains(err.Error(), "hint: write ./oci:b for") {
		t.Error(err)
	}

	for text, want := range map[string]image.Reference{
		"out": {Transport: image.OCI, Path: "out"}, "out/docker": {Transport: image.OCI, Path: "out/docker"}, "x.tar": {Transport: image.DockerArchive, Path: "x.tar"},
		"/srv/x.tar": {Transport: image.DockerArchive, Path: "/srv/x.tar"}, "site-1.2": {Transport: image.OCI, Path: "site-1.2"}, "docker": {Transport: image.OCI, Path: "docker"},
		"oci:out:1": {Transport: image.OCI, Path: "out", Name: "1"}, "x.tar.gz": {}, "registry.example.org/docker:1": {}, "-": {}, "": {}, "root:/x": {},
	} {
		if got, err := image.ParseWritable(text); got != want || (err != nil) != (want == image.Reference{}) {
			t.Errorf("to %q: %+v, %v", text, got, err)
		}
	}
}

// A plain path leads to an image of any kind; what is none is told what was looked for.
func TestKinds(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	m := imagetest.New(t, spec)
	imagetest.WriteDir(t, "layout", m.Layout(t))
	m.WriteRoot(t, "tree")
	imagetest.WriteTar(t, "oci", m.Layout(t))
	imagetest.WriteTar(t, "docker", m.Docker(t))
	for _, name := range []string{"layout", "tree", "oci", "docker"} {
		ref, err := image.ParseReadable(name)
		must(t, err)
		img, err := image.Open(ref)
		if err != nil {
			t.Error(err)
			continue
		}
		intact(t, img)
		img.Close()
		if err := exhaust(t, ref, image.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, err := os.ReadFile("docker")
	must(t, err)
	must(t, os.WriteFile("docker.gz", zip(t, plain), 0o644))
	if err := exhaust(t, image.Reference{Path: "docker.gz"}, image.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := image.Open(image.Reference{Path: "docker.gz"}); err == nil || !strings.Contains(err.Error(), "hint: gzip -d docker.gz") {
		t.Error(err)
	}

	must(t, os.Mkdir("empty", 0o755))
	imagetest.WriteTar(t, "other.tar", map[string][]byte{"x": nil})
	must(t, os.WriteFile("text", []byte(strings.Repeat("words ", 1000)), 0o644))
	for name, want := range map[string]string{
		"empty":     "a folder with neither oci-layout nor minimirror.catalog\nhint: an image is ",
		"other.tar": "an archive with neither oci-layout nor manifest.json\nhint: an image is ",
		"text":      "hint: an image's archive is a tar file with oci-layout or manifest.json",
	} {
		for _, open := range []func() error{
			func() error { _, err := image.Open(image.Reference{Path: name}); return err },
			func() error {
				_, err := image.OpenReader(t.Context(), image.Reference{Path: name}, image.Options{})
				return err
			},
		} {
			if err := open(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What lists images and has none, or too little of one, gets a hint that names something.
func TestIncomplete(t *testing.T) {
	dir := t.TempDir()
	archive := func(name, manifest string) {
		files := imagetest.New(t, spec).Docker(t)
		files["manifest.json"] = []byte(manifest)
		imagetest.WriteTar(t, filepath.Join(dir, name), files)
	}
	config := imagetest.New(t, spec).Docker(t)["manifest.json"]
	for name, manifest := range map[string]string{
		"nothing": "", "empty": "[]", "null": "null", "object": "{}", "text": "no image", "noconfig": `[{"Layers":["x"]}]`, "nolayers": `[{"Config":"x.json"}]`,
		"blank": "[{}]", "cut": string(config[:len(config)/2]), "two": `[{"Config":"a","Layers":["b"]},{"Config":"a","Layers":["b"]}]`,
	} {
		archive(name, manifest)
		for _, wanted := range []string{"", "site/x:1"} {
			_, err := image.Open(image.Reference{Transport: image.DockerArchive, Path: filepath.Join(dir, name), Name: wanted})
			if _, hint, _ := strings.Cut(fmt.Sprint(err), "\nhint: "); !strings.Contains(hint, "minimirror build") || !strings.Contains(err.Error(), "manifest.json") && name != "two" && wanted == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, index := range map[string]string{"empty": `{"schemaVersion":2,"manifests":[]}`, "null": `{"schemaVersion":2}`} {
		files := imagetest.New(t, spec).Layout(t)
		files["index.json"] = []byte(index)
		imagetest.WriteDir(t, filepath.Join(dir, "oci-"+name), files)
		for _, wanted := range []string{"", "1"} {
			_, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci-"+name), Name: wanted})
			if _, hint, _ := strings.Cut(fmt.Sprint(err), "\nhint: "); !strings.Contains(hint, "minimirror build") || !strings.Contains(err.Error(), "index") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func FuzzParseReadable(f *testing.F) {
	for _, text := range []string{"-", "root:/mnt", "/x", "oci:a:b", "docker://a/b:1", "docker://a/b@sha256:" + strings.Repeat("a", 64)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := image.ParseReadable(text)
		if err == nil && ref.Transport == image.Docker && strings.ContainsAny(ref.Path+ref.Name, " \n?#@%\\") {
			t.Errorf("%q: %+v", text, ref)
		}
	})
}
