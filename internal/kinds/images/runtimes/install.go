package runtimes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// KeptFolder is where images wait, below a node's root, until its runtime runs; with a script that loads them.
const KeptFolder = "var/lib/minimirror/images"

// Install loads each image into each container runtime of this machine that does not have it. If none can run yet, because the job has another
// root or does not start services, it keeps the images there with a script. The images are those of the job's items, in the same order.
func Install(ctx context.Context, job artifact.InstallJob, images []Image) error {
	return localMachine.install(ctx, job, images)
}

func (m machine) install(ctx context.Context, job artifact.InstallJob, images []Image) (err error) {
	root, err := os.OpenRoot(job.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if job.Root != "/" {
		return keep(root, &job, images)
	}
	all := m.runtimes()
	if len(all) == 0 {
		return artifact.Hint(errors.New("images: no container runtime is installed: neither containerd nor Docker nor podman"),
			"add one to the set, such as containerd, or install it; then type the same command again")
	}
	for at := range all {
		if err := all[at].answers(ctx, m); err != nil {
			if job.NoStart && ctx.Err() == nil {
				return keep(root, &job, images)
			}
			return artifact.Hint(fmt.Errorf("images: %s does not answer: %w", all[at].name, err), "start it: %s; then type the same command again", all[at].start)
		}
	}
	for n := range images {
		a := &archive{&images[n], root}
		for at := range all {
			r := &all[at]
			there, err := r.has(ctx, m, a.Image)
			if err == nil && !there {
				err = r.load(ctx, m, a)
			}
			if err != nil {
				return fmt.Errorf("images: %s: %s: %w", r.name, a.Name(), err)
			}
			if job.Log != nil {
				fmt.Fprintf(job.Log, "%s has %s\n", r.name, a.Name())
			}
		}
		if job.Progress != nil {
			job.Progress(a.Name(), "loaded", n+1, len(images))
		}
	}
	return root.RemoveAll(KeptFolder)
}

// keep puts the files of the images into KeptFolder.
func keep(root *os.Root, job *artifact.InstallJob, images []Image) error {
	if err := root.MkdirAll(KeptFolder, 0o755); err != nil {
		return err
	}
	for n := range images {
		for _, f := range images[n].Files {
			_, name, _ := strings.Cut(f.Digest, ":")
			if err := keepFile(root, f.Name, path.Join(KeptFolder, name)); err != nil {
				return fmt.Errorf("images: %s: %w", images[n].Name(), err)
			}
		}
		if job.Progress != nil {
			job.Progress(images[n].Name(), "kept, until the runtime runs and /"+KeptFolder+"/"+ScriptName+" loads it", n+1, len(images))
		}
	}
	return atomicfile.WriteIn(root, path.Join(KeptFolder, ScriptName), Script("this machine", images), 0o755)
}

// keepFile gives a file another name, or copies it to another file system.
func keepFile(root *os.Root, from, to string) error {
	if err := root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if root.Link(from, to) == nil {
		return nil
	}
	in, err := root.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := atomicfile.Create(root, to, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Abort()
		return err
	}
	return out.Commit()
}

// ScriptName is what the script is called everywhere: artifact.Installer.
const ScriptName = "install.sh"
