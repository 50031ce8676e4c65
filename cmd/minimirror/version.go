package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

const versionHelp = `usage: minimirror version [--format json]

Prints the version of this program; as JSON also the modules that it is made of.
A program that was built by "go build" from a folder without version control does
not know its version.

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

// stated is the version that "make build" and "make release" write into the program: what release/version.sh prints.
var stated string

// programVersion is the version of this program, such as 1.2.0, or 1.2.0+5.g0123456789ab five commits later.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return versionOf(stated, info)
}

// versionOf is what was stated, or what the Go toolchain found in version control: a tag, or a commit.
func versionOf(stated string, info *debug.BuildInfo) string {
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	switch commit := setting("vcs.revision"); {
	case stated != "":
		return stated
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return strings.TrimPrefix(info.Main.Version, "v")
	case len(commit) >= 12:
		version := "0.0.0+g" + commit[:12]
		if setting("vcs.modified") == "true" {
			version += ".dirty"
		}
		return version
	}
	return "unknown"
}

// userAgent is what upstream's logs show of this program.
func userAgent() string { return "minimirror/" + programVersion() }

var notInTag = regexp.MustCompile(`[^a-zA-Z0-9_.-]`)

// programTag is the program's version as a tag.
func programTag() string {
	tag := "v" + notInTag.ReplaceAllString(programVersion(), "-")
	return tag[:min(len(tag), 128)]
}
