package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionHelp = `usage: minimirror version

Prints the version of this program.
`

func version(_ context.Context, c *command, args []string) error {
	if err := c.parse(args, versionHelp, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "minimirror %s %s %s/%s\n", programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
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
