package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

var verifySpec = imagetest.Spec{
	Artifacts: map[string]string{
		"pool/a.deb": "the letter a", "pool/b.deb": strings.Repeat("b", 512), "pool/" + strings.Repeat("long-", 40) + ".deb": "",
	},
	Generated: map[string]string{"files/dists/x/Packages": "Package: a\n"},
	Links:     map[string]string{"files/dists/x/by-hash/1": "files/dists/x/Packages"},
	Scripts:   map[string]string{"bootstrap/one/install.sh": "#!/bin/sh\n"},
	Sets:      map[string][]string{"one": {"pool/a.deb"}},
}

const (
	artifacts = 1 // places of layers
	generated = 2
	lastLayer = 3
)

const archiveEnd = 1024 // bytes of zeros

// added puts an entry behind those that a layer has.
func added(t testing.TB, layer []byte, h tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if h.Typeflag == tar.TypeReg {
		h.Size = 4
	}
	if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
		h.Mode = 0o644
	}
	must(t, w.WriteHeader(&h))
	if h.Size > 0 {
		_, err := w.Write([]byte("evil"))
		must(t, err)
	}
	must(t, w.Flush())
	end := len(layer) - archiveEnd
	return slices.Concat(layer[:end], b.Bytes(), layer[end:])
}

// verifyLayers verifies a mirror that has other layers.
func verifyLayers(t testing.TB, m *imagetest.Mirror, layers [][]byte) error {
	t.Helper()
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, imagetest.LayoutOf(t, layers, m.Label(t)))
	r, err := image.OpenReader(t.Context(), image.Reference{Transport: image.OCI, Path: dir}, image.Options{})
	must(t, err)
	defer r.Close()
	return r.Verify(t.Context())
}

func refused(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestVerifyRefusesEntries(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }
	folder := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
	const below = -1 // a layer of its own, below the others
	for name, c := range map[string]struct {
		layer  int
		header tar.Header
		want   string
	}{
		"a file beside":              {artifacts, file("mirror/files/pool/z.deb"), `layer 1: "mirror/files/pool/z.deb": the catalog does not name it`},
		"a file of the system":       {artifacts, file("etc/passwd"), "does not name it"},
		"another layer's file":       {generated, file("mirror/files/pool/a.deb"), "the catalog has it in layer 1"},
		"the same, in a lower layer": {below, file("mirror/files/pool/a.deb"), "the catalog has it in layer 2"},
		"a file twice":               {artifacts, file("mirror/files/pool/b.deb"), "repeated"},
		"the last file twice":        {lastLayer, file("mirror/minimirror.records"), "two entries have this path"},
		"the program once more":      {artifacts, file("minimirror"), "does not name it"},
		"a program above the others": {lastLayer, file("minimirror"), "does not name it"},
		"a whiteout":                 {generated, file("mirror/files/pool/.wh.a.deb"), "would delete"},
		"a folder's whiteout":        {generated, file("mirror/files/pool/.wh..wh..opq"), "would delete"},
		"a folder that is one":       {generated, folder("mirror/.wh.files/"), "would delete"},
		"a symbolic link":            {artifacts, tar.Header{Typeflag: tar.TypeSymlink, Name: "mirror/files/pool/z", Linkname: "a.deb"}, "does not name it"},
		"a device":                   {artifacts, tar.Header{Typeflag: tar.TypeChar, Name: "dev/null"}, "does not name it"},
		"a pipe":                     {artifacts, tar.Header{Typeflag: tar.TypeFifo, Name: "mirror/files/pool/z"}, "does not name it"},
		"a hard link beside":         {artifacts, tar.Header{Typeflag: tar.TypeLink, Name: "mirror/files/pool/z", Linkname: "mirror/files/pool/a.deb"}, "does not name it"},
		"a folder beside":            {artifacts, folder("mirror/z/"), "a folder in which"},
		"a folder in a file's place": {generated, folder("mirror/files/pool/a.deb/"), "a folder in which"},
		"a file below a file":        {artifacts, file("mirror/files/pool/a.deb/x"), "does not name it"},
		"a path that climbs":         {artifacts, file("mirror/../etc/passwd"), "does not name it"},
		"an absolute path":           {artifacts, file("/etc/passwd"), "does not name it"},
		"a global header":            {artifacts, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}, ""},
		"another set's script":       {generated, file("bootstrap/two/install.sh"), "does not name it"},
		"a script in another layer":  {artifacts, file("bootstrap/one/install.sh"), "does not name it"},
		"a catalog elsewhere":        {artifacts, file("mirror/minimirror.catalog"), "does not name it"},
		"a name of 50 kB":            {artifacts, file(strings.Repeat("x", 50_000)), "does not name it"},
		"a name of 500 kB":           {artifacts, file(strings.Repeat("x", 500_000)), "headers of more than"},
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, verifySpec)
			layers := m.Layers(t)
			if c.layer >= 0 {
				layers[c.layer] = added(t, layers[c.layer], c.header)
			} else {
				for i := range m.Catalog.Files {
					m.Catalog.Files[i].Layer++
				}
				layers = slices.Insert(m.Layers(t), 1, added(t, make([]byte, archiveEnd), c.header))
			}
			err := verifyLayers(t, m, layers)
			refused(t, err, c.want)
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("a text of %d bytes", len(err.Error()))
			}
		})
	}
}

