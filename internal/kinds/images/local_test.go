package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// from opens an origin below dir, for a registry.
func from(t *testing.T, dir, registry, text string) (*local, error) {
	t.Helper()
	w, file, _ := strings.Cut(text, ":")
	l, err := openLocal(context.Background(), &source{registry: registry, dir: dir, from: origin{way(w), file}})
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func mustFrom(t *testing.T, dir, registry, text string) *local {
	t.Helper()
	l, err := from(t, dir, registry, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return l
}

// skopeo runs skopeo in a folder.
func skopeo(t *testing.T, dir string, arguments ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatalf("%v\nhint: apt-get install skopeo", err)
	}
	cmd := exec.Command("skopeo", append([]string{"--insecure-policy", "--tmpdir", dir}, arguments...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// pinned pins everything below an image, reads each file again at its address, as build does, and returns the digest of the image and
// the platforms and digests below it.
func pinned(t *testing.T, l *local, dir, repository, version string) (digest string, all []string) {
	t.Helper()
	ctx := context.Background()
	check := func(folder string, d v1.Descriptor) {
		f, err := l.file(ctx, repository, folder, d)
		if err != nil {
			t.Fatal(err)
		}
		data := readAddress(t, dir, f.URLs[0])
		sum := sha256.Sum256(data)
		if f.Path != filePath(folder, string(d.Digest)) || f.Size != d.Size || int64(len(data)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: %d bytes at %.80s, want %v", f.Path, len(data), f.URLs[0], d)
		}
	}
	m, err := l.manifest(ctx, repository, version)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(m *manifest)
	walk = func(m *manifest) {
		check(manifestFolder, m.descriptor)
		var fields struct {
			Manifests, Layers []v1.Descriptor
			Config            *v1.Descriptor
		}
		if err := json.Unmarshal(m.data, &fields); err != nil {
			t.Fatal(err)
		}
		for _, d := range fields.Manifests {
			child, err := l.manifest(ctx, repository, string(d.Digest))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, platformName(d.Platform)+" "+string(d.Digest))
			walk(child)
		}
		if fields.Config != nil {
			check(blobFolder, *fields.Config)
		}
		for _, d := range fields.Layers {
			check(blobFolder, d)
		}
	}
	walk(m)
	return string(m.descriptor.Digest), all
}

// readAddress reads what a lock names.
func readAddress(t *testing.T, dir, address string) []byte {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme == "data" {
		_, text, _ := strings.Cut(u.Opaque, ",")
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	part, err := artifact.OpenPart(filepath.Join(dir, u.Path), u.Fragment)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	data, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSkopeo reads what skopeo copies out of a registry, and compares digests with what skopeo says.
func TestSkopeo(t *testing.T) {
	dir := t.TempDir()
	r := imagestest.New(t)
	index := r.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64/v8")
	one := r.Tag("acme/one", "2", r.Image("acme/one", imagestest.Image{Labels: map[string]string{"a": "b"}}))
	r.Chart("charts/web", "1.0_2")
	upstream := "docker://" + r.Host + "/"
	copyAll := func(name, to string) {
		arguments := []string{"copy", "-q", "--all", "--src-tls-verify=false", upstream + name, to}
		if strings.HasPrefix(to, "oci") {
			arguments = append(arguments, "--preserve-digests")
		}
		skopeo(t, dir, arguments...)
	}
	copyAll("acme/app:1.4", "oci:layout:acme/app:1.4")
	copyAll("acme/one:2", "oci:layout:registry.example.org/acme/one:2")
	copyAll("charts/web:1.0_2", "oci:layout:1.0_2")
	copyAll("acme/app:1.4", "oci-archive:app.tar:registry.example.org/acme/app:1.4")
	copyAll("acme/one:2", "oci-archive:nameless.tar")
	copyAll("acme/one:2", "docker-archive:docker.tar:registry.example.org/acme/one:2")

	inspect := func(reference string) (digest string) {
		var said struct{ Digest string }
		if err := json.Unmarshal(skopeo(t, dir, "inspect", reference), &said); err != nil {
			t.Fatal(err)
		}
		return said.Digest
	}
	const registry = "registry.example.org"
	layout := mustFrom(t, dir, registry, "oci:layout")
	if got, platforms := pinned(t, layout, dir, "acme/app", "1.4"); got != string(index.Digest) || len(platforms) != 2 {
		t.Errorf("%s, %v, want %s", got, platforms, index.Digest)
	}
	if got, _ := pinned(t, layout, dir, "acme/one", "2"); got != string(one.Digest) || got != inspect("oci:layout:registry.example.org/acme/one:2") {
		t.Errorf("%s, want %s", got, one.Digest)
	}
	pinned(t, layout, dir, "charts/web", "1.0_2") // the tag alone, in whichever repository
	pinned(t, layout, dir, "anything", string(one.Digest))
	repositories, err := layout.repositories(context.Background())
	if want := []string{"acme/app", "acme/one"}; err != nil || !slices.Equal(repositories, want) {
		t.Errorf("%v, %v", repositories, err)
	}
	if tags, err := layout.tags(context.Background(), "acme/app"); err != nil || !slices.Equal(tags, []string{"1.0_2", "1.4"}) {
		t.Errorf("%v, %v", tags, err)
	}

	archive := mustFrom(t, dir, registry, "oci-archive:app.tar")
	if got, _ := pinned(t, archive, dir, "acme/app", "1.4"); got != string(index.Digest) {
		t.Errorf("%s, want %s", got, index.Digest)
	}
	nameless := mustFrom(t, dir, registry, "oci-archive:nameless.tar")
	if got, _ := pinned(t, nameless, dir, "acme/one", string(one.Digest)); got != inspect("oci-archive:nameless.tar") {
		t.Errorf("%s, want %s", got, one.Digest)
	}
	if _, err := nameless.tags(context.Background(), "acme/one"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), string(one.Digest)+" without a name") {
		t.Error(err)
	}

	// An archive of Docker has no manifest, but the same configuration and layers.
	docker := mustFrom(t, dir, registry, "docker-archive:docker.tar")
	pinned(t, docker, dir, "acme/one", "2")
	m, err := docker.manifest(context.Background(), "acme/one", "2")
	var made, original v1.Manifest
	if err = errors.Join(err, json.Unmarshal(m.data, &made), json.Unmarshal(r.Content("acme/one", "2"), &original)); err != nil {
		t.Fatal(err)
	}
	if made.Config.Digest != original.Config.Digest || len(made.Layers) != 1 || made.Layers[0].Digest != original.Layers[0].Digest {
		t.Errorf("%s, upstream has %s", m.data, r.Content("acme/one", "2"))
	}
	var raw struct {
		Config v1.Descriptor
		Layers []v1.Descriptor
	}
	if err := json.Unmarshal(skopeo(t, dir, "inspect", "--raw", "docker-archive:docker.tar"), &raw); err != nil || raw.Config.Digest != made.Config.Digest || raw.Layers[0].Digest != made.Layers[0].Digest {
		t.Errorf("%v: skopeo has %v", err, raw)
	}
}

// TestAttached finds what is attached in a layout, as a registry lists it.
func TestAttached(t *testing.T) {
	r := imagestest.New(t)
	image := r.Image("acme/app", imagestest.Image{})
	bill := r.SBOM("acme/app", image)
	other := r.SBOM("acme/app", bill)
	files := map[string][]byte{}
	var listed []v1.Descriptor
	put := func(d v1.Descriptor, name string) {
		data := r.Content("acme/app", string(d.Digest))
		files[blobName(d.Digest)] = data
		if name == "-" {
			return
		}
		d.Annotations = map[string]string{v1.AnnotationRefName: name}
		listed = append(listed, d)
	}
	put(image, "1.4")
	put(bill, "")
	put(other, "-")
	index := r.Index("acme/app", other)
	put(index, strings.Replace(string(bill.Digest), ":", "-", 1))
	listed = append(listed, v1.Descriptor{MediaType: "application/xml", Digest: digest.FromString("x"), Size: 1})
	dir := t.TempDir()
	writeFiles(t, dir, files, listed)
	l := mustFrom(t, dir, "registry.example.org", "oci:.")
	for subject, want := range map[digest.Digest]digest.Digest{image.Digest: bill.Digest, bill.Digest: other.Digest} {
		got, err := l.referrers(context.Background(), "acme/app", string(subject))
		if err != nil || len(got) != 1 || got[0].Digest != want || got[0].ArtifactType != "application/spdx+json" || got[0].MediaType != v1.MediaTypeImageManifest {
			t.Errorf("%s: %v, %v, want %s", subject, got, err, want)
		}
	}
	if got, err := l.referrers(context.Background(), "acme/app", string(other.Digest)); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func blobName(d digest.Digest) string {
	return "blobs/" + strings.Replace(string(d), ":", "/", 1)
}

// writeFiles writes a layout.
func writeFiles(t *testing.T, dir string, files map[string][]byte, listed []v1.Descriptor) {
	t.Helper()
	index, err := json.Marshal(v1.Index{Manifests: listed})
	if err != nil {
		t.Fatal(err)
	}
	files["index.json"] = index
	for name, data := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// An entry is one of a tar.
type entry struct {
	name, link string
	data       []byte
}

func writeTar(t *testing.T, file string, entries ...entry) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.data))}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestOldDocker reads what Docker 20.10 writes: several images in one file, a layer that is a link to that of another image, names without
// a registry. The same image in another archive gets the same digest.
func TestOldDocker(t *testing.T) {
	dir := t.TempDir()
	base, top := imagestest.Layer(map[string]string{"etc/base": "base"}), imagestest.Layer(map[string]string{"etc/top": "top"})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(top)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	config := func(layers ...[]byte) entry {
		image := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, RootFS: v1.RootFS{Type: "layers"}}
		for _, l := range layers {
			image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(l))
		}
		data, err := json.Marshal(image)
		if err != nil {
			t.Fatal(err)
		}
		return entry{name: digest.FromBytes(data).Encoded() + ".json", data: data}
	}
	one, two := config(base), config(base, top)
	list := func(images ...dockerImage) entry {
		data, err := json.Marshal(images)
		if err != nil {
			t.Fatal(err)
		}
		return entry{name: "manifest.json", data: data}
	}
	writeTar(t, dir+"/old.tar", one, two, entry{name: "a/layer.tar", data: base}, entry{name: "b/layer.tar", link: "../a/layer.tar"}, entry{name: "c/layer.tar", data: top},
		list(dockerImage{one.name, []string{"one:1", "registry.example.org/acme/one:1"}, []string{"a/layer.tar"}},
			dockerImage{two.name, []string{"acme/two:2", "docker.io/library/three:3"}, []string{"b/layer.tar", "c/layer.tar"}}, dockerImage{one.name, nil, []string{"a/layer.tar"}}))
	writeTar(t, dir+"/other.tar", list(dockerImage{"./" + one.name, []string{"localhost/acme/one:1"}, []string{"x.tar"}}), entry{name: "x.tar", data: base}, one)
	writeTar(t, dir+"/zipped.tar", list(dockerImage{two.name, []string{"acme/two:2"}, []string{"x", "y.tar.gz"}}), entry{name: "x", data: base}, entry{name: "y.tar.gz", data: zipped.Bytes()}, two)

	hub, own := mustFrom(t, dir, dockerHub, "docker-archive:old.tar"), mustFrom(t, dir, "registry.example.org", "docker-archive:old.tar")
	for l, want := range map[*local][]string{hub: {"acme/two", "library/one", "library/three"}, own: {"acme/one", "acme/two", "one"}} {
		if got, err := l.repositories(context.Background()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	digest, _ := pinned(t, hub, dir, "library/one", "1")
	if same, _ := pinned(t, own, dir, "acme/one", "1"); same != digest {
		t.Errorf("%s and %s", digest, same)
	}
	if same, _ := pinned(t, mustFrom(t, dir, "registry.example.org", "docker-archive:other.tar"), dir, "acme/one", "1"); same != digest {
		t.Errorf("%s and %s", digest, same)
	}
	pinned(t, hub, dir, "library/three", "3")
	pinned(t, mustFrom(t, dir, dockerHub, "oci-archive:zipped.tar"), dir, "acme/two", "2") // either word, whatever the archive is

	for name, test := range map[string]struct {
		entries []entry
		want    string
	}{
		"another layer":         {[]entry{one, {name: "l", data: top}, list(dockerImage{one.name, []string{"a:1"}, []string{"l"}})}, "a:1, " + one.name + ": l: sha256 mismatch"},
		"a layer less":          {[]entry{two, {name: "l", data: base}, list(dockerImage{two.name, []string{"a:1"}, []string{"l"}})}, "it has 1 layers, but its configuration names 2"},
		"a layer is missing":    {[]entry{one, list(dockerImage{one.name, []string{"a:1"}, []string{"l"}})}, "open l: file does not exist"},
		"another configuration": {[]entry{{name: one.name, data: two.data}, list(dockerImage{one.name, []string{"a:1"}, []string{}})}, one.name + ": sha256 mismatch"},
		"no configuration":      {[]entry{list(dockerImage{one.name, []string{"a:1"}, []string{}})}, "file does not exist"},
		"a link to itself":      {[]entry{one, {name: "l", link: "l"}, list(dockerImage{one.name, []string{"a:1"}, []string{"l"}})}, "open l: file does not exist"},
		"a link out of it":      {[]entry{one, {name: "l", link: "../../../etc/passwd"}, list(dockerImage{one.name, []string{"a:1"}, []string{"l"}})}, "open l: file does not exist"},
		"one name for two":      {[]entry{one, two, {name: "a", data: base}, {name: "b", data: top}, list(dockerImage{one.name, []string{"a:1"}, []string{"a"}}, dockerImage{two.name, []string{"a:1"}, []string{"a", "b"}})}, "a:1 names two images"},
		"a wrong list":          {[]entry{{name: "manifest.json", data: []byte("{")}}, "manifest.json: unexpected end"},
		"no list":               {[]entry{one}, "neither index.json nor manifest.json"},
	} {
		writeTar(t, dir+"/bad.tar", test.entries...)
		if _, err := from(t, dir, dockerHub, "docker-archive:bad.tar"); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "docker-archive:bad.tar") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestBadOrigins has what cannot be read; the hint says what helps.
func TestBadOrigins(t *testing.T) {
	dir := t.TempDir()
	image := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`)
	d := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromBytes(image), Size: int64(len(image)), Annotations: map[string]string{v1.AnnotationRefName: "acme/app:1"}}
	good := path.Join(dir, "good")
	writeFiles(t, good, map[string][]byte{blobName(d.Digest): image}, []v1.Descriptor{d})
	index, err := os.ReadFile(path.Join(good, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	writeTar(t, dir+"/whole.tar", entry{name: "index.json", data: index}, entry{name: blobName(d.Digest), data: bytes.Repeat(image, 100)})
	whole, err := os.ReadFile(dir + "/whole.tar")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"x.gz": "\x1f\x8b\x08\x00\x00\x00\x00\x00", "x.zst": "\x28\xb5\x2f\xfd\x00\x00\x00\x00", "short.tar": string(whole[:len(whole)-8000]), "text": "hello", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := path.Join(dir, "folder")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		"oci-archive:x.gz":      {"is compressed", "run: gunzip " + dir + "/x.gz"},
		"docker-archive:x.zst":  {"is compressed", "run: unzstd"},
		"oci-archive:short.tar": {"it ends within blobs/sha256/"},
		"oci-archive:text":      {"not a whole tar"},
		"oci-archive:empty":     {"neither index.json nor manifest.json", "skopeo copy"},
		"oci-archive:none":      {"no such file", "relative to the definition's folder"},
		"oci-archive:good":      {"is a folder", "write oci:"},
		"oci:text":              {"invalid argument", "oci-archive:"},
		"oci:none":              {"no such file", "relative to the definition's folder"},
		"oci:folder":            {"there is no index.json", "oci-layout"},
	} {
		_, err := from(t, dir, dockerHub, text)
		for _, want := range want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
	}

	l := mustFrom(t, dir, "registry.example.org", "oci:good")
	if _, err := l.manifest(context.Background(), "acme/app", "2"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it has: acme/app:1") {
		t.Error(err)
	}
	damaged := slices.Clone(image)
	damaged[3] ^= 1
	for _, data := range [][]byte{damaged, append(slices.Clone(image), '\n')} {
		if err := os.WriteFile(path.Join(good, blobName(d.Digest)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.manifest(context.Background(), "acme/app", "1"); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), string(d.Digest)) {
			t.Error(err)
		}
		if _, err := l.file(context.Background(), "acme/app", manifestFolder, d); !errors.Is(err, artifact.ErrVerify) {
			t.Error(err)
		}
	}
	if err := os.Remove(path.Join(good, blobName(d.Digest))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", path.Join(good, blobName(d.Digest))); err != nil {
		t.Fatal(err)
	}
	if _, err := l.file(context.Background(), "acme/app", manifestFolder, d); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error("a link out of the folder:", err)
	}
}

func TestLocalNames(t *testing.T) {
	for text, want := range map[string]string{ // for registry.example.org:5000, and for Docker Hub
		"":           " | ",
		"1.4":        ":1.4 | :1.4",
		"nginx":      ":nginx | :nginx",
		"nginx:1":    "nginx:1 | library/nginx:1",
		"acme/nginx": "acme/nginx:latest | acme/nginx:latest",
		"acme/nginx@" + string(digest.FromString("")): "acme/nginx: | acme/nginx:",
		"localhost/nginx:1":                           "nginx:1 | library/nginx:1",
		"docker.io/library/nginx:1":                   " | library/nginx:1",
		"index.docker.io/nginx:1":                     " | library/nginx:1",
		"registry.example.org:5000/nginx:1":           "nginx:1 | ",
		"Registry.Example.org:5000/nginx:1":           "nginx:1 | ",
		"registry.example.org/nginx:1":                " | ",
		"a b:1":                                       " | ",
		"sha256-abc.sig":                              ":sha256-abc.sig | :sha256-abc.sig",
	} {
		var got []string
		for _, registry := range []string{"registry.example.org:5000", dockerHub} {
			n := parseLocalName(text, registry)
			if name := n.repository + ":" + n.tag; n.ours {
				got = append(got, name)
			} else {
				got = append(got, "")
			}
		}
		if got := strings.Join(got, " | "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	both := map[string]string{nameByContainerd: "docker.io/library/nginx:1", v1.AnnotationRefName: "1"}
	if n := nameOf(both, dockerHub); n.repository != "library/nginx" || n.tag != "1" {
		t.Errorf("%+v", n)
	}
}
