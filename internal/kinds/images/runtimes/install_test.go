package runtimes

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// A fake machine has runtimes that remember what they have loaded.
type fake struct {
	programs []string
	dead     string                       // a program that does not answer
	stores   map[string]map[string]string // by program: ID by name; of containerd, the digest
	pinned   []string
	loads    []string // "PROGRAM NAME…"
	archives [][]byte
}

func (f *fake) machine() machine {
	return machine{look: func(program string) bool { return slices.Contains(f.programs, program) }, run: f.run}
}

func (f *fake) run(_ context.Context, in io.Reader, args ...string) ([]byte, error) {
	if args[0] == f.dead {
		return nil, errors.New("cannot connect")
	}
	store := f.stores[args[0]]
	command := strings.Join(args, " ")
	switch {
	case strings.Contains(command, " version"):
	case strings.HasSuffix(command, "images ls"), strings.HasSuffix(command, "images check"):
		out := "REF TYPE DIGEST …\n"
		for name, digest := range store {
			labels := "-"
			if slices.Contains(f.pinned, name) {
				labels = "a=b,io.cri-containerd.pinned=pinned"
			}
			if strings.HasSuffix(command, "check") {
				out += fmt.Sprintf("%s type %s complete (2/2) 1 B/1 B true\n", name, digest)
			} else {
				out += fmt.Sprintf("%s type %s 1.6 KiB linux/amd64 %s\n", name, digest, labels)
			}
		}
		return []byte(out), nil
	case strings.Contains(command, "images label"):
		f.pinned = append(f.pinned, args[len(args)-2])
	case strings.Contains(command, "image inspect"):
		if id, has := store[args[len(args)-1]]; has {
			return []byte(id + "\n"), nil
		}
		return nil, errors.New("no such image")
	case in != nil:
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		f.archives = append(f.archives, data)
		return nil, f.loaded(args[0], store, untar(data))
	}
	return nil, nil
}

func (f *fake) loaded(program string, store map[string]string, files map[string][]byte) error {
	var index v1.Index
	var docker []struct{ Config string }
	if err := errors.Join(json.Unmarshal(files["index.json"], &index), json.Unmarshal(files["manifest.json"], &docker)); err != nil {
		return err
	}
	names := []string{program}
	for _, d := range index.Manifests {
		name := d.Annotations["io.containerd.image.name"]
		names = append(names, name)
		if store[name] = d.Digest.String(); program != "ctr" {
			store[name] = path.Base(docker[0].Config)
		}
	}
	f.loads = append(f.loads, strings.Join(names, " "))
	return nil
}

func untar(data []byte) map[string][]byte {
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			return files
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			return nil
		}
	}
}

func newFake(programs ...string) *fake {
	return &fake{programs: programs, stores: map[string]map[string]string{"ctr": {}, "docker": {}, "podman": {}}}
}

