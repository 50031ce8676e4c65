package bootstrap_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

// plain is a kind that installs what it is given in one step.
type plain struct{ artifact.Kind }

func (plain) Name() string                            { return imagetest.Kind }
func (plain) NodeArchitecture(string) (string, error) { return "any", nil }
func (plain) NameOf(request string) (string, error)   { return request, nil }
func (plain) Needs(a *artifact.Item) (all []string)   { return nil }

func (plain) PlanInstall(_ context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	plan := &artifact.InstallPlan{Architecture: req.Architecture, Steps: [][]*artifact.Item{nil}}
	for i := range req.Pins.Items {
		plan.Steps[0] = append(plan.Steps[0], &req.Pins.Items[i])
	}
	return plan, nil
}

func (plain) Install(context.Context, artifact.InstallJob) error { return nil }

func (plain) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	return map[string][]byte{"install.sh": []byte("# " + title)}
}

var contents = map[string]string{
	"pool/a": strings.Repeat("a", 100_000), "pool/b": strings.Repeat("b", 200_000), "pool/c": strings.Repeat("c", 300_000), "pool/other": "other",
}

func mirror(t *testing.T) *imagetest.Mirror {
	return imagetest.New(t, imagetest.Spec{Artifacts: contents, Sets: map[string][]string{"set": {"pool/b", "pool/a", "pool/c"}}})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// extract opens the image and extracts its set into dir.
func extract(t *testing.T, ref image.Reference, dir string) (*bootstrap.Plan, error) {
	t.Helper()
	r, err := image.OpenReader(t.Context(), ref, image.Options{})
	must(t, err)
	t.Cleanup(func() { r.Close() })
	plan, err := bootstrap.Select(t.Context(), r, []artifact.Kind{plain{}}, bootstrap.Request{Set: "set", Architecture: "any"})
	must(t, err)
	return plan, plan.Extract(t.Context(), r, dir, func(int64) {})
}

func archive(t *testing.T, m *imagetest.Mirror) image.Reference {
	name := filepath.Join(t.TempDir(), "oci.tar")
	imagetest.WriteTar(t, name, m.Layout(t))
	return image.Reference{Transport: image.OCIArchive, Path: name}
}

// holds compares a folder's files with those of the set, and extra ones by name.
func holds(t *testing.T, dir string, extra ...string) {
	t.Helper()
	want := slices.Concat([]string{"a", "b", "c"}, extra)
	slices.Sort(want)
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	for _, name := range []string{"a", "b", "c"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != contents["pool/"+name] {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

func TestExtract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	plan, err := extract(t, archive(t, mirror(t)), dir)
	must(t, err)
	holds(t, dir)
	if plan.Count() != 3 || plan.Size() != 600_000 || plan.Title != "set" {
		t.Errorf("%d, %d, %q", plan.Count(), plan.Size(), plan.Title)
	}
	must(t, plan.Complete(dir))
	must(t, plan.Complete(dir))
	holds(t, dir, "SHA256SUMS", "install.sh")
	var sums strings.Builder
	for _, name := range []string{"a", "b", "c"} {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256([]byte(contents["pool/"+name])), name)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS")); err != nil || string(data) != sums.String() {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "install.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Error(info, err)
	}
}

// What an earlier run has left is used, mended or removed.
func TestExtractGoesOn(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"a": contents["pool/a"], "b": contents["pool/b"][:1000], "c": contents["pool/a"], ".minimirror-part-c": "half", "mine": "mine"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	server := imagetest.NewRegistry(t, mirror(t).Layout(t), nil)
	_, err := extract(t, server.Reference(), dir)
	must(t, err)
	holds(t, dir, "mine")
	if sent := server.Sent.Load(); sent < 500_000 || sent > 540_000 {
		t.Errorf("%d bytes are read for 500000 that are missing", sent)
	}
	_, err = extract(t, server.Reference(), dir)
	must(t, err)
	holds(t, dir, "mine")
}

// Nothing is written through, or in the place of, what is no plain file.
func TestExtractBesideStrangeFiles(t *testing.T) {
	for name, place := range map[string]func(file, outside string) error{
		"link":         func(file, outside string) error { return os.Symlink(outside, file) },
		"broken link":  func(file, outside string) error { return os.Symlink("none", file) },
		"folder":       func(file, outside string) error { return os.Mkdir(file, 0o755) },
		"part, a link": func(file, outside string) error { return os.Symlink(outside, path.Dir(file)+"/.minimirror-part-b") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			must(t, os.WriteFile(outside, []byte("precious"), 0o600))
			must(t, place(filepath.Join(dir, "b"), outside))
			if _, err := extract(t, archive(t, mirror(t)), dir); err == nil {
				t.Error("no error")
			}
			if data, err := os.ReadFile(outside); err != nil || string(data) != "precious" {
				t.Errorf("%q, %v", data, err)
			}
			if info, err := os.Lstat(filepath.Join(dir, "b")); err == nil && info.Mode().IsRegular() {
				t.Error("it wrote the file")
			}
		})
	}
}

// What does not verify gets no name.
func TestExtractRefusesLies(t *testing.T) {
	for name, lie := range map[string]func(f *artifact.Item){
		"digest": func(f *artifact.Item) { f.Files[0].SHA256 = strings.Repeat("0", 64) },
		"size":   func(f *artifact.Item) { f.Files[0].Size-- },
		"name":   func(f *artifact.Item) { f.Files[0].Path = "pool/.." },
		"up":     func(f *artifact.Item) { f.Files[0].Path = "../../b" },
	} {
		t.Run(name, func(t *testing.T) {
			m := mirror(t)
			for i := range m.Catalog.Items {
				if a := &m.Catalog.Items[i]; a.Files[0].Path == "pool/b" {
					old := a.ID()
					lie(a)
					for j := range m.Catalog.Files {
						if f := &m.Catalog.Files[j]; f.Path == old {
							f.Path, f.SHA256, f.Size = a.ID(), a.Files[0].SHA256, a.Files[0].Size
						}
					}
					for j, id := range m.Catalog.Sets[0].Items {
						if id == old {
							m.Catalog.Sets[0].Items[j] = a.ID()
						}
					}
				}
			}
			slices.SortFunc(m.Catalog.Files, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
			dir := t.TempDir()
			r, err := image.OpenReader(t.Context(), archive(t, m), image.Options{})
			var plan *bootstrap.Plan
			if err == nil {
				defer r.Close()
				plan, err = bootstrap.Select(t.Context(), r, []artifact.Kind{plain{}}, bootstrap.Request{Set: "set", Architecture: "any"})
			}
			if err == nil {
				err = plan.Extract(t.Context(), r, dir, func(int64) {})
			}
			if !errors.Is(err, artifact.ErrVerify) {
				t.Error(err)
			}
			left := map[string]bool{}
			must(t, filepath.WalkDir(filepath.Dir(dir), func(p string, e fs.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() && !strings.HasSuffix(p, ".tar") {
					left[e.Name()] = true
				}
				return err
			}))
			maps.DeleteFunc(left, func(name string, _ bool) bool { return name == "a" || name == "c" })
			if len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestExtractIsInterrupted(t *testing.T) {
	r, err := image.OpenReader(t.Context(), archive(t, mirror(t)), image.Options{})
	must(t, err)
	defer r.Close()
	plan, err := bootstrap.Select(t.Context(), r, []artifact.Kind{plain{}}, bootstrap.Request{Names: []string{"pool/a", "pool/b", "pool/c"}, Architecture: "any"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	cancel()
	if err := plan.Extract(ctx, r, dir, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".minimirror-part-") {
			t.Errorf("left: %s", e.Name())
		}
	}
}

func TestInstallWantsItsFilesBelowTheRoot(t *testing.T) {
	plan, err := extract(t, archive(t, mirror(t)), t.TempDir())
	must(t, err)
	for _, o := range []bootstrap.InstallOptions{{Root: "/node", Dir: "/elsewhere"}, {Root: "/node", Dir: "/node/../x"}, {Root: "/node", Dir: "/nodes/x"}} {
		if err := plan.Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is not below") {
			t.Errorf("%v: %v", o, err)
		}
	}
}

// Two files of a set may have the same base name if they are the same: layers, for example, that two registries have.
func TestExtractSharedContent(t *testing.T) {
	for name, second := range map[string]string{"same": contents["pool/a"], "other": contents["pool/b"]} {
		m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"one/a": contents["pool/a"], "two/a": second}, Sets: map[string][]string{"set": {"one/a", "two/a"}}})
		dir := t.TempDir()
		plan, err := extract(t, archive(t, m), dir)
		if (err == nil) != (name == "same") || err != nil && !strings.Contains(err.Error(), "have the same file name") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		must(t, plan.Complete(dir))
		sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
		must(t, err)
		if strings.Count(string(sums), "\n") != 1 {
			t.Errorf("SHA256SUMS: %s", sums)
		}
	}
}
