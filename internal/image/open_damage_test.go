package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// What is cut, lacks something or is changed did not verify, and has the hint to copy it again.
func TestDamageIsToldFromWrongNames(t *testing.T) {
	m := imagetest.New(t, verifySpec)
	layers := m.Layers(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	writeLayout := func(name string, change func(files map[string][]byte)) {
		files := m.Layout(t)
		change(files)
		imagetest.WriteDir(t, in(name), files)
		imagetest.WriteTar(t, in(name+".tar"), files)
	}
	docker := func(name string, change func(files map[string][]byte)) {
		files := m.Docker(t)
		change(files)
		imagetest.WriteTar(t, in(name+".tar"), files)
	}
	blob := func(data []byte) string { return "blobs/sha256/" + hexOf(data) }
	var configuration string
	for name, data := range m.Layout(t) {
		if bytes.Contains(data, []byte(`"diff_ids"`)) {
			configuration = name
		}
	}
	edit := func(name, old, new string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			if !bytes.Contains(files[name], []byte(old)) {
				t.Fatalf("%s: no %s", name, old)
			}
			files[name] = bytes.Replace(files[name], []byte(old), []byte(new), 1)
		}
	}
	without := func(name string) func(map[string][]byte) {
		return func(files map[string][]byte) { delete(files, name) }
	}
	writeLayout("good", func(map[string][]byte) {})
	writeLayout("layer", without(blob(layers[artifacts])))
	writeLayout("config", without(configuration))
	writeLayout("index", without("index.json"))
	writeLayout("marker", without("oci-layout"))
	writeLayout("garbage", func(files map[string][]byte) { files["index.json"] = append(files["index.json"], "garbage"...) })
	writeLayout("json", edit("index.json", `{`, ``))
	writeLayout("zeros", func(files map[string][]byte) { clear(files["index.json"]) })
	writeLayout("version", edit("oci-layout", "1.0.0", "9.0.0"))
	docker("docker", func(map[string][]byte) {})
	docker("docker-layer", without(blob(layers[artifacts])))
	docker("docker-config", without(configuration))
	docker("docker-json", edit("manifest.json", `[`, ``))
	good, err := os.ReadFile(in("good.tar"))
	must(t, err)
	write := func(name string, data []byte) { must(t, os.WriteFile(in(name), data, 0o644)) }
	write("cut.tar", good[:3000])
	write("half.tar", good[:len(good)/2/512*512])
	write("boundary.tar", good[:bytes.Index(good, []byte("index.json"))])
	for i, name := range slices.Sorted(maps.Keys(m.Layout(t))) { // wherever it is cut, and whatever ends there
		if at := bytes.Index(good, []byte(name)); i > 0 {
			write(fmt.Sprintf("boundary%d.tar", i), good[:at])
			if err := exhaust(t, image.Reference{Transport: "oci-archive", Path: in(fmt.Sprintf("boundary%d.tar", i))}, image.Options{TempDir: dir}); !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("cut before %s: %v", name, err)
			}
		}
	}
	write("empty.tar", nil)
	write("cut.tar.gz", gzipOf(t)(good)[:600])
	write("cut.tar.zst", zstdOf(t)(good)[:600])
	write("cut.tar.xz", xzOf(t)(good)[:600])
	flipped := gzipOf(t)(good)
	flipped[len(flipped)-6] ^= 1 // of its checksum
	write("flipped.tar.gz", flipped)
	write("text", []byte(strings.Repeat("text ", 1000)))
	write("other.tar", archiveOf(t, func(w *tar.Writer) { add(t, w, tar.Header{Name: "x"}, "x") }))
	m.WriteRoot(t, in("tree"))
	must(t, os.Remove(in("tree/"+layout.RecordsName)))

	for ref, want := range map[string]error{
		"oci:layer": artifact.ErrVerify, "oci-archive:layer.tar": artifact.ErrVerify,
		"oci:config": artifact.ErrVerify, "oci-archive:config.tar": artifact.ErrVerify,
		"oci:index": artifact.ErrVerify, "oci-archive:index.tar": artifact.ErrVerify,
		"oci:marker": artifact.ErrVerify, "oci-archive:marker.tar": artifact.ErrVerify,
		"oci:garbage": artifact.ErrVerify, "oci-archive:garbage.tar": artifact.ErrVerify,
		"oci:json": artifact.ErrVerify, "oci-archive:json.tar": artifact.ErrVerify,
		"oci:zeros": artifact.ErrVerify, "oci-archive:zeros.tar": artifact.ErrVerify,
		"docker-archive:docker-layer.tar": artifact.ErrVerify, "docker-archive:docker-config.tar": artifact.ErrVerify, "docker-archive:docker-json.tar": artifact.ErrVerify,
		"oci-archive:cut.tar": artifact.ErrVerify, "docker-archive:cut.tar": artifact.ErrVerify, ":cut.tar": artifact.ErrVerify,
		"oci-archive:half.tar": artifact.ErrVerify, "oci-archive:empty.tar": artifact.ErrVerify, "oci-archive:boundary.tar": artifact.ErrVerify,
		"oci-archive:cut.tar.gz": artifact.ErrVerify, "oci-archive:cut.tar.zst": artifact.ErrVerify, "oci-archive:cut.tar.xz": artifact.ErrVerify,
		"oci-archive:flipped.tar.gz": artifact.ErrVerify,
		":tree":                      artifact.ErrVerify,

		"oci:none": fs.ErrNotExist, "oci-archive:none.tar": fs.ErrNotExist, "docker-archive:none.tar": fs.ErrNotExist, ":none": fs.ErrNotExist,
		"oci:version": nil, "oci-archive:text": nil, "oci-archive:other.tar": nil, "oci:good.tar": nil, "oci-archive:good": nil, "docker-archive:good.tar": nil,
	} {
		transport, path, _ := strings.Cut(ref, ":")
		err := exhaust(t, image.Reference{Transport: transport, Path: in(path)}, image.Options{TempDir: dir})
		switch {
		case err == nil, want != nil && !errors.Is(err, want), errors.Is(err, artifact.ErrVerify) != (want == artifact.ErrVerify),
			strings.Contains(err.Error(), "copy it again") != (want == artifact.ErrVerify):
			t.Errorf("%s: %v", ref, err)
		default:
			t.Logf("%s: %v", ref, err)
		}
	}
}

// A registry that lacks a layer of the image has a damaged one; a tag that it has not is a wrong name.
func TestDamageInARegistry(t *testing.T) {
	m := imagetest.New(t, verifySpec)
	layout := m.Layout(t)
	delete(layout, "blobs/sha256/"+hexOf(m.Layers(t)[artifacts]))
	server := imagetest.NewRegistry(t, layout, nil)
	r := reader(t, server.Reference(), image.Options{})
	refused(t, r.Verify(t.Context()), "layer 1: ")
	none := server.Reference()
	none.Name = "2"
	if err := exhaust(t, none, image.Options{}); errors.Is(err, artifact.ErrVerify) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	whole := maps.Clone(m.Layout(t))
	gone := imagetest.NewRegistry(t, whole, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if err := exhaust(t, gone.Reference(), image.Options{}); err == nil || errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}
