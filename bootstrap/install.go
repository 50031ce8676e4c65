package bootstrap

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// CacheDir is where an installation extracts files, below the node's root. It is
// removed when everything is installed.
const CacheDir = "var/cache/minimirror/bootstrap"

// InstallOptions change how the plan is installed.
type InstallOptions struct {
	Root     string // of the node
	Dir      string // where Extract has put the files, below Root
	Answers  []byte // see artifact.InstallJob
	NoStart  bool
	Wait     time.Duration
	Log      io.Writer
	Progress func(name, state string, done, total int)
}

// Install installs what Extract has written.
func (p *Plan) Install(ctx context.Context, o InstallOptions) error {
	inside, found := strings.CutPrefix(filepath.Clean(o.Dir), strings.TrimSuffix(filepath.Clean(o.Root), "/"))
	if !found || !strings.HasPrefix(inside, "/") {
		return fmt.Errorf("%s is not below %s", o.Dir, o.Root)
	}
	for _, part := range p.Parts {
		job := artifact.InstallJob{Root: o.Root, Items: part.Steps, Removed: part.Removed, Answers: o.Answers, NoStart: o.NoStart, Wait: o.Wait, Log: o.Log, Progress: o.Progress}
		for _, step := range part.Steps {
			var files []string
			for _, i := range step {
				for _, f := range i.Files {
					files = append(files, path.Join(inside, path.Base(f.Path)))
				}
			}
			job.Steps = append(job.Steps, files)
		}
		if err := part.installer.Install(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// RemoveCache removes what this installation, or an earlier interrupted one, has extracted on the node. It is not an
// error if there is nothing to remove.
func RemoveCache(root string) error { return os.RemoveAll(filepath.Join(root, CacheDir)) }

// Complete adds to the folder from Extract what installs it without this program:
// the kind's extra files, and SHA256SUMS, which is written last.
func (p *Plan) Complete(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	extra := make(map[string][]byte)
	var scripts []layout.Script
	for _, part := range p.Parts {
		for name, data := range part.installer.Extra(p.Title, part.InstallPlan) {
			if name == layout.ScriptName {
				scripts = append(scripts, layout.Script{Kind: part.Kind, Text: data})
			} else {
				extra[name] = data
			}
		}
	}
	maps.Copy(extra, layout.Scripts(scripts))
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		mode := os.FileMode(0o644)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		if err := replace(root, name, extra[name], mode); err != nil {
			return err
		}
	}
	var sums []string
	for _, f := range p.wanted() {
		sums = append(sums, fmt.Sprintf("%s  %s\n", f.SHA256, path.Base(f.Path)))
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return replace(root, "SHA256SUMS", []byte(strings.Join(slices.Compact(sums), "")), 0o644)
}

// replace writes a file atomically.
func replace(root *os.Root, name string, data []byte, mode os.FileMode) error {
	p, err := newPart(root, name, func(int64) {})
	if err != nil {
		return err
	}
	if _, err = p.Write(data); err == nil {
		err = p.Chmod(mode)
	}
	if err != nil {
		p.Abort()
		return err
	}
	return p.Commit()
}
