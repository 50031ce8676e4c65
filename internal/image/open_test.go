package image_test

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

var spec = imagetest.Spec{
	Artifacts: map[string]string{
		"pool/a_1.0.bin":        "the letter a",
		"pool/b_1%3a1~rc+1.bin": strings.Repeat("b", 5000),
		"pool/long/" + strings.Repeat("very-long-name-", 12) + ".bin": "long",
		"pool/empty": "",
	},
	Generated: map[string]string{"files/index": "a\nb\n"},
	Sets:      map[string][]string{"letters": {"pool/a_1.0.bin"}},
}

// forms opens one mirror from every kind of place.
func forms(t *testing.T, m *imagetest.Mirror) map[string]*image.Image {
	t.Helper()
	dir := t.TempDir()
	imagetest.WriteDir(t, filepath.Join(dir, "oci"), m.Layout(t))
	imagetest.WriteTar(t, filepath.Join(dir, "oci.tar"), m.Layout(t))
	imagetest.WriteTar(t, filepath.Join(dir, "docker.tar"), m.Docker(t))
	m.WriteRoot(t, filepath.Join(dir, "root"))

	images := map[string]*image.Image{}
	for _, ref := range []string{"oci:oci", "oci:oci:1.0", "oci-archive:oci.tar", "docker-archive:docker.tar",
		"docker-archive:docker.tar:mirror.example.org/site/test:1.0"} {
		transport, path, _ := strings.Cut(ref, ":")
		parsed, err := image.ParseReference(transport + ":" + filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		images[ref] = open(t, parsed)
		must(t, exhaust(t, parsed, image.Options{}))
	}
	must(t, exhaust(t, image.Reference{Transport: image.Unpacked, Path: filepath.Join(dir, "root")}, image.Options{}))
	img, err := image.OpenRoot(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	images["root"] = img
	return images
}

func open(t *testing.T, ref image.Reference) *image.Image {
	t.Helper()
	img, err := image.Open(ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

func TestEveryFormReadsTheSame(t *testing.T) {
	want := map[string]string{"files/index": "a\nb\n", layout.KeyPath: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}
	for path, content := range spec.Artifacts {
		want["files/"+path] = content
	}
	for form, img := range forms(t, imagetest.New(t, spec)) {
		t.Run(form, func(t *testing.T) {
			if len(img.Catalog.Files) != len(want) {
				t.Errorf("%d files, want %d", len(img.Catalog.Files), len(want))
			}
			for path, content := range want {
				got, err := img.ReadFile(path)
				if err != nil || string(got) != content {
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
			intact(t, img)
			for _, path := range []string{"files/none", "", ".", "files", "/files/index", "files/../files/index", "../root/files/index", "files/index/"} {
				if _, err := img.OpenFile(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%q: %v", path, err)
				}
			}
		})
	}
}

func TestClosedImage(t *testing.T) {
	for form, img := range forms(t, imagetest.New(t, spec)) {
		s, err := img.OpenFile("files/index")
		if err != nil {
			t.Fatal(form, err)
		}
		if err := img.Close(); err != nil {
			t.Error(form, err)
		}
		if data, err := io.ReadAll(s); string(data) != "a\nb\n" || err != nil {
			t.Errorf("%s: open section after Close: %q, %v", form, data, err)
		}
		s.Close()
		if _, err := img.OpenFile("files/index"); err == nil {
			t.Errorf("%s: a closed image opens files", form)
		}
	}
}

// An image may be replaced or deleted while it is served.
func TestReplacedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	m := imagetest.New(t, spec)
	imagetest.WriteDir(t, dir, m.Layout(t))
	img := open(t, image.Reference{Transport: image.OCI, Path: dir})
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs/sha256/*"))
	if err != nil || len(blobs) == 0 {
		t.Fatal(blobs, err)
	}
	for _, blob := range blobs {
		if err := os.Remove(blob); err != nil {
			t.Fatal(err)
		}
	}
	intact(t, img)
}

// skopeo gives every layer a legacy folder with a link to it; docker save links equal layers.
func TestDockerArchiveWithLinks(t *testing.T) {
	m := imagetest.New(t, spec)
	layers := m.Layers(t)
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	docker := m.Docker(t)
	if err := json.Unmarshal(docker["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	config := docker[manifest[0].Config]
	manifest[0].Config = hexOf(config) + ".json"
	file := filepath.Join(t.TempDir(), "docker.tar")
	archive := newTar(t, file)
	archive.add(tar.Header{Name: manifest[0].Config}, config)
	for i, layer := range layers {
		name := hexOf(layer) + ".tar"
		id := strings.Repeat(string(rune('a'+i)), 64)
		switch i {
		case 0: // through a folder's link
			archive.add(tar.Header{Name: name}, layer)
			archive.add(tar.Header{Name: id + "/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../" + name}, nil)
			manifest[0].Layers[i] = id + "/layer.tar"
		case 1: // link before its target, and an entry that a later one replaces
			archive.add(tar.Header{Name: id + "/layer.tar", Typeflag: tar.TypeLink, Linkname: name}, nil)
			archive.add(tar.Header{Name: name}, []byte("replaced"))
			archive.add(tar.Header{Name: "./" + name}, layer)
			manifest[0].Layers[i] = id + "/layer.tar"
		default:
			archive.add(tar.Header{Name: name}, layer)
			manifest[0].Layers[i] = name
		}
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	archive.add(tar.Header{Name: "manifest.json"}, text)
	archive.close()
	ref := image.Reference{Transport: image.DockerArchive, Path: file}
	intact(t, open(t, ref))
	must(t, exhaust(t, ref, image.Options{}))
}

// In an unpacked tree too, nothing but what the catalog names is read, and nothing outside.
func TestHostileRoot(t *testing.T) {
	dir := t.TempDir()
	imagetest.New(t, spec).WriteRoot(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600))
	for path, target := range map[string]string{"files/pool/a_1.0.bin": "/etc/passwd", "files/index": "../../../etc/hostname"} {
		must(t, os.Remove(filepath.Join(dir, path)))
		must(t, os.Symlink(target, filepath.Join(dir, path)))
	}
	must(t, os.WriteFile(filepath.Join(dir, "files/pool/empty"), []byte("no longer empty"), 0o644))
	must(t, os.Remove(filepath.Join(dir, "files/pool/b_1%3a1~rc+1.bin")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "files/pool/b_1%3a1~rc+1.bin"), 0o644)) // nobody ever writes
	must(t, os.Remove(filepath.Join(dir, layout.KeyPath)))
	must(t, os.Mkdir(filepath.Join(dir, layout.KeyPath), 0o755))
	img, err := image.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, path := range []string{"secret", "files/pool/a_1.0.bin", "files/index", "files/pool/empty", "files/pool/b_1%3a1~rc+1.bin", layout.KeyPath} {
		if s, err := img.OpenFile(path); err == nil {
			t.Errorf("%s: opened %d bytes", path, s.Size())
		}
	}
}

// intact reads every file in place.
func intact(t *testing.T, img *image.Image) {
	t.Helper()
	for _, f := range img.Catalog.Files {
		if _, err := img.ReadFile(f.Path); err != nil {
			t.Error(err)
		}
	}
}

func hexOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type tarFile struct {
	*tar.Writer
	t    *testing.T
	file *os.File
}

func newTar(t *testing.T, name string) tarFile {
	f, err := os.Create(name)
	must(t, err)
	return tarFile{tar.NewWriter(f), t, f}
}

func (f tarFile) add(header tar.Header, data []byte) {
	header.Size, header.Mode = int64(len(data)), 0o644
	_, err := 0, f.WriteHeader(&header)
	must(f.t, err)
	_, err = f.Write(data)
	must(f.t, err)
}

func (f tarFile) close() { must(f.t, errors.Join(f.Close(), f.file.Close())) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digestOf(data []byte) string { return "sha256:" + hexOf(data) }
