package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/vulns"
)

const vulnsHelp = `usage: minimirror vulns [--image] REFERENCE|LOCK [--status FILE…] [--fail-on URGENCY,…]

Shows which packages of an image have known vulnerabilities, how urgent each is,
which version fixes it, and whether the image has that version. It compares the
packages with the advisories in the image ("advisories" in its definition), and
needs no network. It prints the date of the advisories first.

With --status, it checks what nodes have installed instead: FILE is a copy of a
node's /var/lib/dpkg/status; several may follow. If the image is for several
systems, --system names the system of the nodes.

--advisories FILE reads newer advisories, which take precedence over those in the image:
the data of Debian's security tracker (https://security-tracker.debian.org/tracker/data/json),
or an OSV export (all.zip). The file may be compressed with gzip or zstd.

The report lists affected packages, the most urgent vulnerabilities first. Those that
Debian calls unimportant, and packages that are fixed or not affected, are only counted;
--all lists them. Debian has assigned no urgency to most vulnerabilities: these are
"unknown". The end of the report lists the packages that no advisories cover, such as your
own and those of vendors.

--fail-on is for pipelines. The exit code is 5 if an affected package has a vulnerability
of the given urgency: critical, high, medium or low (this, or more urgent), unknown,
end-of-life, or any. fixable restricts this to vulnerabilities that a later version fixes;
alone, it matches all of these. undetermined matches vulnerabilities for which it is
not yet known whether they affect the package; without it, a warning counts them.

REFERENCE is as in "minimirror verify --help". LOCK is a mirror.lock, its folder, or
its mirror.yaml.

Examples:
  minimirror vulns docker.tar
  minimirror vulns docker.tar --status nodes/*.status --fail-on high,unknown,fixable
  minimirror vulns images/docker --format sarif
  minimirror vulns docker://registry.example.org/site/docker:1 --advisories tracker.json --format openvex
`

func vulnsVerb(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image or lock to check")
	status := c.flags.StringArray("status", nil, "copy of a node's list of what is installed, to check instead of the image; several may follow")
	system := c.flags.String("system", "", "with --status, for an image for several systems: the system of the nodes")
	files := c.flags.StringArray("advisories", nil, "file of advisories that take precedence over those in the image; may be repeated")
	all := c.flags.Bool("all", false, "also list what is unimportant, fixed or not affected")
	failOn := c.flags.StringSlice("fail-on", nil, "exit with 5 if something matches: "+strings.Join(vulns.ThresholdWords, ", "))
	output := c.flags.String("format", "text", "what to print: text, json, openvex or sarif")
	options := registryFlags(c)
	if err := c.parseMore(args, vulnsHelp, 0); err != nil {
		return err
	}
	more := c.flags.Args()
	if c.imageRef == "" && len(more) > 0 {
		c.imageRef, more = more[0], more[1:]
	}
	switch {
	case c.imageRef == "":
		return c.missing("the image or the lock")
	case len(more) > 0 && len(*status) == 0:
		return c.wrongUsage("unexpected argument %q", more[0])
	case *system != "" && len(*status) == 0:
		return c.wrongUsage("--system requires --status")
	}
	switch *output {
	case "text", "json", "openvex", "sarif":
	default:
		return c.wrongUsage("--format %s: want text, json, openvex or sarif", *output)
	}
	if c.flags.Changed("fail-on") && len(*failOn) == 0 {
		return c.wrongUsage("--fail-on: the value is missing")
	}
	threshold, err := vulns.ParseThreshold(*failOn)
	if err != nil {
		return fmt.Errorf("--fail-on: %w", err)
	}
	req, done, err := c.vulnsRequest(ctx, *options)
	if err != nil {
		return err
	}
	defer done()
	if req.Nodes, err = readNodes(ctx, append(*status, more...), *system, req.Catalog.Sources); err != nil {
		return err
	}
	for _, name := range *files {
		f, err := artifact.OpenFile(name)
		if err != nil {
			return fmt.Errorf("--advisories: %w", err)
		}
		defer f.Close()
		known := vulns.Knowledge{Source: name, URL: name}
		if info, err := f.Stat(); err == nil {
			known.Date = info.ModTime().UTC()
		}
		req.Files = append(req.Files, vulns.File{Name: name, AdvisoryFile: f, Knowledge: known})
	}
	report, err := vulns.Find(ctx, *req)
	if errors.Is(err, vulns.ErrNoKnowledge) {
		return artifact.Hint(fmt.Errorf("%s: %w", c.imageRef, err), `add advisories to its definition (docs/vulnerabilities.md), or name a file with --advisories`)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.imageRef, err)
	}
	if err := c.printVulns(report, *output, *all); err != nil {
		return err
	}
	if found := threshold.Exceeded(report); len(found) > 0 {
		return fmt.Errorf("%s: %w: %s for --fail-on %s, the first %s in %s", c.imageRef, vulns.ErrFound, counted(len(found), "finding"), strings.Join(*failOn, ","), found[0].ID, found[0].Name)
	}
	if len(*failOn) == 0 {
		return nil
	}
	if err := undecided(c.imageRef, report); err != nil {
		return err
	}
	if n := report.CountUndetermined(); n > 0 && !threshold.Undetermined() {
		fmt.Fprintf(c.stderr, "warning: %s undetermined: it is not yet known whether they affect what was checked, and --fail-on %s does not count them\nhint: to fail for these, too: --fail-on %[2]s,undetermined\n",
			are(n, "vulnerability", "vulnerabilities"), strings.Join(*failOn, ","))
	}
	return nil
}

