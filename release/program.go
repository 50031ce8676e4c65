package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// programName is the program's name among what people download.
func programName(architecture string) string { return "minimirror-linux-" + architecture }

// build compiles the program as "make build" does, with nothing of this machine's settings.
func (r *release) build(architecture string) error {
	file := filepath.Join(r.work, programName(architecture))
	flags := "-s -w -X main.stated=" + r.version
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", file, "./cmd/minimirror")
	cmd.Env = buildEnv(architecture)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", architecture, err)
	}
	return os.Chmod(file, 0o755)
}

// buildEnv is the environment of a build for an architecture.
func buildEnv(architecture string) []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GOEXPERIMENT=") })
	return append(env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-trimpath")
}

// say runs the program that is for this machine, and returns what it prints.
func (r *release) say(args ...string) ([]byte, error) {
	program, err := filepath.Abs(filepath.Join(r.work, programName(runtime.GOARCH)))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("minimirror %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// pages are the manual pages, by file name.
func (r *release) pages() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := r.say("man", "--to", dir); err != nil {
		return nil, err
	}
	all, err := readAll(dir)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("minimirror man wrote no pages")
	}
	return all, err
}

// readAll reads the files of a folder.
func readAll(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(entries))
	for _, e := range slices.DeleteFunc(entries, os.DirEntry.IsDir) {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return all, nil
}