// No byte of a header or between contents may be another, though all checksums and digests are made anew.
func TestVerifyRefusesAnyOtherByte(t *testing.T) {
	spec := verifySpec
	spec.Scripts = nil // their sizes and contents are anyone's
	m := imagetest.New(t, spec)
	layers := m.Layers(t)
	for _, number := range []int{artifacts, generated} {
		good := layers[number]
		for at := 0; at < len(good); at += 11 {
			changed := bytes.Clone(good)
			changed[at] ^= 1
			checksum(changed[at/512*512:][:512])
			if bytes.Equal(changed, good) {
				continue // it was the checksum
			}
			layers[number] = changed
			if err := verifyLayers(t, m, layers); !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("layer %d, byte %d: %v", number, at, err)
			}
		}
		layers[number] = good
	}
	must(t, verifyLayers(t, m, layers))
}

// checksum mends the checksum of a block that is a header.
func checksum(block []byte) {
	if string(block[257:262]) != "ustar" {
		return
	}
	sum := 8 * int(' ')
	for i, b := range block {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
}

func TestVerifyRefusesLayers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l [][]byte) [][]byte
		want   string
	}{
		"a name":              {func(l [][]byte) [][]byte { l[1] = bytes.Replace(l[1], []byte("/a.deb"), []byte("/x.deb"), 1); return l }, "tar header"},
		"something behind":    {func(l [][]byte) [][]byte { l[1] = append(l[1], "evil"...); return l }, "follows the end"},
		"an archive behind":   {func(l [][]byte) [][]byte { l[1] = append(l[1], l[2]...); return l }, "follows the end"},
		"no end":              {func(l [][]byte) [][]byte { l[1] = l[1][:len(l[1])-archiveEnd]; return l }, "has no end"},
		"cut":                 {func(l [][]byte) [][]byte { l[1] = l[1][:len(l[1])-archiveEnd-512]; return l }, ""},
		"nothing":             {func(l [][]byte) [][]byte { l[2] = make([]byte, len(l[2])); return l }, ""},
		"noise":               {func(l [][]byte) [][]byte { l[0] = bytes.Repeat([]byte("noise"), 300); return l }, "at byte 0"},
		"no program":          {func(l [][]byte) [][]byte { l[0] = make([]byte, archiveEnd); return l }, "layer 0: minimirror is missing"},
		"one more below all":  {func(l [][]byte) [][]byte { return slices.Insert(l, 0, make([]byte, archiveEnd)) }, ""},
		"one more of nothing": {func(l [][]byte) [][]byte { return slices.Insert(l, 3, make([]byte, archiveEnd)) }, "layer 3: no layer of the catalog's"},
		"one more":            {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[1]) }, `layer 3: "mirror": a folder in which the catalog has nothing of this layer`},
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, verifySpec)
			dir := t.TempDir()
			imagetest.WriteDir(t, dir, imagetest.LayoutOf(t, c.change(m.Layers(t)), m.Label(t)))
			refused(t, exhaust(t, image.Reference{Transport: image.OCI, Path: dir}, image.Options{}), c.want)
		})
	}
	m := imagetest.New(t, verifySpec)
	layers := m.Layers(t)
	layers[1] = append(layers[1], make([]byte, 10_240)...)
	must(t, verifyLayers(t, m, layers)) // as other programs write an archive's end
}

