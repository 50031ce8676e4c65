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

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
)

const verifyHelp = `usage: minimirror verify [--image] REFERENCE [--keyring FILE]… [--lock LOCK]

Reads the whole image and checks every layer and every file against its digest.
The layers may contain only files that the catalog lists, so a runtime unpacks only
what was verified. The program /minimirror and the scripts /bootstrap/SET/install.sh
are covered only by the image's digest: compare it with the digest that minimirror
build printed.

` + referenceHelp + `
With --keyring, it also verifies upstream's own signatures, which the image carries:
the Release of every suite must be signed by a key in the files, the Release must
cover its indexes, and these must list every package with its digest, version and
fields. This does not rely on any other statement of the image, and uses no network.
Keys must have been valid on the day of the signature.

Your own packages, local files, charts, and files that are verified only by the
definition have no signature from upstream. An image could claim this of any file, so
verify --keyring warns and lists them, unless --lock covers them.

--verify-key requires a signature of the image itself, as build --sign-image and cosign
make them, by this key and of this digest.

--lock compares the image with the lock that you keep: mirror.lock, its folder, or
its mirror.yaml. Every item, file and set must match the lock, and nothing may be
added. The definition beside the lock is not read.

If there are images for several platforms, verify checks all of them; --platform
selects one.

verify prints the first file that fails and exits with 4. It also exits with 4 if the
image is truncated or incomplete.

Examples:
  minimirror verify oci:out/docker
  minimirror verify docker://registry.example.org/site/docker:1
  minimirror verify oci-archive:docker.tar --keyring /usr/share/keyrings/debian-archive-keyring.gpg
  minimirror verify docker.tar --keyring debian.asc --lock images/docker
`

// A verified is what verify prints as JSON.
type verified struct {
	Reference string   `json:"reference"`
	Digest    string   `json:"digest,omitempty"`
	Index     string   `json:"index,omitempty"`     // digest of the index of several images
	Platforms []string `json:"platforms,omitempty"` // of the images that were verified, if there are several
	Layers    int      `json:"layers"`
	Files     int      `json:"files"`
	Items     int      `json:"artifacts"`
	Upstream  []string `json:"upstream"` // null: not asked for
	// Unsigned are IDs of items that upstream has not signed; null: not asked for.
	Unsigned []string `json:"unsigned"`
	Lock     string   `json:"lock,omitempty"` // digest of the lock that the image was compared with
}

