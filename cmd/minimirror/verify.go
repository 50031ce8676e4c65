package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/kinds"
)

const verifyHelp = `usage: minimirror verify [--image] REFERENCE [--keyring FILE]…

Reads the whole image and checks every layer and every file against its digest.
Nothing may be in the layers that the catalog does not name: what a runtime
unpacks is what was verified. Nothing but the image's digest vouches for the
program /minimirror and the scripts /bootstrap/SET/install.sh: compare it with
the digest that minimirror build printed.

` + referenceHelp + `
With --keyring it also follows upstream's own signatures, which the image
carries: the Release of every suite must be signed by a key of the files, the
Release must cover its indexes, and these must list every package with its
digest, version and fields. Nothing of the image is believed for that, and no
network is used. Keys count as they were on the day of the signature.

The first file that fails is named; the exit code is then 4, as it is for an
image that is cut off or lacks something.

Examples:
  minimirror verify oci:out/docker
  minimirror verify docker://registry.example.org/site/docker:1
  minimirror verify oci-archive:docker.tar --keyring /usr/share/keyrings/debian-archive-keyring.gpg
`

// A verified is what verify prints as JSON.
type verified struct {
	Reference string   `json:"reference"`
	Digest    string   `json:"digest,omitempty"`
	Layers    int      `json:"layers"`
	Files     int      `json:"files"`
	Items     int      `json:"artifacts"`
	Upstream  []string `json:"upstream"` // null: not asked for
}

func verify(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image to verify")
	keyrings := c.flags.StringArray("keyring", nil, "file with public keys of upstream, armored or binary; may be repeated")
	output := c.flags.String("format", "text", "what to print: text or json")
	options := registryFlags(c)
	if err := c.parseImage(args, verifyHelp, 0); err != nil {
		return err
	}
	if c.imageRef == "" {
		return c.missing("the image")
	}
	if err := format(*output); err != nil {
		return err
	}
	var keys []artifact.KeyFile
	for _, file := range *keyrings {
		data, err := artifact.ReadInput(ctx, file)
		if err != nil {
			return fmt.Errorf("--keyring: %w", err)
		}
		keys = append(keys, artifact.KeyFile{Name: file, Data: data})
	}
	img, ref, err := openReader(ctx, c.imageRef, *options)
	if err != nil {
		return err
	}
	defer img.Close()
	catalog, err := img.Load(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	result := verified{Reference: c.imageRef, Digest: img.Digest, Layers: img.LayerCount(), Files: len(catalog.Files), Items: len(catalog.Items)}
	if len(keys) > 0 {
		if result.Upstream, err = verifyUpstream(ctx, img, catalog, keys); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	if err := img.Verify(ctx); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if *output == "json" {
		return json.NewEncoder(c.stdout).Encode(result)
	}
	for _, line := range result.Upstream {
		fmt.Fprintln(c.stdout, line)
	}
	_, err = fmt.Fprintf(c.stdout, "%s: %s, %s, %s: every digest is right\n", result.Reference, counted(result.Layers, "layer"), counted(result.Files, "file"), counted(result.Items, "item"))
	return err
}

// verifyUpstream has each kind hold its part of the catalog against upstream's signatures.
func verifyUpstream(ctx context.Context, img *image.Reader, listed *catalog.Catalog, keys []artifact.KeyFile) (report []string, err error) {
	open := func(name string) (io.ReadCloser, error) {
		at, found := slices.BinarySearchFunc(listed.Files, name, func(f catalog.File, path string) int { return strings.Compare(f.Path, path) })
		if !found {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		body, err := img.OpenFile(ctx, listed.Files[at])
		if errors.Is(err, fs.ErrNotExist) {
			err = artifact.Verifyf("%s is missing", name)
		}
		return body, err
	}
	if len(listed.Sources) == 0 {
		return nil, errors.New("the image has no sources")
	}
	vouched := make(map[string]bool, len(listed.Items))
	for _, kind := range kinds.All() {
		pins := artifact.Pins{Date: listed.Date}
		for _, s := range listed.Sources {
			if s.Kind == kind.Name() {
				pins.Sources = append(pins.Sources, s)
			}
		}
		for _, a := range listed.Items {
			if a.Kind == kind.Name() {
				pins.Items = append(pins.Items, a)
			}
		}
		verifier, able := artifact.Able[artifact.Verifier](kind)
		if !able || len(pins.Items)+len(pins.Sources) == 0 {
			continue
		}
		kinds, err := verifier.VerifyUpstream(ctx, pins, keys, open)
		if err != nil {
			return nil, err
		}
		report = append(report, kinds.Report...)
		for _, id := range kinds.Items {
			vouched[id] = true
		}
	}
	return report, unvouched(listed.Items, vouched)
}

// unvouched is an error that names the items that no signature covers.
func unvouched(items []artifact.Item, vouched map[string]bool) error {
	const most = 20
	var names []string
	without := 0
	for i := range items {
		if vouched[items[i].ID()] {
			continue
		}
		if without++; without <= most {
			names = append(names, items[i].Kind+": "+items[i].String())
		}
	}
	if without == 0 {
		return nil
	}
	if without > most {
		names = append(names, fmt.Sprintf("and %d more", without-most))
	}
	return artifact.Verifyf("%d of %d items have no proof of their origin:\n  %s", without, len(items), strings.Join(names, "\n  "))
}
