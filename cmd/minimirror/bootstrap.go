package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/progress"
)

const bootstrapHelp = `usage: minimirror bootstrap [--image] REFERENCE [--set NAME] [--package NAME]… ACTION…

Installs packages from an image on this machine, without a container runtime, and
without a network unless the image is in a registry. It reads only the packages that
it needs, and verifies each before dpkg reads it. Packages that the machine has in the
same or a newer version stay as they are, and so do packages on hold. A package that
a needed package replaces and conflicts with (Replaces with Breaks or Conflicts) is
removed, if every package that depends on it stays satisfied; the plan lists it first.
If a set has container images, bootstrap then loads them into the machine's container
runtimes: containerd, Docker and podman.

What:
  --list              show the sets of the image, with sizes
  --set NAME          a set
  --package NAME      a package that the image carries, with all it needs
  --system NAME       for an image for several systems: the one that this node has, if
                      /etc/os-release does not say
Actions:
  --install           install (root; --root DIR: another system than this one)
  --to DIR            extract only, with install.sh, SHA256SUMS and a Packages index
  --dry-run           print the plan
  --print-shell       print a shell script that installs the set from an OCI archive
                      without this program, with tar, sha256sum and dpkg
  --load PROGRAM      hand the image itself to docker, podman or containerd, by the
                      name minimirror.local/DEFINITION with the tag of its lock, such
                      as 20261130-1a2b3c4d, and the tag latest; or by --name
  --configure-apt URL make the machine a client of the mirror at URL
  --undo-apt          undo that

After an interruption or a failure, the same command continues.

` + referenceHelp + `
Examples:
  minimirror bootstrap --image docker-archive:docker.tar --list
  minimirror bootstrap --image docker-archive:docker.tar --set docker --install --load docker
  minimirror bootstrap site-2.tar --load containerd
  minimirror bootstrap --image docker://registry.example.org/site/docker:1 --package jq --to jq
`

func bootstrapVerb(ctx context.Context, c *command, args []string) error {
	var f bootstrapFlags
	c.imageFlag("where the image is")
	f.define(c)
	if err := c.parseImage(args, bootstrapHelp, 0); err != nil {
		return err
	}
	if err := f.check(c); err != nil {
		return err
	}
	return f.hintRoot(f.bootstrap(ctx, c), os.Geteuid())
}

// hintRoot says who may do what was refused to the user.
func (f *bootstrapFlags) hintRoot(err error, user int) error {
	if user != 0 && (f.install || f.configure != "" || f.undo) && errors.Is(err, fs.ErrPermission) {
		return artifact.Hint(err, "this needs root: type sudo before the command")
	}
	return err
}

