package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/inspect"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/progress"
)

const inspectHelp = `usage: minimirror inspect [--image] REFERENCE|LOCK [NAME…]
       minimirror inspect [--image] REFERENCE [NAME…] --extract DIR
       minimirror inspect [--image] REFERENCE --cat PATH
       minimirror inspect RECEIPT [--verify-key FILE] [--details]

Shows what an image or a lock contains. inspect does not load or serve the image, and
reads only its catalog, even from a registry. LOCK is the folder of a definition, its
mirror.yaml, or a mirror.lock.

Without NAME, it prints the sources with their suites and dates, the sets, and the
number and size of the items in each. With NAME or one of --kind, --source, --set and
--requested, it prints the items that match all of these, one per line; the items of a
set are in an order in which they can be installed. In NAME, * and ? match anything; '*'
matches all items. If NAME contains a slash, it is the path of a file on the mirror.

For each NAME without * and ?, or with --details, inspect prints everything that is known
about an item: description and control data, why it is carried, what may need it, its
sets, and for each file the digest, the addresses, and the place in the image.

--extract writes the files of these items, without their dependencies, into a folder;
"minimirror bootstrap --to" includes the dependencies. --cat writes one file of the
mirror to standard output: a file of an item, or one that the mirror generates, such as
minimirror.asc or debian/dists/bookworm/InRelease. Both verify what they write.

RECEIPT is what "minimirror receipt" wrote, or the text that a scanner read from its
codes. With --verify-key, the signature is verified; --details prints all rows.

` + referenceHelp + `
Examples:
  minimirror inspect docker.tar
  minimirror inspect docker.tar containerd
  minimirror inspect docker://registry.example.org/site/docker:1 'libssl*'
  minimirror inspect images/docker --requested
  minimirror inspect docker.tar --set docker:amd64 --format json
  minimirror inspect docker.tar jq --extract .
  minimirror inspect docker.tar --cat minimirror.asc
  minimirror inspect north.receipt --verify-key north.pub
`

// inspectFlags are what inspect is asked for.
type inspectFlags struct {
	want         inspect.Selection
	extract, cat string
	output       string
	keys         []string // of a receipt
	registry     *registry.Options
}

func inspectVerb(ctx context.Context, c *command, args []string) error {
	var f inspectFlags
	c.imageFlag("image or lock to inspect")
	once(c.flags, &f.want.Kind, "kind", "only items of this kind")
	once(c.flags, &f.want.Source, "source", "only items of this source")
	once(c.flags, &f.want.Set, "set", "only items of this set: NAME, NAME:ARCHITECTURE or NAME:SYSTEM/ARCHITECTURE")
	c.flags.BoolVar(&f.want.Requested, "requested", false, "only items that the definition requests; with --set, that the set requests")
	c.flags.BoolVar(&f.want.Details, "details", false, "everything that is known about the items")
	once(c.flags, &f.extract, "extract", "folder for the files of the items")
	once(c.flags, &f.cat, "cat", "write this file of the mirror to standard output")
	c.flags.StringVar(&f.output, "format", "text", "what to print: text or json")
	c.flags.StringArrayVar(&f.keys, "verify-key", nil, "for a receipt: file with the public key of minisign or OpenPGP that must have signed it; may be repeated")
	f.registry = registryFlags(c)
	if err := c.parseMore(args, inspectHelp, 0); err != nil {
		return err
	}
	f.want.Names = c.flags.Args()
	if c.imageRef == "" && len(f.want.Names) > 0 {
		c.imageRef, f.want.Names = f.want.Names[0], f.want.Names[1:]
	}
	if isReceipt(c.imageRef) {
		if err := format(f.output); err != nil {
			return err
		}
		return f.receipt(ctx, c)
	}
	if err := f.check(c); err != nil {
		return err
	}
	if file := builder.FindLock(c.imageRef); file != "" {
		if image.IsReference(c.imageRef) {
			return artifact.Hint(artifact.Usagef("%s contains both an image and a definition", c.imageRef), "write oci:%s, or %s", c.imageRef, file)
		}
		return f.lock(ctx, c, file)
	}
	if info, err := os.Stat(c.imageRef); err == nil && info.IsDir() && !image.IsReference(c.imageRef) {
		return artifact.Hint(fmt.Errorf("%s: neither an image nor the folder of a definition", c.imageRef), "name an image, or a folder with a %s", builder.DefinitionFile)
	}
	reader, ref, err := c.openReader(ctx, c.imageRef, *f.registry)
	if err != nil {
		return err
	}
	defer reader.Close()
	if f.cat != "" {
		return inspect.Cat(ctx, reader, f.cat, kinds.All(), c.bytes())
	}
	subject, err := inspect.FromImage(ctx, c.imageRef, reader, kinds.All())
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	found, err := f.print(ctx, c, subject)
	if err != nil || f.extract == "" {
		return err
	}
	return f.extractFiles(ctx, c, reader, found)
}

