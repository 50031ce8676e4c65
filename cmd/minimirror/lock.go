package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/progress"
)

const lockHelp = `usage: minimirror lock DEFINITION [--update [PACKAGE…]] [--dry-run | --check]
       minimirror lock DEFINITION --want RECEIPT --want-key FILE

Reads upstream's indexes, verifies their signatures, resolves the requests of the
definition (a folder with a mirror.yaml, or a file) with all dependencies, and
writes mirror.lock beside it: every item with version, size and SHA-256. What
upstream signed goes into mirror.proofs, a compressed archive; the lock names its
files by digest. Keep both in version control, in the same commits; build needs
nothing else. If mirror.proofs is lost, lock creates it again.

lock keeps the pins of an existing lock if upstream still has them and the
definition still allows them. With --update, everything moves to the newest
version, or only the named packages (* and ? match anything) and what these need;
images are named REPOSITORY or REGISTRY/REPOSITORY, with or without :TAG.
lock prints the changes as old → new, with sizes; "security" marks what comes
from a suite of security updates, and a warning names those that the lock holds
back. If the Origin, Label, Suite, Codename or default priority of a Release
differs from the previous lock, lock says so, and which command makes clients
accept the change.

The last lines show the size of everything in the lock, what options of a source
add (source packages, packages of the installer and the like), and how much build
has to download from each source because it is not in the cache.

--dry-run prints the same but writes no lock; the downloaded indexes stay in the
cache. --check writes no lock either; it prints what --update would change, names the
security updates among the changes, and exits with 3 if there are changes. Use it in a
nightly job.

--want proposes lines for the definition, from the receipt of a site: what its clients
asked for and did not get, the most wanted first, as YAML to paste. It also says for what
no line can be proposed, and why. It uses no network, and writes nothing. --want-key is the
public key of minisign or OpenPGP that must have signed the receipt ("minimirror receipt").

Proxies come from http_proxy, https_proxy and no_proxy, logins from ~/.netrc
and apt's auth.conf. With "sources: host", apt's own proxies and certificates
are used, too. build does the same.

Examples:
  minimirror lock images/docker
  minimirror lock images/docker --update --dry-run
  minimirror lock images/docker --update openssl 'libssl*'
  minimirror lock images/docker --check
  minimirror lock images/docker --want north.receipt --want-key north.pub
`

