package image_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

func TestRefusals(t *testing.T) {
	m := imagetest.New(t, spec)
	dir := t.TempDir()
	write := func(name string, files map[string][]byte) {
		imagetest.WriteDir(t, filepath.Join(dir, name), files)
	}
	edit := func(files map[string][]byte, name, old, new string) map[string][]byte {
		if !bytes.Contains(files[name], []byte(old)) {
			t.Fatalf("%s has no %q", name, old)
		}
		files[name] = bytes.ReplaceAll(files[name], []byte(old), []byte(new))
		return files
	}
	write("empty", nil)
	must(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	write("version", edit(m.Layout(t), "oci-layout", "1.0.0", "9.0.0"))
	write("noimage", edit(m.Layout(t), "index.json", `"manifests":[`, `"manifests":[],"x":[`))
	write("nolayers", imagetest.LayoutOf(t, nil, m.Label(t)))
	layers := m.Layers(t)
	write("foreign", imagetest.LayoutOf(t, layers[:2], ""))
	write("compressed", imagetest.LayoutOf(t, append([][]byte{zip(t, layers[0])}, layers[1:]...), m.Label(t)))
	files := m.Layout(t)
	delete(files, "blobs/sha256/"+hexOf(layers[1]))
	write("missing", files)
	files = m.Layout(t)
	files["blobs/sha256/"+hexOf(layers[1])] = layers[1][:1024]
	write("short", files)
	files = m.Layout(t)
	files["blobs/sha256/"+hexOf(layers[3])] = bytes.ReplaceAll(layers[3], []byte("\x28\xb5\x2f\xfd"), []byte("\x28\xb5\x2f\xfe"))
	write("changed", files)
	files = m.Layout(t)
	for name, data := range files {
		if bytes.Contains(data, []byte(`"diff_ids"`)) {
			files[name] = bytes.ReplaceAll(data, []byte("amd64"), []byte("arm64"))
		}
	}
	write("config", files)
	files = m.Layout(t)
	descriptor := string(files["index.json"][strings.Index(string(files["index.json"]), "[")+1 : strings.LastIndex(string(files["index.json"]), "]")])
	write("two", edit(files, "index.json", descriptor, descriptor+","+descriptor))
	must(t, os.Symlink("/etc", filepath.Join(dir, "noimage/blobs/sha256/out")))
	must(t, os.WriteFile(filepath.Join(dir, "a.tar.gz"), zip(t, layers[0]), 0o644))
	imagetest.WriteTar(t, filepath.Join(dir, "not.tar"), map[string][]byte{"x": nil})
	docker := edit(m.Docker(t), "manifest.json", `"Layers":["`, `"Layers":["../../../etc/passwd","`)
	imagetest.WriteTar(t, filepath.Join(dir, "extra.tar"), docker)
	docker = edit(m.Docker(t), "manifest.json", `"Layers":["blobs`, `"Layers":["../blob`)
	imagetest.WriteTar(t, filepath.Join(dir, "outside.tar"), docker)
	imagetest.WriteTar(t, filepath.Join(dir, "good.tar"), m.Docker(t))

	for _, test := range []struct {
		ref, want string
		is        error
		hint      bool
	}{
		{"oci:none", "no such file", fs.ErrNotExist, false},
		{"oci:empty", "not an OCI image layout", fs.ErrNotExist, false},
		{"oci:version", `version "9.0.0"`, nil, false},
		{"oci:noimage", "names no image", nil, true},
		{"oci:nolayers", "not a miniMirror image", nil, true},
		{"oci:foreign", "not a miniMirror image", nil, true},
		{"oci:compressed", "layer 0: compressed with gzip", nil, true},
		{"oci:missing", "layer 1: ", artifact.ErrVerify, true},
		{"oci:short", "size mismatch", artifact.ErrVerify, true},
		{"oci:changed", "catalog: sha256 mismatch", artifact.ErrVerify, true},
		{"oci:config", "configuration: sha256 mismatch", artifact.ErrVerify, true},
		{"oci:two:2.0", `no image is called "2.0"`, nil, true},
		{"oci-archive:a.tar.gz", "compressed with gzip", nil, true},
		{"oci-archive:not.tar", "not an OCI image layout", fs.ErrNotExist, true},
		{"oci-archive:good.tar", "not an OCI image layout", fs.ErrNotExist, true},
		{"oci:good.tar", "not a directory", nil, true},
		{"oci-archive:empty", "not a regular file", nil, false},
		{"docker-archive:not.tar", "not a docker-archive", fs.ErrNotExist, true},
		{"docker-archive:extra.tar", "5 layers, and the configuration tells of 4", artifact.ErrVerify, true},
		{"docker-archive:outside.tar", "layer 0: ", artifact.ErrVerify, true},
		{"docker-archive:good.tar:other:1", "no image is called", nil, true},
	} {
		transport, path, _ := strings.Cut(test.ref, ":")
		path, name, _ := strings.Cut(path, ":")
		_, err := image.Open(image.Reference{Transport: transport, Path: filepath.Join(dir, path), Name: name})
		var hint *artifact.HintError
		switch {
		case err == nil:
			t.Errorf("%s: opened", test.ref)
		case !strings.Contains(err.Error(), test.want),
			test.is != nil && !errors.Is(err, test.is),
			errors.As(err, &hint) != test.hint:
			t.Errorf("%s: %v", test.ref, err)
		}
	}
	two, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "two")})
	must(t, err) // one image with two entries
	two.Close()
	_, err = image.Open(image.Reference{Transport: image.Docker, Path: "registry.example.org/a/b", Name: "1"})
	if err == nil || !strings.Contains(err.Error(), "skopeo copy docker://registry.example.org/a/b:1 ") {
		t.Error(err)
	}
}

func zip(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}
