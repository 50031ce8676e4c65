package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/progress"
)

const lockHelp = `usage: minimirror lock DEFINITION [--update]

Asks upstream what it has, verifies its signatures, resolves what the
definition (a folder with a mirror.yaml, or a file) asks for with all that it
needs, and writes mirror.lock beside it: every artifact with version, size and
SHA-256. Keep the lock in version control; build needs nothing else.

Pins of an existing lock are kept where upstream still has them and the
definition still allows them. With --update everything moves to the newest.

Example:
  minimirror lock images/docker
`

func lock(ctx context.Context, c *command, args []string) error {
	update := c.flags.Bool("update", false, "move every pin to the newest version")
	output := c.flags.String("format", "text", "what to print: text or json (the lock)")
	if err := c.parse(args, lockHelp, 1); err != nil {
		return err
	}
	if err := format(*output); err != nil {
		return err
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	store, err := cache.Default()
	if err != nil {
		return err
	}
	made, changed, err := c.lock(ctx, d, store, *update)
	if err != nil {
		return err
	}
	if *output == "json" {
		data, err := made.Encode()
		if err != nil {
			return err
		}
		_, err = c.stdout.Write(data)
		return err
	}
	state := "unchanged"
	if changed {
		state = "written"
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %s: %s\n", d.LockFile(), state, summary(made))
	return err
}

// lock resolves a definition; build uses it too where there is no lock.
func (c *command) lock(ctx context.Context, d *builder.Definition, store *cache.Cache, update bool) (*lockfile.Lock, bool, error) {
	client := fetch.New(store, c.log(), userAgent())
	phase := progress.To(os.Stderr).Phase("read indexes", 0)
	client.Received = phase.Add
	l := &builder.Locker{Kinds: kinds.All(), Upstream: client, Now: time.Now(), Log: c.log()}
	made, changed, err := l.Lock(ctx, d, update)
	phase.End(err)
	return made, changed, err
}

func summary(l *lockfile.Lock) string {
	var size int64
	for i := range l.Artifacts {
		size += l.Artifacts[i].Size
	}
	return fmt.Sprintf("%d artifacts, %s", len(l.Artifacts), progress.Bytes(size))
}
