package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/sbom"
)

const sbomHelp = `usage: minimirror sbom [--image] REFERENCE [--format spdx|cyclonedx] [--output FILE]

Prints a software bill of materials (SBOM) of what an image carries: SPDX 2.3 or
CycloneDX 1.6, in JSON. Each item has its package URL, the SHA-256 of its files,
upstream's address, the package that it was built from, the release of upstream that
lists it, and the licences that its copyright file states. sbom reads only the image,
and uses no network, except for an image in a registry.

The same image gives the same SBOM, byte for byte, wherever it is.

` + referenceHelp + `
Examples:
  minimirror sbom oci:out/docker
  minimirror sbom docker://registry.example.org/site/docker:1 --format cyclonedx --output docker.cdx.json
`

func sbomVerb(ctx context.Context, c *command, args []string) (err error) {
	c.imageFlag("image to describe")
	name := c.flags.String("format", string(sbom.SPDX), "spdx or cyclonedx")
	var output string
	once(c.flags, &output, "output", "file to write instead of standard output")
	options := registryFlags(c)
	if err := c.parseImage(args, sbomHelp, 0); err != nil {
		return err
	}
	if c.imageRef == "" {
		return c.missing("the image")
	}
	if c.flags.Changed("output") && output == "" {
		return c.wrongUsage("--output: the value is missing")
	}
	format, err := sbom.ParseFormat(*name)
	if err != nil {
		return artifact.Usagef("--format: %v", err)
	}
	img, ref, err := c.openReader(ctx, c.imageRef, *options)
	if err != nil {
		return err
	}
	defer img.Close()
	subject, err := sbom.FromReader(ctx, img, kinds.All())
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if output == "" {
		if err := subject.Write(ctx, c.bytes(), format); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		return nil
	}
	file, err := atomicfile.CreateFile(output, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	if err := errors.Join(subject.Write(ctx, w, format), w.Flush()); err != nil {
		file.Abort()
		return fmt.Errorf("%s: %w", ref, err)
	}
	if err := file.Commit(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stderr, "%s: written\n", output)
	return err
}