func are(n int, one, more string) string {
	if n == 1 {
		return "1 " + one + " is"
	}
	return fmt.Sprintf("%d %s are", n, more)
}

// undecided returns an error if --fail-on has found nothing only because the advisories do not cover what was checked.
func undecided(reference string, report *vulns.Report) error {
	var err error
	switch {
	case len(report.Silent) > 0:
		err = fmt.Errorf("%s: --fail-on cannot be decided: no advisory speaks of %s", reference, strings.Join(report.Silent, ", "))
	case report.Compared == 0 && len(report.Unknown) > 0:
		err = fmt.Errorf("%s: --fail-on cannot be decided: no advisory covers any of its items", reference)
	default:
		return nil
	}
	return artifact.Hint(err, "name advisories about it with --advisories FILE, or add them to the definition (docs/vulnerabilities.md)")
}

func (c *command) printVulns(report *vulns.Report, output string, all bool) error {
	switch output {
	case "json":
		return c.printJSON(report)
	case "openvex":
		return report.OpenVEX(c.stdout)
	case "sarif":
		return report.SARIF(c.stdout, programVersion())
	}
	return report.Text(c.stdout, c.now(), all)
}

// vulnsRequest opens the image or the lock. done closes it.
func (c *command) vulnsRequest(ctx context.Context, options registry.Options) (req *vulns.Request, done func() error, err error) {
	req = &vulns.Request{Reference: c.imageRef, Kinds: kinds.All()}
	if file := builder.FindLock(c.imageRef); file != "" && !image.IsReference(c.imageRef) {
		lock, _, err := lockfile.ReadComplete(file)
		if err != nil {
			return nil, nil, err
		}
		req.Catalog = &catalog.Catalog{Name: lock.Name, Date: lock.Date, Sources: lock.Sources, Sets: lock.Sets, Items: lock.Items}
		req.Open = func(name string) (io.ReadCloser, error) { return openLocked(lock, name) }
		return req, func() error { return nil }, nil
	}
	reader, ref, err := c.openReader(ctx, c.imageRef, options)
	if err != nil {
		return nil, nil, err
	}
	req.Digest = reader.Digest
	if req.Catalog, err = reader.Load(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", ref, err), reader.Close())
	}
	req.Open = func(name string) (io.ReadCloser, error) {
		data, err := reader.ReadFile(ctx, name)
		return io.NopCloser(bytes.NewReader(data)), err
	}
	return req, reader.Close, nil
}

// openLocked opens a proof that mirror.proofs has.
func openLocked(lock *lockfile.Lock, name string) (io.ReadCloser, error) {
	for i := range lock.Sources {
		s := &lock.Sources[i]
		for _, r := range s.Releases {
			for j := range r.Proofs {
				if p := &r.Proofs[j]; s.ProofID(p) == name && p.Data != nil {
					return io.NopCloser(bytes.NewReader(p.Data)), nil
				}
			}
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// readNodes reads the nodes' files.
func readNodes(ctx context.Context, files []string, system string, sources []artifact.Source) (nodes []vulns.Node, err error) {
	if len(files) == 0 {
		return nil, nil
	}
	if systems := artifact.Systems(sources); len(systems) > 0 {
		if system == "" {
			return nil, artifact.Hint(artifact.Usagef("the image is for several systems: %s", strings.Join(systems, ", ")), "name that of the nodes with --system, and run the command once for each")
		}
		if !slices.Contains(systems, system) {
			return nil, artifact.Usagef("--system %s: the image is for %s", system, strings.Join(systems, ", "))
		}
	}
	for _, name := range files {
		data, err := artifact.ReadInput(ctx, name)
		if errors.Is(err, os.ErrNotExist) {
			err = artifact.Hint(err, "name copies of the nodes' lists")
		}
		if err != nil {
			return nil, fmt.Errorf("--status: %w", err)
		}
		nodes = append(nodes, vulns.Node{Name: name, System: system, Data: data})
	}
	return nodes, nil
}
