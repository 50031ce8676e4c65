package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// Needs implements artifact.Needer: a file needs nothing.
func (Kind) Needs(*artifact.Item) []string { return nil }

// NameOf implements artifact.Installer.
func (Kind) NameOf(request string) (string, error) {
	if !artifact.ValidPath(request) {
		return "", fmt.Errorf("%q is not the name of a file", request)
	}
	return request, nil
}

// NodeArchitecture implements artifact.Installer: files are for any node, but for what a definition says of them.
func (Kind) NodeArchitecture(string) (string, error) { return artifact.AnyArchitecture, nil }

// PlanInstall implements artifact.Installer. Files whose architecture is another than the node's are left out. A file that is in
// its place with the same bytes and mode is present.
func (Kind) PlanInstall(ctx context.Context, req artifact.InstallRequest) (*artifact.InstallPlan, error) {
	chosen, err := choose(&req)
	if err != nil {
		return nil, err
	}
	plan := &artifact.InstallPlan{Architecture: cmp.Or(req.Architecture, artifact.AnyArchitecture)}
	places, names := make(map[string]*artifact.Item), make(map[string]*artifact.Item)
	var step []*artifact.Item
	var root *os.Root
	if req.Root != "" {
		if root, err = os.OpenRoot(req.Root); err != nil {
			return nil, err
		}
		defer root.Close()
	}
	for _, item := range chosen {
		p := placeOf(item)
		if other := places[p.file]; other != nil {
			return nil, artifact.Hint(fmt.Errorf("%s and %s would both be installed as %s", other.ID(), item.ID(), p.file), "give their sources different folders: install: { to: /opt/NAME }")
		}
		if other := names[path.Base(p.file)]; other != nil {
			return nil, artifact.Hint(fmt.Errorf("%s and %s have the same file name", other.ID(), item.ID()), "name one of them, or say for which architecture each is, with architecture: in the definition")
		}
		places[p.file], names[path.Base(p.file)] = item, item
		if root != nil {
			there, err := p.present(root, item)
			if err != nil {
				return nil, err
			}
			if there {
				plan.Present = append(plan.Present, p.file)
				continue
			}
		}
		step = append(step, item)
	}
	if len(step) > 0 {
		plan.Steps = [][]*artifact.Item{step}
	}
	return plan, nil
}

// choose returns the items that a request means, in the order of their IDs.
func choose(req *artifact.InstallRequest) (chosen []*artifact.Item, err error) {
	suits := func(i *artifact.Item) bool {
		return i.Architecture() == "" || req.Architecture == "" || req.Architecture == artifact.AnyArchitecture || i.Architecture() == req.Architecture
	}
	for at := range req.Pins.Items {
		if item := &req.Pins.Items[at]; slices.Contains(req.Set, item.ID()) && suits(item) {
			chosen = append(chosen, item)
		}
	}
	for _, name := range req.Names {
		var meant, others []*artifact.Item
		for at := range req.Pins.Items {
			item := &req.Pins.Items[at]
			switch {
			case !slices.Contains(namesOf(item), name):
			case suits(item):
				meant = append(meant, item)
			default:
				others = append(others, item)
			}
		}
		switch {
		case len(meant) > 1:
			var ids []string
			for _, item := range meant {
				ids = append(ids, item.ID())
			}
			slices.Sort(ids)
			return nil, artifact.Hint(fmt.Errorf("%s: %d files have this name", name, len(meant)), "name one of them: %s", strings.Join(ids, ", "))
		case len(meant) == 0 && len(others) > 0:
			return nil, fmt.Errorf("%s: it is for %s, and this node is %s", name, others[0].Architecture(), req.Architecture)
		case len(meant) == 0:
			return nil, fmt.Errorf("%s: no file has this name", name)
		case !slices.Contains(chosen, meant[0]):
			chosen = append(chosen, meant[0])
		}
	}
	slices.SortFunc(chosen, func(a, b *artifact.Item) int { return strings.Compare(a.ID(), b.ID()) })
	return chosen, nil
}

// A place is where an item's file goes on a node.
type place struct {
	file string // absolute
	mode fs.FileMode
}

func placeOf(i *artifact.Item) place {
	p := place{mode: defaultMode}
	to := cmp.Or(metadata(i.Metadata, keyTo), "/opt/"+i.Source)
	if mode, err := strconv.ParseUint(metadata(i.Metadata, keyMode), 8, 32); err == nil {
		p.mode = fs.FileMode(mode) & fs.ModePerm
	}
	p.file = path.Join("/", to, path.Base(filePath(i)))
	return p
}

// name is that below the node's root.
func (p place) name() string { return strings.TrimPrefix(p.file, "/") }

// present reports whether the file is in its place.
func (p place) present(root *os.Root, item *artifact.Item) (bool, error) {
	info, err := root.Lstat(p.name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, placeError(root, p, err)
	}
	if info.IsDir() {
		return false, artifact.Hint(fmt.Errorf("%s: a folder is in the place of the file", p.file), "move it away, or name another folder with install: { to: … }")
	}
	if !info.Mode().IsRegular() || info.Mode().Perm() != p.mode || info.Size() != item.Files[0].Size {
		return false, nil
	}
	got, err := digest(root, p.name())
	return err == nil && got.SHA256 == item.Files[0].SHA256, err
}

func placeError(root *os.Root, p place, err error) error {
	return artifact.Hint(fmt.Errorf("%s: %w", root.Name(), err), "a file is never put through a link that leads out of the root or is absolute; name another folder than %s with install: { to: … }", path.Dir(p.file))
}

// Install implements artifact.Installer: each file is copied beside its place, verified, and then gets its name, in one step. A
// link at that name is replaced, not followed.
func (Kind) Install(ctx context.Context, job artifact.InstallJob) error {
	root, err := os.OpenRoot(job.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	total, done := 0, 0
	for _, step := range job.Items {
		total += len(step)
	}
	for i, step := range job.Items {
		at := 0
		for _, item := range step {
			p := placeOf(item)
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if err := p.put(ctx, root, strings.TrimPrefix(job.Steps[i][at], "/"), item); err != nil {
				return err
			}
			at += len(item.Files)
			done++
			if job.Log != nil {
				fmt.Fprintf(job.Log, "installed %s as %s\n", item, p.file)
			}
			if job.Progress != nil {
				job.Progress(p.file, "installed", done, total)
			}
		}
	}
	return nil
}

// put copies the file from into its place.
func (p place) put(ctx context.Context, root *os.Root, from string, item *artifact.Item) (err error) {
	in, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return root.OpenFile(from, os.O_RDONLY|flag, 0) })
	if err != nil {
		return err
	}
	defer in.Close()
	folder := path.Dir(p.name())
	if err := root.MkdirAll(folder, 0o755); err != nil {
		return placeError(root, p, err)
	}
	out, err := atomicfile.Create(root, p.name(), 0o600)
	if err != nil {
		return placeError(root, p, err)
	}
	want := item.Files[0].Content()
	h := want.Hasher()
	if _, err = io.Copy(io.MultiWriter(out, h), &contextReader{ctx, in}); err != nil {
		err = fmt.Errorf("%s: %w", p.file, err)
	} else if err = want.Verify(h.Sum()); err != nil {
		err = fmt.Errorf("%s: %w", item, err)
	} else if err = errors.Join(out.Chmod(p.mode), out.Sync()); err != nil {
		err = fmt.Errorf("%s: %w", p.file, err)
	}
	if err != nil {
		out.Abort()
		return err
	}
	if err = out.Commit(); err != nil {
		return placeError(root, p, err)
	}
	return nil
}

// A contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
