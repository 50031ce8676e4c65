package buildkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// goldenDigest is the image of options. When it changes, every image changes:
// that may happen only with the image's format or with BuildKit's.
const goldenDigest = digest.Digest("sha256:b04ac6aced523d69a75a21d7051ab2fafda9b93a82cea45e8a458d90acf60faf")

var created = time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)

// TestMain gives the tests credentials and a temporary folder of their own.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "buildkit-test-")
	if err != nil {
		panic(err)
	}
	os.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	os.Setenv("XDG_RUNTIME_DIR", filepath.Join(dir, "run"))
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	os.Unsetenv("REGISTRY_AUTH_FILE")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// layer is made of files whose content follows from their names. Those called
// *.deb are on disk, below dir.
func layer(t testing.TB, dir string, names ...string) *tarlayer.Layer {
	t.Helper()
	var entries []tarlayer.Entry
	for _, name := range names {
		data := contentOf(name)
		e := tarlayer.Entry{Path: name, Data: data}
		if strings.HasSuffix(name, ".deb") {
			file := filepath.Join(dir, filepath.Base(name))
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			e = tarlayer.Entry{Path: name, Size: int64(len(data)), SHA256: digest.FromBytes(data).Encoded(),
				Open: func() (tarlayer.File, error) { return os.Open(file) }}
		}
		entries = append(entries, e)
	}
	l, err := tarlayer.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func contentOf(name string) []byte { return bytes.Repeat([]byte(name+"\n"), 400_000/len(name)) }

// options bake three layers to output; their files are below the folder that is returned.
func options(t testing.TB, output string) (Options, string) {
	t.Helper()
	dir := t.TempDir()
	ref, err := image.ParseReference(output)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		StateDir: filepath.Join(dir, "state"),
		Image: Image{Layers: []*tarlayer.Layer{
			layer(t, dir, "minimirror"),
			layer(t, dir, "mirror/debian/pool/a/a_1.deb", "mirror/debian/pool/b/b_1.deb"),
			layer(t, dir, "mirror/catalog.json"),
		},
			Config: ocispec.Image{
				Created:  &created,
				Platform: ocispec.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"},
				Config:   ocispec.ImageConfig{Entrypoint: []string{"/minimirror", "serve"}, User: "65532", Labels: map[string]string{"b": "2", "a": "1"}},
			}},
		Output: ref,
		Names:  []string{"minimirror.local/tiny:20261130-1a2b3c4d", "minimirror.local/tiny:latest"},
	}, dir
}

// bakeTo bakes and checks that nothing is left of the work.
func bakeTo(t *testing.T, o Options) digest.Digest {
	t.Helper()
	sum, err := Bake(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if left := tree(t, o.StateDir); len(left) != 0 {
		t.Errorf("left in the state folder: %q", left)
	}
	return sum
}

// tree lists everything below dir, sorted.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func blobFile(dir string, sum digest.Digest) string {
	return filepath.Join(dir, blobFolder, sum.Encoded())
}

// TestBakeRefuses has errors that come before any work.
func TestBakeRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "full", "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for output, test := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"oci:%s/full":                {nil, "is neither empty nor an OCI image layout"},
		"oci:%s/file":                {nil, "is not a folder"},
		"oci:%s/file/below":          {nil, "not a directory"},
		"oci-archive:%s/full":        {nil, "is a folder"},
		"oci-archive:/dev/null":      {nil, "is not a regular file"},
		"docker-archive:%s/x:UPPER":  {nil, "is not a name for an image"},
		"docker-archive:%s/new/x:::": {nil, "is not a name for an image"},
		"docker://localhost:1/x@sha256:" + strings.Repeat("0", 64): {nil, "pushed to a tag"},
		"oci:%s/a/new": {func(o *Options) { o.Layers = nil }, "at least one layer"},
		"oci:%s/b/new": {func(o *Options) { o.Config.OS = "" }, "no os or no architecture"},
		"oci:%s/c/new": {func(o *Options) { o.Config.History = []ocispec.History{{}} }, "a history of 1 layers, not 3"},
		"oci:%s/d/new": {func(o *Options) { o.Addr = "http://localhost" }, "is not an address"},
		"oci:%s/e/new": {func(o *Options) { o.Addr = "unix://" + dir + "/none.sock" }, "no daemon answers"},
		"oci:%s/f/new": {func(o *Options) { o.Addr, o.TLS.CACert = "tcp://localhost:1", dir+"/none" }, "ca certificate"},
		"oci:%s/g/new": {func(o *Options) { o.StateDir = dir + "/file/state" }, "not a directory"},
	} {
		o, _ := options(t, strings.ReplaceAll(output, "%s", dir))
		if test.change != nil {
			test.change(&o)
		}
		_, err := Bake(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", output, err, test.want)
		}
		if strings.Contains(test.want, " is ") && !errors.Is(err, artifact.ErrUsage) {
			t.Errorf("%s: %v is no usage error", output, err)
		}
		if after := tree(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: left behind: %q", output, after)
		}
	}
}
