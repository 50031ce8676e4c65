package pypi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// Needs implements artifact.Needer.
func (Kind) Needs(i *artifact.Item) (names []string) {
	for _, text := range values(i.Metadata, keyRequires) {
		if q, err := pep508.ParseRequirement(text); err == nil {
			names = append(names, q.Project())
		}
	}
	return names
}

// NameOf implements artifact.Installer: a project, or PROJECT==VERSION.
func (Kind) NameOf(request string) (string, error) {
	q, err := pep508.ParseRequirement(request)
	switch {
	case err != nil:
		return "", err
	case q.URL != "" || len(q.Specifiers) > 1 || len(q.Specifiers) == 1 && !q.Specifiers[0].IsPin():
		return "", artifact.Hint(fmt.Errorf("%q is not the name of a carried package", request), "write PROJECT or PROJECT==VERSION")
	case len(q.Specifiers) == 1:
		return q.Project() + "==" + q.Specifiers[0].Version().String(), nil
	}
	return q.Project(), nil
}

// NodeArchitecture implements artifact.Installer: pip itself finds what is for the node, of what there is.
func (Kind) NodeArchitecture(string) (string, error) { return artifact.AnyArchitecture, nil }

// installTo is the virtual environment that the item goes into.
func installTo(i *artifact.Item) string {
	return cmp.Or(value(i.Metadata, keyInstallTo), defaultFolder(i.Source))
}

// PlanInstall implements artifact.Installer. What is for another architecture is left out; a version that its virtual environment has is present.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	plan := &artifact.InstallPlan{Architecture: cmp.Or(req.Architecture, artifact.AnyArchitecture)}
	chosen, err := chooseItems(&req)
	if err != nil {
		return nil, err
	}
	architecture := Kind{}.GoArchitecture(plan.Architecture)
	var step []*artifact.Item
	has := make(map[string]map[string]bool)
	for _, item := range chosen {
		if of := item.Architecture(); of != "" && architecture != "" && of != architecture {
			plan.Skipped = append(plan.Skipped, fmt.Sprintf("%s (%s)", fileName(item), of))
			continue
		}
		folder := installTo(item)
		if has[folder] == nil {
			if has[folder], err = installed(req.Root, folder); err != nil {
				return nil, err
			}
		}
		if name := item.Name + "==" + item.Version; has[folder][name] {
			if name += " in " + folder; !slices.Contains(plan.Present, name) {
				plan.Present = append(plan.Present, name)
			}
			continue
		}
		step = append(step, item)
	}
	if len(step) > 0 {
		plan.Steps = [][]*artifact.Item{step}
	}
	return plan, nil
}

// chooseItems returns what a request means and what that needs, in the order of IDs.
func chooseItems(req *artifact.InstallRequest) (chosen []*artifact.Item, err error) {
	byName := make(map[string][]*artifact.Item)
	for at := range req.Pins.Items {
		item := &req.Pins.Items[at]
		if slices.Contains(req.Set, item.ID()) {
			chosen = append(chosen, item)
		}
		if len(item.Attributes.Values(attributeTarget)) == 0 {
			continue // carried as one of all versions
		}
		for _, name := range append(Kind{}.Aliases(item), item.Name) {
			byName[name] = append(byName[name], item)
		}
	}
	queue := slices.Clone(req.Names)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if byName[name] == nil && slices.Contains(req.Names, name) {
			return nil, fmt.Errorf("%s: no Python package that is carried for a target has this name", name)
		}
		for _, item := range byName[name] {
			if !slices.Contains(chosen, item) {
				chosen = append(chosen, item)
				queue = append(queue, Kind{}.Needs(item)...)
			}
		}
	}
	slices.SortFunc(chosen, func(a, b *artifact.Item) int { return strings.Compare(a.ID(), b.ID()) })
	return chosen, nil
}

