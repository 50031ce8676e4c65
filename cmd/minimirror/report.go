package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds"
)

const reportHelp = `usage: minimirror report AUDIT… [[--image] REFERENCE]

Reads what "minimirror serve --audit" wrote, and shows what was missing (the most
requested first, for the next build), what was denied, and who fetched what. With
--image, it also shows what the image carries and nobody has fetched, and which
clients read some of its suites but never others, because their .sources files may be
old. AUDIT is a file, plain or compressed with gzip, or - for standard input; it may be
repeated, in any order.

With --image, the list of missing packages omits those that the image has. An
argument is taken as the image if it begins like a reference (oci: and so on; see
"minimirror verify --help") or is the path of one; a compressed archive needs --image.

TIME is UTC: "2026-11-21", "2026-11-21 08:40", RFC 3339, or how long ago: 7d, 36h.

Examples:
  minimirror report /var/log/minimirror/audit.log*
  minimirror report audit.log --since 7d --image oci:out/docker
  minimirror report audit.log --name 'openssl*' --format json     # who has it
  minimirror report audit.log --client 10.0.0.7                   # what it has
`

func report(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image that was or will be served: lists what was never fetched")
	since := c.flags.String("since", "", "only requests from this TIME on")
	until := c.flags.String("until", "", "only requests before this TIME")
	clients := c.flags.StringArray("client", nil, "only requests of this address or network; may be repeated")
	names := c.flags.StringArray("name", nil, "only requests for items of this name (* and ? match anything); may be repeated")
	rows := c.flags.Int("rows", 20, "rows of each table; 0: all. With --format json, the default is all")
	output := c.flags.String("format", "text", "what to print: text or json")
	options := registryFlags(c)
	if err := c.parseMore(args, reportHelp, 1); err != nil {
		return err
	}
	var files []string
	for _, argument := range c.flags.Args() {
		if !image.IsReference(argument) {
			files = append(files, argument)
		} else if err := c.imageIs(argument); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		return c.missing("the audit trail")
	}
	if err := format(*output); err != nil {
		return err
	}
	filter, err := auditFilter(*since, *until, *clients, *names)
	if err != nil {
		return err
	}
	if *rows < 0 {
		return c.wrongUsage("--rows %d: must be 0 or more", *rows)
	}
	if *output == "json" && !c.flags.Changed("rows") {
		*rows = 0
	}
	show := audit.ReportOptions{Rows: *rows}
	if c.imageRef != "" {
		if show.Carried, show.Channels, err = c.carried(ctx, c.imageRef, *options, filter); err != nil {
			return err
		}
	}
	summary := audit.NewLargeSummary()
	for _, file := range files {
		if err := c.readAudit(ctx, file, filter, summary); err != nil {
			return err
		}
	}
	made := summary.Report(show)
	if *output == "text" {
		return made.Text(c.stdout)
	}
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(made)
}

func auditFilter(since, until string, clients, names []string) (*audit.Filter, error) {
	var f audit.Filter
	var err error
	now := time.Now()
	if f.Since, err = audit.ParseTime(since, now); err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	if f.Until, err = audit.ParseTime(until, now); err != nil {
		return nil, fmt.Errorf("--until: %w", err)
	}
	if !f.Until.IsZero() && f.Until.Before(f.Since) {
		return nil, artifact.Usagef("--until %s is before --since %s", until, since)
	}
	if f.Clients, err = audit.ParseNetworks(clients); err != nil {
		return nil, fmt.Errorf("--client: %w", err)
	}
	if f.Names, err = glob.ParseArguments(names); err != nil {
		return nil, fmt.Errorf("--name: %w", err)
	}
	return &f, nil
}

// carried are the items of an image, and its channels.
func (c *command) carried(ctx context.Context, text string, options registry.Options, filter *audit.Filter) (iter.Seq[*artifact.Item], []artifact.Channel, error) {
	img, ref, err := c.openReader(ctx, text, options)
	if err != nil {
		return nil, nil, err
	}
	defer img.Close()
	catalog, err := img.Load(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ref, err)
	}
	return func(yield func(*artifact.Item) bool) {
		for i := range catalog.Items {
			if a := &catalog.Items[i]; filter.TakesName(a.Name) && !yield(a) {
				return
			}
		}
	}, artifact.Channels(kinds.All(), catalog.Sources), nil
}

// readAudit adds what the filter takes of a file.
func (c *command) readAudit(ctx context.Context, file string, filter *audit.Filter, summary *audit.Summary) error {
	in := io.Reader(os.Stdin)
	if file != "-" {
		opened, err := artifact.OpenInput(ctx, file)
		if err != nil {
			return err
		}
		defer opened.Close()
		in = opened
	}
	records := 0
	skipped, err := audit.Read(in, func(r *audit.Record) error {
		records++
		if filter.Takes(r) {
			summary.Add(r)
		}
		return ctx.Err()
	})
	if err == nil && skipped > 0 && records == 0 {
		return artifact.Hint(fmt.Errorf("%s: none of its %d lines is an audit record", file, skipped), "name a file that minimirror serve --audit has written")
	}
	if skipped > 0 {
		fmt.Fprintf(c.stderr, "minimirror report: %s: skipped %d lines that are not audit records\n", file, skipped)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
