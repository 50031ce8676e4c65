package runtimes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Present reports which images every runtime of this machine has. If a runtime does not answer, there are none.
func Present(ctx context.Context, images []Image) ([]bool, error) {
	return localMachine.present(ctx, images)
}

// A machine is where programs run: this one, or one in a test.
type machine struct {
	look func(program string) bool // whether it is in PATH
	// run runs a program and returns what it prints. in may be nil.
	run func(ctx context.Context, in io.Reader, args ...string) ([]byte, error)
}

var localMachine = machine{
	look: func(program string) bool { _, err := exec.LookPath(program); return err == nil },
	run: func(ctx context.Context, in io.Reader, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		var said bytes.Buffer
		cmd.Stdin, cmd.Stderr = in, &said
		out, err := cmd.Output()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
		}
		return out, nil
	},
}

// A runtime is a program that runs containers, and has a store of images.
type runtime struct {
	name  string
	alive []string // a command that succeeds if the runtime answers; nil: it needs no daemon
	start string   // what starts it
	has   func(ctx context.Context, m machine, i *Image) (bool, error)
	load  func(ctx context.Context, m machine, a *archive) error
}

// runtimes are the machine's runtimes for pods and containers. Docker has its own containerd, in which only a kubelet would look for images.
func (m machine) runtimes() (all []runtime) {
	docker := m.look("dockerd")
	if m.look("ctr") && m.look("containerd") && (!docker || m.look("kubelet")) {
		all = append(all, newContainerd())
	}
	if docker && m.look("docker") {
		all = append(all, dockerRuntime)
	}
	if m.look("podman") {
		all = append(all, podmanRuntime)
	}
	return all
}

func (r *runtime) answers(ctx context.Context, m machine) error {
	if r.alive == nil {
		return nil
	}
	_, err := m.run(ctx, nil, r.alive...)
	return err
}

// present are the images that every runtime of the machine has. A runtime that does not answer has none.
func (m machine) present(ctx context.Context, images []Image) ([]bool, error) {
	has := make([]bool, len(images))
	all := m.runtimes()
	for at := range all {
		if all[at].answers(ctx, m) != nil {
			return has, ctx.Err()
		}
	}
	for n := range images {
		everywhere := len(all) > 0
		for at := range all {
			there, err := all[at].has(ctx, m, &images[n])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", all[at].name, err)
			}
			everywhere = everywhere && there
		}
		has[n] = everywhere
	}
	return has, nil
}

// newContainerd is containerd as a kubelet uses it: images have names by tag and by digest, and the label that keeps them from being removed
// (internal/cri/labels of containerd). Its store is listed once.
func newContainerd() runtime {
	ctr := []string{"ctr", "--namespace", "k8s.io", "images"}
	const pinned = "io.cri-containerd.pinned=pinned"
	var names, whole map[string][]string
	return runtime{
		name: "containerd", alive: []string{"ctr", "--connect-timeout", "5s", "version"}, start: "systemctl start containerd",
		has: func(ctx context.Context, m machine, i *Image) (bool, error) {
			if names == nil {
				out, err := m.run(ctx, nil, append(ctr, "ls")...)
				if err != nil {
					return false, err
				}
				names = rows(out)
				out, err = m.run(ctx, nil, append(ctr, "check")...)
				if err != nil {
					return false, err
				}
				whole = rows(out)
			}
			for _, name := range i.Names {
				labels := ""
				if row := names[name]; len(row) > 0 {
					labels = row[len(row)-1]
				}
				if !slices.Contains(names[name], i.Root) || !slices.Contains(strings.Split(labels, ","), pinned) || !slices.Contains(whole[name], "complete") {
					return false, nil
				}
			}
			return true, nil
		},
		load: func(ctx context.Context, m machine, a *archive) error {
			err := m.pipe(ctx, a, a.Names, append(ctr, "import", "--platform", a.Platform, "-")...)
			for _, name := range a.Names {
				if err == nil {
					_, err = m.run(ctx, nil, append(ctr, "label", name, pinned)...)
				}
			}
			return err
		},
	}
}

// rows are the lines of a table, by their first word.
func rows(table []byte) map[string][]string {
	all := make(map[string][]string)
	for line := range strings.Lines(string(table)) {
		if words := strings.Fields(line); len(words) > 0 {
			all[words[0]] = words
		}
	}
	return all
}

// dockerRuntime is Docker. It forgets the digests of what it loads: images have their tags alone.
var dockerRuntime = runtime{
	name: "docker", alive: []string{"docker", "version"}, start: "systemctl start docker",
	has: func(ctx context.Context, m machine, i *Image) (bool, error) {
		return m.inspects(ctx, "docker", i)
	},
	load: func(ctx context.Context, m machine, a *archive) error {
		return m.pipe(ctx, a, a.Names, "docker", "load")
	},
}

// podmanRuntime is podman, whose store CRI-O shares. It finds an image by its digest, too.
var podmanRuntime = runtime{
	name: "podman",
	has: func(ctx context.Context, m machine, i *Image) (bool, error) {
		return m.inspects(ctx, "podman", i)
	},
	load: func(ctx context.Context, m machine, a *archive) error {
		return m.pipe(ctx, a, a.Names[:1], "podman", "load")
	},
}

// inspects reports whether a program has the image by its name, or if it has no name, by the digest of its configuration.
func (m machine) inspects(ctx context.Context, program string, i *Image) (bool, error) {
	name := i.Name()
	if !i.Tagged {
		name = i.Config
	}
	out, err := m.run(ctx, nil, program, "image", "inspect", "--format", "{{.Id}}", name)
	if err != nil {
		return false, ctx.Err() // it does not have the image
	}
	_, id, found := strings.Cut(strings.TrimSpace(string(out)), ":")
	if !found {
		id = strings.TrimSpace(string(out))
	}
	for _, digest := range []string{i.Config, i.Manifest, i.Root} { // the ID depends on the store
		if strings.HasSuffix(digest, ":"+id) {
			return true, nil
		}
	}
	return false, nil
}

// pipe gives an image's archive to a program.
func (m machine) pipe(ctx context.Context, a *archive, names []string, args ...string) error {
	in, out := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := a.write(ctx, out, names...)
		wrote <- err
		out.CloseWithError(err)
	}()
	_, err := m.run(ctx, in, args...)
	in.CloseWithError(errEnded)
	if failed := <-wrote; failed != nil && !errors.Is(failed, errEnded) {
		return failed
	}
	return err
}

var errEnded = errors.New("the runtime has stopped reading")