// installed are the versions that a virtual environment below a root has, as PROJECT==VERSION.
func installed(root, folder string) (map[string]bool, error) {
	has := make(map[string]bool)
	if root == "" {
		return has, nil
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in, err := r.OpenRoot(strings.TrimPrefix(folder, "/") + "/lib")
	if err != nil {
		return has, nil // there is none
	}
	defer in.Close()
	pythons, err := readNames(in, ".")
	if err != nil {
		return nil, err
	}
	for _, python := range pythons {
		names, err := readNames(in, python+"/site-packages")
		if err != nil {
			continue
		}
		for _, name := range names {
			stem, is := strings.CutSuffix(name, ".dist-info")
			project, version, found := strings.Cut(stem, "-")
			if v, err := pep440.Parse(version); is && found && err == nil {
				has[pep508.NormalizeName(project)+"=="+v.String()] = true
			}
		}
	}
	return has, nil
}

func readNames(r *os.Root, name string) ([]string, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// Install implements artifact.Installer: pip installs the files into a virtual environment, with nothing but them, by their digests. It may be run again
// after a failure.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error {
	done := 0
	for s, step := range job.Items {
		at := 0
		folders := make(map[string][]string) // by virtual environment: where its files are
		items := make(map[string][]*artifact.Item)
		for _, item := range step {
			to := installTo(item)
			items[to] = append(items[to], item)
			for range item.Files {
				if at == len(job.Steps[s]) {
					return fmt.Errorf("pypi: %s: its files are missing", item.ID())
				}
				if folder := path.Dir(job.Steps[s][at]); !slices.Contains(folders[to], folder) {
					folders[to] = append(folders[to], folder)
				}
				at++
			}
		}
		for _, to := range environments(step) {
			if err := install(ctx, &job, to, folders[to], items[to]); err != nil {
				return err
			}
			done += len(items[to])
			if job.Progress != nil {
				job.Progress(to, "installed", done, len(step))
			}
		}
	}
	return nil
}

// environments are the virtual environments of items, sorted.
func environments(items []*artifact.Item) (all []string) {
	for _, item := range items {
		if to := installTo(item); !slices.Contains(all, to) {
			all = append(all, to)
		}
	}
	slices.Sort(all)
	return all
}

// install makes one virtual environment.
func install(ctx context.Context, job *artifact.InstallJob, to string, folders []string, items []*artifact.Item) error {
	r := requirementsOf(items)
	var version bytes.Buffer
	if err := run(ctx, job.Root, &version, "python3", "-c", `import sys; print("%d.%d" % sys.version_info[:2])`); err != nil {
		return artifact.Hint(fmt.Errorf("pypi: the node has no usable python3: %w", err), "add python3-venv and python3-pip-whl to the Debian packages of the set")
	}
	if python := strings.TrimSpace(version.String()); !slices.Contains(r.pythons, python) {
		return artifact.Hint(fmt.Errorf("pypi: the node has Python %s, and the packages were chosen for %s", python, strings.Join(r.pythons, ", ")), "add python: %q to the targets of the definition", python)
	}
	root, err := os.OpenRoot(job.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	r.several = true
	list := folders[0] + "/" + r.name(to)
	if err := root.WriteFile(strings.TrimPrefix(list, "/"), r.text, 0o644); err != nil {
		return err
	}
	log := job.Log
	if log == nil {
		log = io.Discard
	}
	if err := run(ctx, job.Root, log, "python3", "-m", "venv", to); err != nil {
		return artifact.Hint(fmt.Errorf("pypi: the virtual environment %s was not made: %w", to, err), "add python3-venv and python3-pip-whl to the Debian packages of the set")
	}
	arguments := []string{to + "/bin/python3", "-m", "pip", "install", "--no-index", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes", "--requirement", list}
	for _, folder := range folders {
		arguments = append(arguments, "--find-links", folder)
	}
	if err := run(ctx, job.Root, log, arguments...); err != nil {
		return artifact.Hint(fmt.Errorf("pypi: pip did not install into %s: %w", to, err), "its messages are above; run the same command again once the cause is gone")
	}
	return nil
}

// run runs a program of the node.
func run(ctx context.Context, root string, out io.Writer, arguments ...string) error {
	cmd := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	if root != "/" {
		cmd = exec.CommandContext(ctx, "/usr/bin/env", arguments...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir = "/"
	}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "PIP_CONFIG_FILE=/dev/null", "PYTHONNOUSERSITE=1"}
	var failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, io.MultiWriter(out, &failed)
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if lines := strings.Split(strings.TrimSpace(failed.String()), "\n"); err != nil && lines[0] != "" {
		return errors.New(strings.Join(lines[max(0, len(lines)-3):], "; "))
	}
	return err
}