func TestVerifyRefusesCatalogs(t *testing.T) {
	for path, want := range map[string]string{
		"files/.wh.x": "would delete", ".wh.files": "would delete",
		layout.HeadName: "something else", layout.RecordsName + "/x": "below itself", "files/pool": "something else", "files/pool/a.deb/x": "something else",
	} {
		m := imagetest.New(t, verifySpec)
		m.Catalog.Files = append(m.Catalog.Files, catalog.File{Path: path, Layer: generated, SHA256: hexOf(nil), Modified: imagetest.Date})
		slices.SortFunc(m.Catalog.Files, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
		refused(t, verifyLayers(t, m, m.Layers(t)), want)
	}
	m := imagetest.New(t, verifySpec)
	m.Catalog.Files[0].Layer = 0
	m.Catalog.Files[0].Offset = 0
	refused(t, verifyLayers(t, m, m.Layers(t)), "the program or the catalog alone")
}

func TestVerifyRefusesConfigurations(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"root":           {`"65532:65532"`, `"0"`, "the user"},
		"root's group":   {`"65532:65532"`, `"65532:0"`, "the user"},
		"no user":        {`"65532:65532"`, `""`, "the user"},
		"a name":         {`"65532:65532"`, `"root"`, "the user"},
		"another entry":  {`"serve"`, `"serve","--root","/x"`, "it runs"},
		"a command":      {`"User"`, `"Cmd":["--root","/x"],"User"`, "it runs"},
		"an environment": {`"User"`, `"Env":["GODEBUG=x"],"User"`, "environment"},
		"a volume":       {`"User"`, `"Volumes":{"/mirror":{}},"User"`, "volumes"},
		"another lock":   {`"org.opencontainers.image.revision":"sha256:e`, `"org.opencontainers.image.revision":"sha256:f`, "of the lock"},
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, verifySpec)
			docker := m.Docker(t)
			found := false
			for file, data := range docker {
				if bytes.Contains(data, []byte(`"diff_ids"`)) {
					delete(docker, file)
					changed := bytes.Replace(data, []byte(c.old), []byte(c.new), 1)
					found = !bytes.Equal(changed, data)
					docker["config.json"] = changed
					docker["manifest.json"] = bytes.ReplaceAll(docker["manifest.json"], []byte(file), []byte("config.json"))
				}
			}
			if !found {
				t.Fatalf("no %s", c.old)
			}
			name := filepath.Join(t.TempDir(), "image.tar")
			imagetest.WriteTar(t, name, docker)
			refused(t, exhaust(t, image.Reference{Transport: image.DockerArchive, Path: name}, image.Options{}), c.want)
		})
	}
}