func lock(ctx context.Context, c *command, args []string) error {
	update := c.flags.Bool("update", false, "move pins to the newest version: all, or those of the items named")
	dryRun := c.flags.Bool("dry-run", false, "write no lock, but print what would change and what would be downloaded")
	check := c.flags.Bool("check", false, "write no lock; exit 3 if --update would change something")
	output := c.flags.String("format", "text", "what to print: text or json (the lock with what mirror.proofs keeps; with --check the changes)")
	var want string
	once(c.flags, &want, "want", "receipt of a site: propose lines for what its clients asked for and did not get")
	wantKeys := c.flags.StringArray("want-key", nil, "file with the public key that must have signed the receipt; may be repeated")
	upstream := c.upstreamFlags()
	if err := c.parseMore(args, lockHelp, 1); err != nil {
		return err
	}
	opt := builder.LockOptions{Update: *update || *check, DryRun: *dryRun || *check, Only: c.flags.Args()[1:]}
	switch {
	case *check && *update:
		return c.wrongUsage("--check and --update cannot be used together: --check shows what --update would change")
	case *check && *dryRun:
		return c.wrongUsage("--check and --dry-run cannot be used together: with --check the exit code says whether anything would change")
	case *check && len(opt.Only) > 0:
		return c.wrongUsage("--check takes no names: it checks all items")
	case !*update && len(opt.Only) > 0:
		return c.wrongUsage("unexpected argument %q: items are named with --update", opt.Only[0])
	}
	if err := format(*output); err != nil {
		return err
	}
	if c.flags.Changed("want") || len(*wantKeys) > 0 {
		return c.wanted(ctx, want, *wantKeys, *output)
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	store, err := cache.Default()
	if err != nil {
		return err
	}
	client, err := upstream.client(ctx, c, d, store)
	if err != nil {
		return err
	}
	made, err := c.lock(ctx, d, client, opt)
	if err != nil {
		return err
	}
	switch {
	case *check:
		return c.checked(d, made, *output)
	case *output == "json":
		data, err := made.EncodeAlone()
		if err != nil {
			return err
		}
		_, err = c.stdout.Write(data)
		return err
	}
	c.printChanges(made.Changes)
	c.printReleaseChanges(made.ReleaseChanges)
	state := "unchanged"
	switch {
	case made.Changed && *dryRun:
		state = "not written"
	case made.Changed:
		state = "written"
	}
	fmt.Fprintf(c.stdout, "%s: %s: %s\n", d.LockFile(), state, summary(made.Lock))
	c.printExtras(made.Lock)
	c.printDownloads(builder.Downloads(made.Lock, store))
	if err := builder.CheckCache(made.Lock, store); err != nil {
		fmt.Fprintf(c.stderr, "minimirror lock: build will refuse this lock: %v\n", err)
	}
	return nil
}

// checked prints what an update would change, and fails if that is anything.
func (c *command) checked(d *builder.Definition, made *builder.Locked, output string) error {
	changes := made.Changes
	if made.Previous == nil {
		changes = builder.Changes(&lockfile.Lock{}, made.Lock)
	}
	held := heldBack(made)
	if output == "json" {
		if changes == nil {
			changes = []builder.Change{}
		}
		if err := json.NewEncoder(c.stdout).Encode(map[string]any{"changes": changes, "release_changes": slices.Concat([]artifact.ReleaseChange{}, made.ReleaseChanges), "held_back": held}); err != nil {
			return err
		}
	}
	var why string
	switch {
	case made.Previous == nil:
		return artifact.Hint(fmt.Errorf("%s: there is no lock yet: %w", d.LockFile(), artifact.ErrStale), "run: minimirror lock %s", d.File)
	case made.Previous.Definition != d.Digest:
		why = d.File + " has changed since"
	case len(changes) > 0:
		why = "upstream or your own files have changed"
		if len(held) > 0 {
			why += fmt.Sprintf("; %s for security: %s", counted(len(held), "update"), someOf(held))
		}
	case len(made.ReleaseChanges) > 0:
		why = "upstream has renamed its releases"
	}
	if output == "text" {
		c.printChanges(changes)
		c.printReleaseChanges(made.ReleaseChanges)
	}
	if made.Lacking != nil {
		return made.Lacking
	}
	if why == "" {
		if output == "text" {
			fmt.Fprintf(c.stdout, "%s: up to date: %s\n", d.LockFile(), summary(made.Previous))
		}
		return nil
	}
	return artifact.Hint(fmt.Errorf("%s: %w: %s", d.LockFile(), artifact.ErrStale, why), "run: minimirror lock %s --update", d.File)
}

// lock resolves a definition; build uses it too where there is no lock.
func (c *command) lock(ctx context.Context, d *builder.Definition, client *fetch.Client, opt builder.LockOptions) (*builder.Locked, error) {
	phase := progress.To(os.Stderr).Phase("read indexes", 0)
	client.Received = phase.Add
	l := &builder.Locker{Kinds: kinds.All(), Upstream: client, Now: time.Now(), Log: c.log()}
	made, err := l.Lock(ctx, d, opt)
	phase.End(err)
	if err == nil {
		c.warnOfSize(made.Lock)
		c.warnOfReleaseChanges(made.ReleaseChanges)
	}
	return made, err
}

// wanted prints what a receipt proposes for a definition.
func (c *command) wanted(ctx context.Context, file string, keys []string, output string) error {
	if file == "" {
		return c.wrongUsage("--want: the value is missing")
	}
	for _, other := range []string{"update", "dry-run", "check"} {
		if c.flags.Changed(other) {
			return c.wrongUsage("--want and --%s cannot be used together", other)
		}
	}
	if err := c.atMost(1); err != nil {
		return err
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	s, err := c.believedReceipt(ctx, file, "--want-key", keys)
	if err != nil {
		return err
	}
	var items []artifact.Item
	lock, _, err := lockfile.Read(d.LockFile())
	switch {
	case err == nil:
		items = lock.Items
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	proposals, err := s.Want(kinds.All(), d.Spec, items)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if output == "json" {
		return c.printJSON(proposals)
	}
	return proposals.Text(c.stdout)
}
