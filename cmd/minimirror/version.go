package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionHelp = `usage: minimirror version [--format json]

Prints the version of this program; as JSON also the modules that it is made of.

Example:
  minimirror version --format json
`

// A buildInfo is what version prints as JSON.
type buildInfo struct {
	Version      string            `json:"version"`
	Go           string            `json:"go"`
	OS           string            `json:"os"`
	Architecture string            `json:"architecture"`
	Modules      map[string]string `json:"modules"` // path → version
}

func version(_ context.Context, c *command, args []string) error {
	output := c.flags.String("format", "text", "what to print: text or json")
	if err := c.parse(args, versionHelp, 0); err != nil {
		return err
	}
	if err := format(*output); err != nil {
		return err
	}
	if *output == "text" {
		_, err := fmt.Fprintf(c.stdout, "minimirror %s %s %s/%s\n", programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
	b := buildInfo{programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			b.Modules[m.Path] = m.Version
		}
	}
	return json.NewEncoder(c.stdout).Encode(b)
}

// programVersion is the version that the Go toolchain wrote into the program.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// userAgent is what upstream's logs show of this program.
func userAgent() string { return "minimirror/" + programVersion() }
