package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/diff"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/placement"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/rules"
)

const diffHelp = `usage: minimirror diff A B

Shows what changes for a site that replaces A with B. Each is an image or a lock.
diff reads only the catalog of an image, even from a registry. A lock is the folder
of a definition, its mirror.yaml, or a mirror.lock.

It prints the items that were added, removed, upgraded and downgraded, where the
new ones come from, and which are security updates; the dates of the sources; the
sets that change; and how many bytes the site needs: the layers of B that A does
not have. For a lock, the layers are read from mirror.layers beside it; without that
file, diff counts the bytes of files. Notes say what a lock cannot show.

"replaced" means that an item has the same version but different content. "moved"
means that it has the same content in another source or channel, for example after
an update has become part of a release.

--rules lists the new items and new versions in B that a rules file denies, although
it does not deny the items that they replace. docs/rules.md describes the file;
"minimirror rules check" shows what it breaks.

--changelog prints upstream's changelog of each upgrade, once for each source
package, with the vulnerabilities (CVEs) that it mentions. It reads one package of
each source package from image B, starting with the smallest.

--format markdown is for a change request. --format svg draws the changed items, what the
new ones were made from, and the layers, as a picture in one file. The exit code is 0 whether or not there
are differences.

` + referenceHelp + `
Examples:
  minimirror diff docker-2024-01.tar docker-2024-02.tar
  minimirror diff docker.tar images/docker
  minimirror diff old.lock new.lock --format json
  minimirror diff docker://registry.example.org/site/docker:1 oci:out/docker --changelog
  minimirror diff docker.tar oci:out/docker --rules rules.yaml --format markdown
  minimirror diff docker.tar oci:out/docker --format svg > changes.svg
`

// diffFlags are what diff is asked for.
type diffFlags struct {
	rules, output string
	changelog     bool
	registry      *registry.Options
}

func diffVerb(ctx context.Context, c *command, args []string) error {
	var f diffFlags
	once(c.flags, &f.rules, "rules", "file of rules: list the items of B that it newly denies")
	c.flags.BoolVar(&f.changelog, "changelog", false, "print upstream's changelogs of upgraded items, from the files of image B")
	c.flags.StringVar(&f.output, "format", "text", "what to print: text, json, markdown or svg")
	c.platformFlag()
	f.registry = registryFlags(c)
	if err := c.parseMore(args, diffHelp, 0); err != nil {
		return err
	}
	if c.flags.NArg() < 2 {
		return c.wrongUsage("name two images or locks: %s", c.usage)
	}
	if err := c.atMost(2); err != nil {
		return err
	}
	if !slices.Contains([]string{"text", "json", "markdown", "svg"}, f.output) {
		return artifact.Usagef("--format %s: want text, json, markdown or svg", f.output)
	}
	if f.output == "svg" && (f.changelog || c.flags.Changed("rules")) {
		return artifact.Usagef("--format svg cannot be used with --changelog or --rules: a picture does not show them")
	}
	if c.flags.Arg(0) == "-" && c.flags.Arg(1) == "-" {
		return c.wrongUsage("only one of the two can be read from standard input")
	}
	var parsed *rules.Rules
	if c.flags.Changed("rules") {
		var err error
		if parsed, err = readRules(ctx, f.rules); err != nil {
			return fmt.Errorf("--rules: %w", err)
		}
	}
	a, readerA, err := f.open(ctx, c, c.flags.Arg(0))
	if err != nil {
		return err
	}
	defer closeReader(readerA)
	b, readerB, err := f.open(ctx, c, c.flags.Arg(1))
	if err != nil {
		return err
	}
	defer closeReader(readerB)
	if f.changelog && readerB == nil {
		return artifact.Hint(artifact.Usagef("--changelog: %s is a lock, and changelogs are in the files of an image", c.flags.Arg(1)), "name an image; minimirror build makes it")
	}
	all := kinds.All()
	d := diff.Compare(a, b, all)
	if parsed != nil {
		d.Judge(f.rules, parsed, a, b, all, c.now())
	}
	if f.changelog {
		n, size := d.Histories(all)
		phase := progress.To(os.Stderr).Phase("read "+counted(n, "changelog"), size)
		err := d.ReadHistory(ctx, b, readerB, all, phase.Add)
		phase.Stop()
		if err != nil {
			return fmt.Errorf("%s: %w", b.Reference, err)
		}
	}
	switch f.output {
	case "json":
		return c.printJSON(d)
	case "markdown":
		return d.Markdown(c.stdout)
	case "svg":
		return d.SVG(c.stdout, all)
	}
	return d.Text(c.stdout)
}

// open opens an image or a lock. The reader is nil for a lock.
func (f *diffFlags) open(ctx context.Context, c *command, name string) (*diff.Side, *image.Reader, error) {
	if file := builder.FindLock(name); file != "" {
		if image.IsReference(name) {
			return nil, nil, artifact.Hint(artifact.Usagef("%s contains both an image and a definition", name), "write oci:%s, or %s", name, file)
		}
		side, err := lockSide(c, name, file)
		return side, nil, err
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() && !image.IsReference(name) {
		return nil, nil, artifact.Hint(fmt.Errorf("%s: neither an image nor the folder of a definition", name), "name an image, or a folder with a %s", builder.DefinitionFile)
	}
	reader, ref, err := c.openReader(ctx, name, *f.registry)
	if err != nil {
		return nil, nil, err
	}
	side, err := diff.FromImage(ctx, name, reader)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", ref, err), reader.Close())
	}
	return side, reader, nil
}

func closeReader(r *image.Reader) {
	if r != nil {
		r.Close()
	}
}

// lockSide reads a lock, and the layers that are recorded beside it.
func lockSide(c *command, name, file string) (*diff.Side, error) {
	lock, digest, changed, err := builder.ReadLock(file)
	if err != nil {
		return nil, err
	}
	if changed != "" {
		c.log().Warn("the definition has changed since it was locked; run minimirror lock", "definition", changed, "lock", file)
	}
	layers, err := placement.Read(placement.LayersFile(file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return diff.FromLock(name, lock, digest, layers), nil
}

// readRules reads a file of rules.
func readRules(ctx context.Context, file string) (*rules.Rules, error) {
	data, err := artifact.ReadInput(ctx, file)
	if err != nil {
		return nil, err
	}
	var words []rules.Kind
	for _, kind := range kinds.All() {
		words = append(words, kind)
	}
	return rules.Parse(file, data, words)
}
