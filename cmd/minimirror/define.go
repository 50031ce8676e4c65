package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
)

const defineHelp = `usage: minimirror define add|remove|list KIND [REQUEST…] [--from FILE]…

Edits the requests of a definition, for those who keep them by program. KIND is the
section of mirror.yaml: debian, images, files or pypi. Comments, order and form of the
file stay; only the lines of the requests change.

  define add     adds requests at the end of the section's list: packages of debian,
                 take of images, take or charts of files, requirements of pypi
  define remove  removes requests, each by the name of what it requests, or as it is
                 written: "nginx" removes "nginx (>= 1.22)". Comments on lines of their
                 own stay
  define list    prints the requests, one on each line

If several sections of the kind have names, --section says which. --from reads requests
from a file, or from standard input if it is -: one on each line; empty lines and
what follows "#" after a space or at the beginning of a line are left out.

Either everything is done or nothing. A request that is there already, or absent, is
an error; with --if-needed it is not, so that a program may repeat a command: a mere
name is then there already if any request has it. With the last request, the list goes
as a whole; a section that needs one keeps it, which is an error. The new definition is
checked before it replaces the old one, in one step. Then run "minimirror lock".

Examples:
  minimirror define add debian 'nginx (>= 1.22)' jq --definition site
  minimirror define add debian --replace 'nginx (>= 1.26)' --definition site
  minimirror define remove images --section registry.example.org pause:3.9
  minimirror define list debian | grep -v '^python3-' >wanted
  minimirror define add --if-needed debian --from wanted --format json
`

func defineVerb(ctx context.Context, c *command, args []string) error {
	definition := c.flags.String("definition", ".", "folder of the definition, or its file")
	section := c.flags.String("section", "", "name of the section, if the kind has several")
	from := c.flags.StringArray("from", nil, "file with requests, one on each line; -: standard input; may be repeated")
	replace := c.flags.Bool("replace", false, "add: replace a request for the same thing")
	ifNeeded := c.flags.Bool("if-needed", false, "requests that are there already, or absent, are not an error")
	dryRun := c.flags.Bool("dry-run", false, "write nothing")
	output := c.flags.String("format", "text", "what to print: text or json")
	if err := c.parseMore(args, defineHelp, 2); err != nil {
		return err
	}
	if err := format(*output); err != nil {
		return err
	}
	word, requests := c.flags.Arg(0), c.flags.Args()[2:]
	for _, file := range *from {
		more, err := readRequests(ctx, file)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		requests = append(requests, more...)
	}
	edit := builder.Edit{Kind: c.flags.Arg(1), Section: *section, Replace: *replace, IfNeeded: *ifNeeded, DryRun: *dryRun}
	switch {
	case word == "add":
		edit.Add = requests
	case *replace:
		return c.wrongUsage("--replace is for \"define add\"")
	case word == "remove":
		edit.Remove = requests
	case word != "list":
		return c.wrongUsage("unknown command \"define %s\"%s", word, suggest(word, []string{"add", "remove", "list"}))
	case len(requests) > 0:
		return c.wrongUsage("unexpected argument %q: %s", requests[0], c.usage)
	}
	if word != "list" && len(requests) == 0 && len(*from) == 0 {
		return c.missing("a request")
	}
	edited, err := builder.EditDefinition(ctx, *definition, kinds.All(), edit)
	if err != nil {
		return err
	}
	if *output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(edited)
	}
	if word == "list" {
		for _, request := range edited.Requests {
			fmt.Fprintln(c.stdout, request)
		}
		return nil
	}
	for _, did := range []struct {
		what     string
		requests []string
	}{{"removed", edited.Removed}, {"added", edited.Added}, {"unchanged", edited.Unchanged}} {
		for _, request := range did.requests {
			fmt.Fprintf(c.stdout, "%s: %s\n", did.what, request)
		}
	}
	return nil
}

// readRequests reads a list of requests.
func readRequests(ctx context.Context, file string) (requests []string, err error) {
	if file == "-" {
		file = "/dev/stdin"
	}
	data, err := artifact.ReadInput(ctx, file)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		line := lines.Text()
		if at := strings.Index(" "+strings.ReplaceAll(line, "\t", " "), " #"); at >= 0 {
			line = line[:at]
		}
		if line = strings.TrimSpace(line); line != "" {
			requests = append(requests, line)
		}
	}
	return requests, lines.Err()
}
