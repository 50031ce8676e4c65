package images

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

// Install implements artifact.Installer: each image is loaded into each container runtime of the machine that does not have it. Where none
// can run yet, because the root is another or services are not started, the images are kept there with a script.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error {
	return localMachine.install(ctx, job)
}

func (m machine) install(ctx context.Context, job artifact.InstallJob) (err error) {
	root, err := os.OpenRoot(job.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if job.Root != "/" {
		return keep(root, &job)
	}
	all := m.runtimes()
	if len(all) == 0 {
		return artifact.Hint(errors.New("images: no container runtime is installed: neither containerd nor Docker nor podman"),
			"add one to the set, such as containerd, or install it; then type the same command again")
	}
	for at := range all {
		if err := all[at].answers(ctx, m); err != nil {
			if job.NoStart && ctx.Err() == nil {
				return keep(root, &job)
			}
			return artifact.Hint(fmt.Errorf("images: %s does not answer: %w", all[at].name, err), "start it: %s; then type the same command again", all[at].start)
		}
	}
	archives, err := archivesOf(root, &job)
	if err != nil {
		return err
	}
	for done, a := range archives {
		for at := range all {
			r := &all[at]
			there, err := r.has(ctx, m, a.item)
			if err == nil && !there {
				err = r.load(ctx, m, a)
			}
			if err != nil {
				return fmt.Errorf("images: %s: %s: %w", r.name, reference(a.item), err)
			}
			if job.Log != nil {
				fmt.Fprintf(job.Log, "%s has %s\n", r.name, reference(a.item))
			}
		}
		if job.Progress != nil {
			job.Progress(reference(a.item), "loaded", done+1, len(archives))
		}
	}
	return root.RemoveAll(KeptFolder)
}

// archivesOf are those of the images of a job, in its order.
func archivesOf(root *os.Root, job *artifact.InstallJob) (archives []*imageArchive, err error) {
	for s, step := range job.Items {
		at := 0
		for _, item := range step {
			a := &imageArchive{item: item, files: make(map[*artifact.File]string), root: root}
			for f := range item.Files {
				if at == len(job.Steps[s]) {
					return nil, fmt.Errorf("images: %s: its files are missing", item.ID())
				}
				a.files[&item.Files[f]] = strings.TrimPrefix(job.Steps[s][at], "/")
				at++
			}
			archives = append(archives, a)
		}
	}
	return archives, nil
}

// keep puts the files of the images into KeptFolder.
func keep(root *os.Root, job *artifact.InstallJob) error {
	if err := root.MkdirAll(KeptFolder, 0o755); err != nil {
		return err
	}
	archives, err := archivesOf(root, job)
	if err != nil {
		return err
	}
	script := scriptOf("this machine", itemsOf(archives))
	for done, a := range archives {
		p := partsOf(a.item)
		for _, f := range p.own() {
			if err := keepFile(root, a.files[f], path.Join(KeptFolder, path.Base(f.Path))); err != nil {
				return fmt.Errorf("images: %s: %w", reference(a.item), err)
			}
		}
		if job.Progress != nil {
			job.Progress(reference(a.item), "kept, until the runtime runs and /"+KeptFolder+"/"+scriptName+" loads it", done+1, len(archives))
		}
	}
	return atomicfile.WriteIn(root, path.Join(KeptFolder, scriptName), script, 0o755)
}

func itemsOf(archives []*imageArchive) (items []*artifact.Item) {
	for _, a := range archives {
		items = append(items, a.item)
	}
	return items
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

// scriptName is what the script is called everywhere: artifact.Installer.
const scriptName = "install.sh"