// TestInstall loads images by their names, once, into the runtimes that have a use for them.
func TestInstall(t *testing.T) {
	c := newCarried(t)
	index := c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64")
	d := c.Image("library/tool", imagestest.Image{})
	app, tool := c.image("registry.example.org", "acme/app", "1.4", "linux/amd64"), c.image("docker.io", "library/tool", d.Digest.String(), "linux/amd64")
	byTag, byDigest, toolName := "registry.example.org/acme/app:1.4", "registry.example.org/acme/app@"+index.Digest.String(), "docker.io/library/tool@"+d.Digest.String()
	for name, one := range map[string]struct{ programs, want []string }{
		"containerd":            {[]string{"ctr", "containerd"}, []string{"ctr " + byTag + " " + byDigest, "ctr " + toolName}},
		"Docker":                {[]string{"ctr", "containerd", "docker", "dockerd"}, []string{"docker " + byTag + " " + byDigest, "docker " + toolName}},
		"podman":                {[]string{"podman"}, []string{"podman " + byTag, "podman " + toolName}},
		"Docker and a kubelet":  {[]string{"ctr", "containerd", "docker", "dockerd", "kubelet"}, []string{"ctr " + byTag + " " + byDigest, "docker " + byTag + " " + byDigest, "ctr " + toolName, "docker " + toolName}},
		"a client and a client": {[]string{"ctr", "docker", "podman"}, []string{"podman " + byTag, "podman " + toolName}},
	} {
		f := newFake(one.programs...)
		if err := f.machine().install(t.Context(), job("/"), c.below("/", app, tool)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(f.loads, one.want) {
			t.Errorf("%s: %q", name, f.loads)
		}
		if slices.Contains(one.programs, "kubelet") || name == "containerd" {
			if want := []string{byTag, byDigest, toolName}; !slices.Equal(f.pinned, want) {
				t.Errorf("%s: pinned are %s", name, f.pinned)
			}
		}
		has, err := f.machine().present(t.Context(), []Image{app})
		if err != nil || !has[0] {
			t.Errorf("%s: it is not present: %v", name, err)
		}
		f.loads = nil
		if err := f.machine().install(t.Context(), job("/"), c.below("/", app)); err != nil || f.loads != nil {
			t.Errorf("%s: loaded again: %s, %v", name, f.loads, err)
		}
		files := untar(f.archives[0])
		for _, part := range app.Files {
			if !bytes.Equal(files[layoutPath(part.Digest)], c.files[part.Digest]) {
				t.Errorf("%s: the archive does not have %s", name, part.Digest)
			}
		}
		if len(files) != 4+3 {
			t.Errorf("%s: the archive has %d files", name, len(files))
		}
	}
	f := newFake("ctr", "containerd")
	f.stores["ctr"][byTag], f.stores["ctr"][byDigest] = index.Digest.String(), index.Digest.String()
	if has, err := f.machine().present(t.Context(), []Image{app}); err != nil || has[0] {
		t.Errorf("it is present, but not pinned: %v", err)
	}
}

// TestInstallRefused says what is missing, and what to type.
func TestInstallRefused(t *testing.T) {
	c := newCarried(t)
	c.Tag("acme/app", "1", c.Image("acme/app", imagestest.Image{}))
	app := c.image("registry.example.org", "acme/app", "1", "linux/amd64")
	if err := newFake().machine().install(t.Context(), job("/"), c.below("/", app)); err == nil || !strings.Contains(err.Error(), "no container runtime is installed") || !strings.Contains(err.Error(), "\nhint: add one to the set") {
		t.Errorf("no runtime: %v", err)
	}
	f := newFake("ctr", "containerd")
	f.dead = "ctr"
	if err := f.machine().install(t.Context(), job("/"), c.below("/", app)); err == nil || !strings.Contains(err.Error(), "containerd does not answer: cannot connect\nhint: start it: systemctl start containerd; then") {
		t.Errorf("it does not run: %v", err)
	}
	if has, err := f.machine().present(t.Context(), []Image{app}); err != nil || has[0] {
		t.Errorf("it is present where nothing runs: %v", err)
	}
	f.dead = ""
	damaged := c.below("/", app)
	layer := damaged[0].Files[2]
	if err := os.WriteFile("/"+layer.Name, bytes.Repeat([]byte("x"), int(layer.Size)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.machine().install(t.Context(), job("/"), damaged); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "registry.example.org/acme/app:1") || f.loads != nil {
		t.Errorf("a damaged layer: %v, loaded %s", err, f.loads)
	}
}

// TestKeep keeps images below another root, with a script that a shell can read.
func TestKeep(t *testing.T) {
	c := newCarried(t)
	c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64")
	root := t.TempDir()
	images := c.below(root, c.image("registry.example.org", "acme/app", "1.4", "linux/amd64"))
	var said []string
	job := job(root)
	job.Progress = func(name, state string, done, total int) {
		said = append(said, fmt.Sprint(name, " ", state, " ", done, " ", total))
	}
	f := newFake("ctr", "containerd")
	for range 2 {
		if err := f.machine().install(t.Context(), job, images); err != nil {
			t.Fatal(err)
		}
	}
	if f.loads != nil || len(said) != 2 || !strings.Contains(said[0], "registry.example.org/acme/app:1.4 kept, until the runtime runs and /var/lib/minimirror/images/install.sh loads it 1 1") {
		t.Errorf("%s, %q", f.loads, said)
	}
	if err := os.RemoveAll(filepath.Join(root, "var/cache")); err != nil {
		t.Fatal(err)
	}
	for _, part := range images[0].Files {
		if got, err := os.ReadFile(filepath.Join(root, KeptFolder, path.Base(layoutPath(part.Digest)))); err != nil || !bytes.Equal(got, c.files[part.Digest]) {
			t.Errorf("%s: %v", part.Digest, err)
		}
	}
	if out, err := exec.Command("sh", "-n", filepath.Join(root, KeptFolder, "install.sh")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestScript runs the script with programs of the test instead of runtimes.
func TestScript(t *testing.T) {
	c := newCarried(t)
	index := c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/386", "linux/arm64", "linux/s390x")
	var images []Image
	for _, platform := range []string{"linux/386", "linux/amd64", "linux/arm64", "linux/s390x"} {
		images = append(images, c.image("registry.example.org", "acme/app", "1.4", platform))
	}
	app, layer := images[1], imagestest.Layer(map[string]string{"x": "y"})
	c.Tag("acme/twice", "1", c.Image("acme/twice", imagestest.Image{Layers: [][]byte{layer, imagestest.Layer(map[string]string{"z": ""}), layer}}))
	images = append(images, c.image("registry.example.org", "acme/twice", "1", "linux/amd64"))
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("script/install.sh", string(Script("the set node", images)), 0o755)
	for digest, data := range c.files {
		write("mirror/registry.example.org/"+layoutPath(digest), string(data), 0o644)
	}
	for name, text := range map[string]string{
		"containerd": "", "uname": "echo x86_64", "ctr": `
			case "$*" in
			*" version") ;;
			*" images ls "*) cat "$STORE/ls" 2>/dev/null || : ;;
			*" images check "*) echo "x complete (1/1)" ;;
			*" images label "*) echo "$7 $8" >>"$STORE/labels" ;;
			*" images import "*) n=$(ls "$STORE" | wc -l); echo "$8" >"$STORE/platform-$n"; cat >"$STORE/archive-$n.tar" ;;
			esac`,
	} {
		write("bin/"+name, "#!/bin/sh\n"+text+"\n", 0o755)
	}
	store := filepath.Join(dir, "store")
	if err := os.Mkdir(store, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("sh", append([]string{filepath.Join(dir, "script/install.sh")}, args...)...)
		cmd.Env, cmd.Dir = []string{"PATH=" + filepath.Join(dir, "bin") + ":/usr/bin:/bin", "STORE=" + store}, dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("--from", "mirror")
	if err != nil || out != "install.sh: containerd has registry.example.org/acme/app:1.4\ninstall.sh: containerd has registry.example.org/acme/twice:1\ninstall.sh: done\n" {
		t.Fatalf("%v\n%s", err, out)
	}
	first, err := os.ReadFile(filepath.Join(store, "archive-0.tar"))
	if err != nil {
		t.Fatal(err)
	}
	platform, _ := os.ReadFile(filepath.Join(store, "platform-0"))
	files := untar(first)
	f := newFake()
	if err := f.loaded("ctr", f.stores["ctr"], files); err != nil || string(platform) != "linux/amd64\n" || len(f.stores["ctr"]) != 2 || f.stores["ctr"]["registry.example.org/acme/app:1.4"] != index.Digest.String() {
		t.Errorf("%v, %q, %v", err, platform, f.stores)
	}
	for _, part := range app.Files {
		if !bytes.Equal(files[layoutPath(part.Digest)], c.files[part.Digest]) {
			t.Errorf("the archive does not have %s", part.Digest)
		}
	}
	labels, _ := os.ReadFile(filepath.Join(store, "labels"))
	if strings.Count(string(labels), "io.cri-containerd.pinned=pinned\n") != 4 {
		t.Errorf("%s", labels)
	}
	archives, _ := filepath.Glob(filepath.Join(store, "archive-*.tar"))
	last, err := os.ReadFile(archives[len(archives)-1])
	if err != nil {
		t.Fatal(err)
	}
	var docker []struct {
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(untar(last)["manifest.json"], &docker); err != nil || len(docker[0].Layers) != 3 || docker[0].Layers[0] != docker[0].Layers[2] || docker[0].RepoTags[0] != "registry.example.org/acme/twice:1" {
		t.Errorf("%+v, %v", docker, err)
	}

	write("bin/uname", "#!/bin/sh\necho riscv64\n", 0o755)
	if out, err := run("--from", "mirror"); err == nil || !strings.Contains(out, "registry.example.org/acme/app:1.4 is not for this machine: it is carried for linux/386, linux/amd64, ") {
		t.Errorf("another machine: %v\n%s", err, out)
	}
	write("bin/uname", "#!/bin/sh\necho x86_64\n", 0o755)
	damaged := app.Files[3]
	write("mirror/registry.example.org/"+layoutPath(damaged.Digest), "x", 0o644)
	if out, err := run("--from", "mirror"); err == nil || !strings.Contains(out, damaged.SHA256+" is not below") {
		t.Errorf("a damaged file: %v\n%s", err, out)
	}
	write("bin/ctr", "#!/bin/sh\necho cannot connect >&2\nexit 1\n", 0o755)
	if out, err := run("--from", "mirror"); err == nil || !strings.Contains(out, "containerd does not answer: cannot connect\nhint: start it") {
		t.Errorf("not started: %v\n%s", err, out)
	}
	if out, err := run("--from", "mirror", "--no-start"); err != nil || !strings.Contains(out, "containerd is not started: no images are loaded") {
		t.Errorf("not started: %v\n%s", err, out)
	}
}
