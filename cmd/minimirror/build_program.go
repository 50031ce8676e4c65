package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
)

// buildProgram makes the image of the program alone.
func (c *command) buildProgram(ctx context.Context, b *builder.Builder, output, printed string) error {
	ref, err := image.ParseWritable(output)
	if err != nil {
		return err
	}
	if b.Program, err = os.Executable(); err != nil {
		return err
	}
	if b.Cache, err = cache.Default(); err != nil {
		return err
	}
	made, programs, err := b.BuildProgram(ctx, programTag(), ref)
	if err != nil {
		return err
	}
	platforms := make([]string, len(programs))
	for i, p := range programs {
		platforms[i] = p.Platform()
		fmt.Fprintf(c.stderr, "%s: program %s\n", p.Platform(), p.File)
	}
	if printed == "json" {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"reference": ref.String(), "digest": made, "platforms": platforms})
	}
	_, err = fmt.Fprintf(c.stdout, "%s %s\n", ref, made)
	return err
}

var notInTag = regexp.MustCompile(`[^a-zA-Z0-9_.-]`)

// programTag is the program's version as a tag.
func programTag() string {
	tag := "v" + notInTag.ReplaceAllString(programVersion(), "-")
	return tag[:min(len(tag), 128)]
}
