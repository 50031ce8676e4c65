package image_test

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
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
		"docker://a":            {},
		"docker://a/..":         {},
		"docker:a/b":            {},
		"":                      {},
		"root:":                 {},
		"oci:":                  {},
		"out/docker":            {},
		"containers-storage:x":  {},
		"docker://a/b?x=y":      {},
		"docker://a@evil/b":     {},
		"docker:// /b":          {},
		"docker://a\nb/c":       {},
		"docker://[::1]:5000/a": {Transport: image.Docker, Path: "[::1]:5000/a", Name: "latest"},
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
	if _, err := image.ParseReadable("imagetest"); err == nil || !strings.Contains(err.Error(), "hint: write ./imagetest") {
		t.Error(err)
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