func verify(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image to verify")
	keyrings := c.flags.StringArray("keyring", nil, "file with public keys of upstream, armored or binary; may be repeated")
	output := c.flags.String("format", "text", "what to print: text or json")
	var lock string
	once(c.flags, &lock, "lock", "lock that the image must have been built from")
	signed := c.verifyKeyFlag()
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
	img, ref, err := c.openReader(ctx, c.imageRef, *options)
	if err != nil {
		return err
	}
	defer img.Close()
	if err := c.verifySigned(ctx, img, *signed, *options); err != nil {
		return err
	}
	v := verification{reference: c.imageRef, keys: keys, signed: *signed}
	if c.flags.Changed("lock") {
		v.lock = &lock
	}
	result, err := v.verify(ctx, img, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if platforms := img.Platforms(); len(platforms) > 0 && c.platform == "" {
		if result.Platforms, err = v.others(ctx, c, img, *options); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	if err := c.printVerified(result, *output); err != nil {
		return err
	}
	if len(result.Unsigned) > 0 && result.Lock == "" {
		fmt.Fprintf(c.stderr, "warning: upstream has not signed %d of %d items; only the image itself says that the definition vouches for them:\n  %s\n"+
			"hint: compare the image with the lock that you keep: --lock mirror.lock\n", len(result.Unsigned), result.Items, firstOf(result.Unsigned))
	}
	return nil
}

// A verification is what verify was asked for.
type verification struct {
	reference string
	lock      *string // to compare with; nil: none
	keys      []artifact.KeyFile
	signed    []string // files of keys, one of which must have signed each image; none: not asked for
}

// verify verifies an image; other, if not nil, is an image of the same index that has been verified.
func (v *verification) verify(ctx context.Context, img, other *image.Reader) (*verified, error) {
	catalog, err := img.Load(ctx)
	if err != nil {
		return nil, err
	}
	result := &verified{Reference: v.reference, Digest: img.Digest, Index: img.IndexDigest(), Layers: img.LayerCount(), Files: len(catalog.Files), Items: len(catalog.Items)}
	if v.lock != nil {
		if result.Lock, err = compareLock(*v.lock, catalog); err != nil {
			return nil, err
		}
	}
	if len(v.keys) > 0 {
		if result.Upstream, result.Unsigned, err = verifyUpstream(ctx, img, catalog, v.keys); err != nil {
			return nil, err
		}
	}
	return result, img.VerifyAfter(ctx, other)
}

// others verifies the images for the other platforms, and returns the platforms of all that were verified.
func (v *verification) others(ctx context.Context, c *command, first *image.Reader, options registry.Options) (verified []string, err error) {
	verified = []string{first.Platform()}
	defer func() { c.platform = "" }()
	for _, platform := range first.Platforms() {
		if platform == first.Platform() {
			continue
		}
		if first.Reference.Transport == image.Stdin {
			c.log().Warn("not verified, because standard input cannot be read twice: write the image to a file", "platform", platform)
			continue
		}
		c.platform = platform
		img, _, err := c.openReader(ctx, v.reference, options)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", platform, err)
		}
		if img.IndexDigest() != first.IndexDigest() {
			err = fmt.Errorf("the reference means another index now: %s, and %s before", img.IndexDigest(), first.IndexDigest())
		}
		if err == nil {
			err = c.verifySigned(ctx, img, v.signed, options)
		}
		if err == nil {
			_, err = v.verify(ctx, img, first)
		}
		if err = errors.Join(err, img.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", platform, err)
		}
		verified = append(verified, platform)
	}
	return verified, nil
}

// compareLock compares the image with a lock, and returns the lock's digest.
func compareLock(path string, c *catalog.Catalog) (digest string, err error) {
	file := builder.FindLock(path)
	if file == "" {
		return "", artifact.Hint(fmt.Errorf("--lock %s: not a lock", path), "name a mirror.lock, or its folder")
	}
	lock, digest, _, err := builder.ReadLock(file)
	if err != nil {
		return "", fmt.Errorf("--lock: %w", err)
	}
	if err := lock.Compare(&lockfile.Lock{Name: c.Name, Date: c.Date, Sources: c.Sources, Sets: c.Sets, Items: c.Items}); err != nil {
		return "", fmt.Errorf("--lock %s: %w", file, err)
	}
	return digest, nil
}

// firstOf lists some names, a line each.
func firstOf(names []string) string {
	const most = 20
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, "\n  ")
}

func (c *command) printVerified(result *verified, output string) error {
	if output == "json" {
		return json.NewEncoder(c.stdout).Encode(result)
	}
	for _, line := range result.Upstream {
		fmt.Fprintln(c.stdout, line)
	}
	if result.Lock != "" {
		fmt.Fprintf(c.stdout, "%s: all items match the lock %s\n", result.Reference, result.Lock)
	}
	if len(result.Platforms) > 1 {
		fmt.Fprintf(c.stdout, "%s: images for %s\n", result.Reference, strings.Join(result.Platforms, " and "))
	}
	_, err := fmt.Fprintf(c.stdout, "%s: %s, %s, %s: all digests match\n", result.Reference, counted(result.Layers, "layer"), counted(result.Files, "file"), counted(result.Items, "item"))
	return err
}

// verifyUpstream has each kind check its part of the catalog against upstream's signatures. unsigned are IDs, none instead of null.
func verifyUpstream(ctx context.Context, img *image.Reader, listed *catalog.Catalog, keys []artifact.KeyFile) (report, unsigned []string, err error) {
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
		return nil, nil, errors.New("the image has no sources")
	}
	unsigned = []string{}
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
			return nil, nil, err
		}
		unsigned = append(unsigned, kinds.Unsigned...)
		report = append(report, kinds.Report...)
		for _, id := range kinds.Items {
			vouched[id] = true
		}
	}
	return report, unsigned, unvouched(listed.Items, vouched)
}

// unvouched is an error that names the items that no signature covers.
func unvouched(items []artifact.Item, vouched map[string]bool) error {
	var names []string
	for i := range items {
		if !vouched[items[i].ID()] {
			names = append(names, items[i].Kind+": "+items[i].String())
		}
	}
	if names == nil {
		return nil
	}
	return artifact.Verifyf("%d of %d items have no proof of their origin:\n  %s", len(names), len(items), firstOf(names))
}