func TestVerifyLooksThroughATree(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dir string) error
		want   string // empty: it may be
	}{
		"a file": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "files/pool/c.deb"), nil, 0o644) }, `"files/pool/c.deb": the catalog does not name it`},
		"a link": {func(dir string) error { return os.Symlink("a.deb", filepath.Join(dir, "files/pool/c.deb")) }, "does not name it"},
		"a link in a file's place": {func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "files/pool/a.deb"), filepath.Join(dir, "files/x")), os.Symlink("../x", filepath.Join(dir, "files/pool/a.deb")))
		}, "not a regular file"},
		"a missing file": {func(dir string) error { return os.Remove(filepath.Join(dir, "files/pool/a.deb")) }, "files/pool/a.deb is missing"},
		"another file": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "files/pool/a.deb"), []byte("the letter b"), 0o644)
		}, "files/pool/a.deb: sha256 mismatch"},
		"a folder": {func(dir string) error { return os.Mkdir(filepath.Join(dir, "lost+found"), 0o755) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			imagetest.New(t, verifySpec).WriteRoot(t, dir)
			must(t, c.change(dir))
			err := reader(t, image.Reference{Transport: image.Unpacked, Path: dir}, image.Options{}).Verify(t.Context())
			if c.want != "" {
				refused(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Unused files are verified as all others are, wherever the image is, and hide nothing.
func TestVerifyUnused(t *testing.T) {
	spec := verifySpec
	spec.Unused = map[string]string{"pool/old.deb": "the old letter a", "pool/older.deb": "older"}
	m := imagetest.New(t, spec)
	must(t, verifyLayers(t, m, m.Layers(t)))
	for name, c := range map[string]struct {
		change func(m *imagetest.Mirror, unused []catalog.File)
		want   string
	}{
		"a digest":         {func(_ *imagetest.Mirror, u []catalog.File) { u[0].SHA256 = hexOf(nil) }, "sha256 mismatch"},
		"a place":          {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Offset -= 512 }, "the catalog says"},
		"a layer":          {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Layer, u[0].Offset = lastLayer, 0 }, "the program or the catalog alone"},
		"no layer":         {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Layer = 77 }, "layer 77"},
		"one less":         {func(m *imagetest.Mirror, u []catalog.File) { m.Catalog.Unused = u[1:] }, "the catalog does not name it"},
		"one twice":        {func(m *imagetest.Mirror, u []catalog.File) { m.Catalog.Unused = append(u[:1], u...) }, "out of order or repeated"},
		"out of order":     {func(_ *imagetest.Mirror, u []catalog.File) { u[0], u[1] = u[1], u[0] }, ""},
		"a whiteout":       {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Path = "files/.wh.old" }, "an image cannot have it"},
		"the catalog":      {func(_ *imagetest.Mirror, u []catalog.File) { u[1].Path = layout.HeadName }, ""},
		"hides a file":     {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Path, u[0].Layer = "files/pool/a.deb", generated }, "is hidden by an unused file"},
		"hides a folder":   {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Path, u[0].Layer = "files/pool", generated }, "is hidden by an unused file"},
		"hides by folders": {func(_ *imagetest.Mirror, u []catalog.File) { u[0].Path, u[0].Layer = "files/pool/a.deb/x", generated }, "is hidden by an unused file"},
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, spec)
			c.change(m, m.Catalog.Unused)
			refused(t, verifyLayers(t, m, m.Layers(t)), c.want)
		})
	}
	m = imagetest.New(t, spec)
	for i := range m.Catalog.Files { // an offered file whose digest is another, and an unused row that says the truth of its content
		if f := &m.Catalog.Files[i]; f.Path == "files/pool/a.deb" {
			m.Catalog.Unused = append([]catalog.File{*f}, m.Catalog.Unused...)
			f.SHA256, m.Catalog.Items[0].Files[0].SHA256 = hexOf(nil), hexOf(nil)
		}
	}
	refused(t, verifyLayers(t, m, m.Layers(t)), "a file that is offered")
	m = imagetest.New(t, spec)
	layers := m.Layers(t)
	layers[artifacts] = bytes.Replace(layers[artifacts], []byte("the old letter a"), []byte("the bad letter a"), 1)
	refused(t, verifyLayers(t, m, layers), "old.deb: sha256 mismatch")
}