// check refuses what contradicts itself.
func (f *inspectFlags) check(c *command) error {
	if c.imageRef == "" {
		return c.missing("the image or the lock")
	}
	if err := format(f.output); err != nil {
		return err
	}
	if _, err := os.Stat(c.imageRef); err == nil && len(f.keys) > 0 {
		return artifact.Hint(c.wrongUsage("--verify-key: %s is not a receipt", c.imageRef), "minimirror verify checks the signature of an image")
	}
	if c.flags.Changed("cat") {
		if f.cat == "" {
			return c.wrongUsage("--cat: the path is missing")
		}
		if len(f.want.Names) > 0 {
			return c.wrongUsage("--cat %s takes no names: %q", f.cat, f.want.Names[0])
		}
		for _, other := range []string{"kind", "source", "set", "requested", "details", "extract", "format"} {
			if c.flags.Changed(other) {
				return c.wrongUsage("--cat and --%s cannot be used together", other)
			}
		}
	}
	for _, name := range []string{"kind", "source", "set", "extract"} {
		if c.flags.Changed(name) && c.flags.Lookup(name).Value.String() == "" {
			return c.wrongUsage("--%s: the value is missing", name)
		}
	}
	if f.want.IsZero() && f.extract != "" {
		return artifact.Hint(artifact.Usagef("--extract %s: no items are named", f.extract), "name them; '*' means all")
	}
	exact, err := f.want.Check()
	f.want.Details = f.want.Details || exact && f.extract == ""
	return err
}

// lock inspects a lock.
func (f *inspectFlags) lock(ctx context.Context, c *command, file string) error {
	for flag, value := range map[string]string{"cat": f.cat, "extract": f.extract} {
		if value != "" {
			return artifact.Hint(artifact.Usagef("--%s: a lock has no files, only their digests and addresses", flag), "name an image; minimirror build makes it")
		}
	}
	lock, digest, changed, err := builder.ReadLock(file)
	if err != nil {
		return err
	}
	if changed != "" {
		c.log().Warn("the definition has changed since it was locked; run minimirror lock", "definition", changed, "lock", file)
	}
	_, err = f.print(ctx, c, inspect.FromLock(file, lock, digest, kinds.All()))
	return err
}

// print prints the summary, or the items.
func (f *inspectFlags) print(ctx context.Context, c *command, subject *inspect.Subject) (*inspect.Found, error) {
	if f.want.IsZero() {
		summary := subject.Summarize()
		if f.output == "json" {
			return nil, c.printJSON(summary)
		}
		return nil, summary.Text(c.stdout)
	}
	found, err := subject.Select(ctx, f.want)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.imageRef, err)
	case f.output == "json":
		return found, c.printJSON(found)
	case f.extract != "":
		return found, nil // the files say it
	}
	return found, found.Text(c.stdout)
}

func (c *command) printJSON(v any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// extractFiles writes the files of items into a folder.
func (f *inspectFlags) extractFiles(ctx context.Context, c *command, reader *image.Reader, found *inspect.Found) error {
	phase := progress.To(os.Stderr).Phase("extract "+counted(len(found.Files), "file"), found.Size)
	err := bootstrap.Extract(ctx, reader, found.Files, f.extract, phase.Add)
	phase.Stop()
	if err != nil {
		return err
	}
	if f.output == "json" {
		return nil // what was printed names them
	}
	for _, file := range found.Files {
		if _, err := fmt.Fprintln(c.stdout, filepath.Join(f.extract, path.Base(file.Path))); err != nil {
			return err
		}
	}
	return nil
}
