package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
)

const initHelp = `usage: minimirror init DIR [--name NAME] [--package NAME]… [--status FILE…]

Writes a first definition, DIR/mirror.yaml, with comments that explain it. Its
sources are this machine's apt sources (sources.list and sources.list.d, in
either format), with copies of their keyrings in DIR/keys. The definition
carries the packages that --package names, or an example. It is ready for
"minimirror lock DIR".

--status takes copies of nodes' /var/lib/dpkg/status: the definition then carries
all packages that these nodes have, in the newest version, and the sources get
the nodes' architectures. The files are copied into DIR/nodes.

DIR/mirror.schema.json is for editors, which complete and check mirror.yaml with
it: see "minimirror schema --help".

init omits a source that cannot be mirrored, such as a CD or one that is trusted
without a signature, and prints why. It refuses a folder that already has a
definition, and leaves nothing behind after an error.

Examples:
  minimirror init site
  minimirror init site --package docker.io --package 'nginx (>= 1.22)'
  minimirror init fleet --status nodes/*.status
`

func initVerb(ctx context.Context, c *command, args []string) error {
	name := c.flags.String("name", "", "name of the definition and of its image (default: the folder's)")
	requests := c.flags.StringArray("package", nil, "what to carry: a package with all it needs; may be repeated")
	status := c.flags.StringArray("status", nil, "copy of the file that lists what a node has installed; may be repeated, and more files may follow")
	if err := c.parseMore(args, initHelp, 1); err != nil {
		return err
	}
	dir, more := c.flags.Arg(0), c.flags.Args()[1:]
	if len(more) > 0 && len(*status) == 0 {
		return artifact.Hint(c.wrongUsage("unexpected argument %q: %s", more[0], c.usage), "to carry a package, type: minimirror init %s --package %s", dir, more[0])
	}
	wanted := artifact.DraftRequest{Requests: *requests, Log: c.log()}
	for _, file := range append(*status, more...) {
		data, err := artifact.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return artifact.Hint(fmt.Errorf("--status: %w", err), "name copies of the nodes' lists; the folder of the definition comes first")
		}
		if err != nil {
			return fmt.Errorf("--status: %w", err)
		}
		wanted.Nodes = append(wanted.Nodes, artifact.DraftFile{Path: file, Data: data})
	}
	draft, err := builder.NewDraft(ctx, dir, *name, kinds.All(), wanted)
	if err != nil {
		return err
	}
	for _, note := range draft.Notes {
		fmt.Fprintf(c.stderr, "warning: %s\n", note)
	}
	if err := draft.Write(ctx); err != nil {
		return err
	}
	for _, file := range draft.Files {
		fmt.Fprintln(c.stdout, filepath.Join(dir, filepath.FromSlash(file.Path)))
	}
	fmt.Fprintf(c.stderr, "next: minimirror lock %s\n", dir)
	return nil
}