func (f *bootstrapFlags) bootstrap(ctx context.Context, c *command) error {
	if f.undo {
		return f.report(c, func(k artifact.Kind) ([]string, error) {
			configurer, able := artifact.Able[artifact.Configurer](k)
			if !able {
				return nil, nil
			}
			return configurer.Unconfigure(f.root)
		})
	}
	reader, ref, err := c.openReader(ctx, c.imageRef, *f.registry)
	if err == nil && c.platform == "" {
		reader, ref, err = f.forNode(ctx, c, reader, ref)
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := c.verifySigned(ctx, reader, *f.verifyKeys, *f.registry); err != nil {
		return err
	}
	if reader.Digest != "" {
		fmt.Fprintf(c.stderr, "image: %s %s\n", ref, reader.Digest)
	}
	if f.list {
		return c.listSets(reader, f.output)
	}
	if f.shell {
		architecture, err := f.nodes(ctx, reader)
		if err != nil {
			return err
		}
		request := bootstrap.Request{Set: f.set}
		if err := request.FindSystem(ctx, reader, kinds.All(), f.root, f.system); err != nil {
			return err
		}
		lines, err := bootstrap.Shell(ctx, reader, f.set, architecture, request.System)
		if err != nil {
			return err
		}
		_, err = io.WriteString(c.stdout, lines)
		return err
	}
	if f.install || f.to != "" || f.dryRun {
		if err := f.packagesOf(ctx, c, reader); err != nil {
			return err
		}
	}
	if f.load != "" && !f.dryRun {
		names, err := bootstrap.Load(ctx, reader, f.load, f.name)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s has the image: %s\n", f.load, names[0])
		for _, name := range names[1:] {
			fmt.Fprintf(c.stdout, "also called: %s\n", name)
		}
	}
	if f.configure != "" && !f.dryRun {
		mirror, err := mirrorOf(ctx, reader)
		if err != nil {
			return err
		}
		system, err := bootstrap.System(ctx, reader, kinds.All(), f.root, f.system)
		if err != nil {
			return err
		}
		return f.report(c, func(k artifact.Kind) ([]string, error) {
			configurer, able := artifact.Able[artifact.Configurer](k)
			if m, carried := mirror[k.Name()]; able && carried {
				m.Pins = m.Pins.ForSystem(system)
				return configurer.Configure(f.root, m, f.configure, f.only)
			}
			return nil, nil
		})
	}
	return nil
}

// forNode is the image itself; or, if the images of an index carry only the items for their own architecture, the one for the node's. It closes
// the image if it returns another or an error.
func (f *bootstrapFlags) forNode(ctx context.Context, c *command, reader *image.Reader, ref image.Reference) (*image.Reader, image.Reference, error) {
	if reader.Architecture == "" || !(f.shell || f.install || f.to != "" || f.dryRun) {
		return reader, ref, nil
	}
	architecture, err := f.architecture, error(nil)
	if architecture == "" {
		architecture, err = bootstrap.NodeArchitecture(ctx, reader, kinds.All(), f.root)
	}
	wanted := goArchitecture(architecture)
	if err != nil || wanted == "" || wanted == reader.Architecture {
		return reader, ref, nil // what needs the node's architecture reports the error
	}
	platform := "linux/" + wanted
	if err := reader.Close(); err != nil {
		return nil, ref, err
	}
	if !slices.Contains(reader.Platforms(), platform) {
		return nil, ref, artifact.Hint(fmt.Errorf("%s: it carries only the items for %s, and the node is %s", ref, reader.Architecture, architecture), "use the image for %s", platform)
	}
	c.platform = platform
	return c.openReader(ctx, c.imageRef, *f.registry)
}

// goArchitecture is what Go calls a kind's architecture of machines; empty: it is none.
func goArchitecture(name string) string {
	for _, kind := range kinds.All() {
		if splitter, able := artifact.Able[artifact.Splitter](kind); able {
			return splitter.GoArchitecture(name)
		}
	}
	return name
}

// nodes is the architecture of the nodes that are to come.
func (f *bootstrapFlags) nodes(ctx context.Context, reader *image.Reader) (string, error) {
	if f.architecture != "" {
		return f.architecture, nil
	}
	architecture, err := bootstrap.NodeArchitecture(ctx, reader, kinds.All(), f.root)
	if err != nil {
		return "", artifact.Hint(err, "name the nodes' architecture with --architecture")
	}
	return architecture, nil
}

// packagesOf plans, and extracts or installs.
func (f *bootstrapFlags) packagesOf(ctx context.Context, c *command, reader *image.Reader) error {
	request := bootstrap.Request{Set: f.set, Names: f.requests, Root: f.root}
	err := request.FindSystem(ctx, reader, kinds.All(), f.root, f.system)
	if err != nil {
		return err
	}
	if f.to != "" {
		if request.Architecture, err = f.nodes(ctx, reader); err != nil {
			return err
		}
		request.Root = ""
	}
	plan, err := bootstrap.Select(ctx, reader, kinds.All(), request)
	if err != nil {
		return err
	}
	for _, name := range plan.Skipped() {
		fmt.Fprintf(c.stderr, "left out, since this machine cannot run it: %s\n", name)
	}
	if f.dryRun {
		return c.printPlan(plan, f.output)
	}
	dir := f.to
	if dir == "" {
		dir = filepath.Join(f.root, bootstrap.CacheDir)
	}
	if plan.Count() == 0 && len(plan.Removed()) == 0 {
		text := "everything is installed already"
		if plan.Skipped() != nil {
			text = "everything else is installed already"
		}
		_, err := fmt.Fprintf(c.stdout, "%s: nothing to install: %s\n", plan.Title, text)
		if f.install { // an earlier run may have ended just before it did this
			err = errors.Join(err, bootstrap.RemoveCache(f.root))
		}
		return err
	}
	printRemoved(c.stderr, plan)
	phase := progress.To(os.Stderr).Phase("extract "+plan.Title, plan.Size())
	err = plan.Extract(ctx, reader, dir, phase.Add)
	phase.Stop()
	if err != nil {
		return err
	}
	if f.to != "" {
		if err := plan.Complete(dir); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.stdout, "%s: %s\n", dir, quantity(plan.Count(), "item", plan.Size()))
		return err
	}
	if err := f.installPlan(ctx, c, plan, dir); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "%s: installed %s\n", plan.Title, quantity(plan.Count(), "item", plan.Size()))
	return errors.Join(err, bootstrap.RemoveCache(f.root))
}

func (f *bootstrapFlags) installPlan(ctx context.Context, c *command, plan *bootstrap.Plan, dir string) error {
	o := bootstrap.InstallOptions{Root: f.root, Dir: dir, NoStart: f.noStart, Wait: f.wait}
	if f.answers != "" {
		var err error
		if o.Answers, err = artifact.ReadInput(ctx, f.answers); err != nil {
			return fmt.Errorf("--debconf-selections: %w", err)
		}
	}
	name := f.log
	if name == "" {
		name = filepath.Join(f.root, "var/log/minimirror-bootstrap.log")
	}
	log, err := artifact.OpenRegular(func(flag int) (*os.File, error) {
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND|flag, 0o640)
	})
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	defer log.Close()
	fmt.Fprintf(log, "minimirror bootstrap %s: %s\n", plan.Title, time.Now().UTC().Format(time.RFC3339))
	o.Log = log
	o.Progress = func(name, state string, done, total int) {
		fmt.Fprintf(c.stderr, "%d of %d items %s: %s\n", done, total, state, name)
	}
	defer c.finish()()
	if err := plan.Install(ctx, o); err != nil {
		return fmt.Errorf("%w\nlog: %s", err, name)
	}
	return nil
}

// report prints what was changed.
func (f *bootstrapFlags) report(c *command, change func(artifact.Kind) ([]string, error)) error {
	nothing := true
	for _, kind := range kinds.All() {
		changed, err := change(kind)
		nothing = nothing && len(changed) == 0
		for _, line := range changed {
			fmt.Fprintln(c.stdout, line)
		}
		if err != nil {
			return err
		}
	}
	if nothing {
		fmt.Fprintln(c.stdout, "nothing to change")
	}
	return nil
}

// mirrorOf is what the configuration of clients needs of an image, by kind.
func mirrorOf(ctx context.Context, reader *image.Reader) (map[string]artifact.Mirror, error) {
	sources, err := reader.Sources(ctx)
	if err != nil {
		return nil, err
	}
	key, err := reader.ReadFile(ctx, layout.KeyPath)
	if err != nil {
		return nil, err
	}
	all := make(map[string]artifact.Mirror)
	for _, s := range sources {
		m := all[s.Kind]
		m.Sources, m.PublicKey = append(m.Sources, s), bytes.Clone(key)
		all[s.Kind] = m
	}
	return all, nil
}
