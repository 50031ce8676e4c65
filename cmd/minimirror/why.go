package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/kinds"
)

const whyHelp = `usage: minimirror why DEFINITION PACKAGE

Shows why the definition's lock contains a package: the shortest chain from a request
to it. PACKAGE is written as in a definition: a name, name:architecture, or a
pattern. why reads only the lock, and uses no network.

Example:
  minimirror why images/docker libseccomp2
`

func why(_ context.Context, c *command, args []string) error {
	output := c.flags.String("format", "text", "what to print: text or json")
	if err := c.parseMore(args, whyHelp, 0); err != nil {
		return err
	}
	if c.flags.NArg() != 2 {
		return c.wrongUsage("name a definition and one package")
	}
	if err := format(*output); err != nil {
		return err
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	reasons, err := builder.Why(d, kinds.All(), c.flags.Arg(1))
	if err != nil {
		return err
	}
	if *output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(map[string]any{"reasons": reasons})
	}
	for _, r := range reasons {
		fmt.Fprintln(c.stdout, r.Artifact)
		for _, link := range r.Chain {
			fmt.Fprintf(c.stdout, "  %s\n", link)
		}
	}
	return nil
}
