package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

var verifySpec = imagetest.Spec{
	Artifacts: map[string]string{"pool/a.deb": "the letter a", "pool/b.deb": "the letter b"},
	Generated: map[string]string{"files/dists/x/Packages": "Package: a\n"},
	Sets:      map[string][]string{"one": {"pool/a.deb"}},
}

// entriesOf makes the entries of a tar archive, without its end.
func entriesOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := []byte(nil)
		if h.Typeflag == tar.TypeReg {
			content = []byte("evil")
			h.Size = 4
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		must(t, w.WriteHeader(&h))
		_, err := w.Write(content)
		must(t, err)
	}
	must(t, w.Flush())
	return b.Bytes()
}

const archiveEnd = 1024 // bytes of zeros

// added puts entries behind those that a layer has.
func added(layer, entries []byte) []byte {
	end := len(layer) - archiveEnd
	return slices.Concat(layer[:end], entries, layer[end:])
}

func verifyLayout(t testing.TB, files map[string][]byte) error {
	t.Helper()
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, files)
	r, err := image.OpenReader(context.Background(), image.Reference{Transport: image.OCI, Path: dir}, image.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Verify(context.Background())
}

func TestVerifyFindsWhatTheCatalogDoesNotName(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }
	for name, c := range map[string]struct {
		layer  int // to which entries are added; -1: a layer of their own, below the others
		header tar.Header
		want   string // empty: it may be there
	}{
		"a file beside":               {1, file("mirror/files/pool/c.deb"), "does not name it"},
		"a file of the system":        {1, file("etc/passwd"), "does not name it"},
		"another layer's file":        {2, file("mirror/files/pool/a.deb"), "two entries have this path"},
		"the same, in a lower layer":  {-1, file("mirror/files/pool/a.deb"), "the catalog has it in layer 2"},
		"a file twice":                {1, file("mirror/files/pool/b.deb"), "two entries have this path"},
		"the program once more":       {1, file("minimirror"), "two entries have this path"},
		"another program":             {-1, file("minimirror"), "two entries have this path"},
		"a whiteout":                  {2, file("mirror/files/pool/.wh.a.deb"), "would delete"},
		"a folder's whiteout":         {2, file("mirror/files/pool/.wh..wh..opq"), "would delete"},
		"a folder that is a whiteout": {2, tar.Header{Typeflag: tar.TypeDir, Name: "mirror/.wh.files/"}, "would delete"},
		"a symbolic link":             {1, tar.Header{Typeflag: tar.TypeSymlink, Name: "mirror/files/pool/c", Linkname: "a.deb"}, "neither a file nor a folder"},
		"a device":                    {1, tar.Header{Typeflag: tar.TypeChar, Name: "dev/null"}, "neither a file nor a folder"},
		"a pipe":                      {1, tar.Header{Typeflag: tar.TypeFifo, Name: "mirror/files/pool/c"}, "neither a file nor a folder"},
		"a hard link beside":          {1, tar.Header{Typeflag: tar.TypeLink, Name: "mirror/files/pool/c.deb", Linkname: "mirror/files/pool/a.deb"}, "neither a file nor a folder"},
		"a folder":                    {1, tar.Header{Typeflag: tar.TypeDir, Name: "var/", Mode: 0o755}, ""},
		"a folder in a file's place":  {2, tar.Header{Typeflag: tar.TypeDir, Name: "mirror/files/pool/a.deb/"}, "two entries have this path"},
		"a file below a file":         {1, file("mirror/files/pool/a.deb/x"), "below a file"},
		"a path that climbs":          {1, file("mirror/../etc/passwd"), "not a valid path"},
		"an absolute path":            {1, file("/etc/passwd"), "not a valid path"},
		"set-uid":                     {1, tar.Header{Typeflag: tar.TypeDir, Name: "x/", Mode: 0o4755}, "mode"},
		"another owner":               {1, tar.Header{Typeflag: tar.TypeDir, Name: "x/", Uid: 1}, "owner"},
		"extended attributes":         {1, tar.Header{Typeflag: tar.TypeDir, Name: "x/", PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"}}, "a record"},
		"a set's script":              {2, file("bootstrap/one/install.sh"), ""},
		"another set's script":        {2, file("bootstrap/two/install.sh"), "does not name it"},
		"a catalog in a lower layer":  {1, file("mirror/minimirror.catalog"), "does not name it"},
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, verifySpec)
			entries := entriesOf(t, c.header)
			layers := m.Layers(t)
			if c.layer >= 0 {
				layers[c.layer] = added(layers[c.layer], entries)
			} else {
				for i := range m.Catalog.Files {
					m.Catalog.Files[i].Layer++
				}
				layers = slices.Insert(m.Layers(t), 0, slices.Concat(entries, make([]byte, archiveEnd)))
			}
			err := verifyLayout(t, imagetest.LayoutOf(t, layers, m.Label(t)))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, artifact.ErrVerify)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestVerifyFindsChangedLayers(t *testing.T) {
	for name, change := range map[string]func(layers [][]byte){
		"a name":                func(l [][]byte) { l[1] = bytes.Replace(l[1], []byte("pool/a.deb"), []byte("pool/x.deb"), 1) },
		"a header's byte":       func(l [][]byte) { l[1][100]++ },
		"something behind":      func(l [][]byte) { l[1] = append(l[1], "evil"...) },
		"zeros behind":          nil,
		"an entry behind zeros": func(l [][]byte) { l[1] = append(l[1], l[2]...) },
		"cut":                   func(l [][]byte) { l[1] = l[1][:len(l[1])-archiveEnd-512] },
		"a layer of nothing":    func(l [][]byte) { l[1] = make([]byte, len(l[1])) },
		"a layer of noise":      func(l [][]byte) { l[1] = bytes.Repeat([]byte("noise"), len(l[1])/5) },
	} {
		t.Run(name, func(t *testing.T) {
			m := imagetest.New(t, verifySpec)
			layers := m.Layers(t)
			good := change == nil
			if good {
				layers[1] = append(layers[1], make([]byte, 10240)...)
			} else {
				change(layers)
			}
			err := verifyLayout(t, imagetest.LayoutOf(t, layers, m.Label(t)))
			if good != (err == nil) || err != nil && !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestVerifyLooksThroughATree(t *testing.T) {
	for name, add := range map[string]func(dir string) error{
		"a file":          func(dir string) error { return os.WriteFile(filepath.Join(dir, "files/pool/c.deb"), nil, 0o644) },
		"a symbolic link": func(dir string) error { return os.Symlink("a.deb", filepath.Join(dir, "files/pool/c.deb")) },
		"nothing":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			imagetest.New(t, verifySpec).WriteRoot(t, dir)
			if add != nil {
				must(t, add(dir))
			}
			img, err := image.OpenRoot(dir)
			must(t, err)
			defer img.Close()
			if err := img.Verify(context.Background()); (add == nil) != (err == nil) || err != nil && !errors.Is(err, artifact.ErrVerify) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Whatever the bytes of a layer are, Verify ends, and passes none but those that hold what the catalog says.
func FuzzVerifyLayer(f *testing.F) {
	m := imagetest.New(f, verifySpec)
	layers := m.Layers(f)
	f.Add(layers[1])
	f.Add(added(layers[1], entriesOf(f, tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd"})))
	f.Fuzz(func(t *testing.T, layer []byte) {
		changed := slices.Clone(layers)
		changed[1] = layer
		if verifyLayout(t, imagetest.LayoutOf(t, changed, m.Label(t))) != nil {
			return
		}
		found := 0
		for r := tar.NewReader(bytes.NewReader(layer)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			must(t, err)
			if h.Typeflag == tar.TypeDir {
				continue
			}
			found++
			content, err := io.ReadAll(r)
			must(t, err)
			if path := strings.TrimPrefix(h.Name, "mirror/files/"); verifySpec.Artifacts[path] != string(content) {
				t.Errorf("passes with %s: %q", h.Name, content)
			}
		}
		if found != len(verifySpec.Artifacts) {
			t.Errorf("passes with %d files", found)
		}
	})
}
