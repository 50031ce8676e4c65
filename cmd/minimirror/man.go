package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

const manHelp = `usage: minimirror man [VERB | --to DIR]

Prints the manual page of this program or of a verb, as man reads it; with --to it
writes all pages into a folder. They say what --help says.

Examples:
  minimirror man lock | man -l -
  minimirror man --to /usr/local/share/man/man1
`

func manVerb(_ context.Context, c *command, args []string) error {
	to := c.flags.String("to", "", "write all pages into this folder, which must exist")
	if err := c.parseMore(args, manHelp, 0); err != nil {
		return err
	}
	if err := c.atMost(1); err != nil {
		return err
	}
	name := c.flags.Arg(0)
	switch {
	case *to != "" && name != "":
		return c.wrongUsage("--to writes the pages of all verbs: name no verb")
	case *to != "":
		return writePages(*to)
	case name == "":
		_, err := io.WriteString(c.stdout, mainPage())
		return err
	}
	if _, known := allVerbs()[name]; !known {
		return artifact.Usagef("unknown command %q%s", name, suggest(name, verbNames()))
	}
	_, err := io.WriteString(c.stdout, verbPage(name))
	return err
}

// writePages writes all manual pages into a folder.
func writePages(dir string) error {
	pages := map[string]string{"minimirror.1": mainPage()}
	for _, name := range verbNames() {
		pages[fmt.Sprintf("minimirror-%s.1", name)] = verbPage(name)
	}
	for name, text := range pages {
		if err := atomicfile.Write(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
