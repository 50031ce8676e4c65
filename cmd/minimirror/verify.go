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
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/provenance"
)

const verifyHelp = `usage: minimirror verify [--image] REFERENCE [--keyring FILE]… [--lock LOCK]
       minimirror verify [--image] REFERENCE --verify-key FILE… [--provenance]
       minimirror verify BUNDLE… --verify-key FILE… [--identity FILE…] [--report FILE]

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
Keys must have been valid on the day of the signature. Public keys in PEM verify the
signatures of container images.

Your own packages, local files, charts, and files that are verified only by the
definition have no signature from upstream. An image could claim this of any file, so
verify --keyring warns and lists them, unless --lock covers them.

--verify-key requires a signature of the image itself, as build --sign-image and cosign
make them, by this key and of this digest. If provenance is attached to the image, it must
be signed by the key, too, and be about this digest. What build --sign-image states is
compared with the image: the lock, each of upstream's releases, and the program in it.
If there is none, verify warns; with --provenance, it fails.

--lock compares the image with the lock that you keep: mirror.lock, its folder, or
its mirror.yaml. Every item, file and set must match the lock, and nothing may be
added. The definition beside the lock is not read.

If there are images for several platforms, verify checks all of them; --platform
selects one.

verify checks a bundle of minimirror export, too: a folder, a file, or s3://BUCKET/PREFIX;
several are media with parts of the same bundle. The signature must be by the key, every
part as it is carried must match the signed header, and, if the bundle is not encrypted
or --identity decrypts it, every blob its digest. What is damaged is restored from parity,
if there is any (export --fec), and said. Nothing is imported or changed. --report writes
what was checked, as JSON, as an in-toto statement, and as one page to print and sign.

verify prints the first file that fails and exits with 4. It also exits with 4 if the
image is truncated or incomplete.

Examples:
  minimirror verify oci:out/docker
  minimirror verify docker://registry.example.org/site/docker:1
  minimirror verify oci-archive:docker.tar --keyring /usr/share/keyrings/debian-archive-keyring.gpg
  minimirror verify docker.tar --keyring debian.asc --lock images/docker
  minimirror verify /media/stick --verify-key site.pub --identity key.txt --report check.json
`

// A verified is what verify prints as JSON.
type verified struct {
	Reference string   `json:"reference"`
	Digest    string   `json:"digest,omitempty"`
	Index     string   `json:"index,omitempty"`     // digest of the index of several images
	Platforms []string `json:"platforms,omitempty"` // of the images that were verified, if there are several
	// Architecture, in Go's words, is set if the image carries only the items for it, and those for all.
	Architecture string `json:"architecture,omitempty"`
	// Images are those for other platforms, if each carries the items for its own architecture.
	Images   []*verified `json:"images,omitempty"`
	Layers   int         `json:"layers"`
	Files    int         `json:"files"`
	Items    int         `json:"artifacts"`
	Upstream []string    `json:"upstream"` // null: not asked for
	// Unsigned are IDs of items that upstream has not signed; null: not asked for.
	Unsigned []string `json:"unsigned"`
	Lock     string   `json:"lock,omitempty"`      // digest of the lock that the image was compared with
	SignedBy string   `json:"signed_by,omitempty"` // file of the key that signed the image; empty: not asked for
	// Provenance is what is stated of the image by a key that --verify-key names; null: not asked for.
	Provenance []*provenance.Stated `json:"provenance"`
}

func verify(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image to verify")
	keyrings := c.flags.StringArray("keyring", nil, "file with public keys of upstream, armored or binary; may be repeated")
	output := c.flags.String("format", "text", "what to print: text or json")
	var lock string
	once(c.flags, &lock, "lock", "lock that the image must have been built from")
	signed := c.verifyKeyFlag()
	stated := c.flags.Bool("provenance", false, "require provenance that is signed by a key of --verify-key")
	options := registryFlags(c)
	bundles := c.bundleVerification()
	if err := c.parseMore(args, verifyHelp, 0); err != nil {
		return err
	}
	if places := c.flags.Args(); len(places) > 0 && (isBundle(places[0]) || bundles.asked(c) && !fileExists(places[0]) && !image.IsReference(places[0])) {
		if err := format(*output); err != nil {
			return err
		}
		return bundles.verify(ctx, c, places, *signed, *output)
	}
	if bundles.asked(c) {
		return c.wrongUsage("--identity, --passphrase, --report and --report-key are for bundles, and there is no bundle")
	}
	if err := c.imageArgument(0); err != nil {
		return err
	}
	if *stated && len(*signed) == 0 {
		return artifact.Hint(artifact.Usagef("--provenance requires the key that must have signed it"), "name it with --verify-key FILE")
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
	v := verification{reference: c.imageRef, keys: keys, provenance: *stated, registry: *options}
	if v.signers, err = readVerifyKeys(ctx, *signed); err != nil {
		return err
	}
	if c.flags.Changed("lock") {
		v.lock = &lock
	}
	result, err := v.verify(ctx, img, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if platforms := img.Platforms(); len(platforms) > 0 && c.platform == "" {
		if err = v.others(ctx, c, img, result); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	if err := c.printVerified(result, *output); err != nil {
		return err
	}
	if result.SignedBy != "" && len(result.Provenance) == 0 {
		fmt.Fprintf(c.stderr, "warning: the image has no provenance: only the image itself says what it was made from\n"+
			"hint: minimirror build --sign-image attaches it; if the image was copied, copy what is attached to it, too (docs/keys.md)\n")
	}
	for _, r := range append([]*verified{result}, result.Images...) {
		if len(r.Unsigned) > 0 && r.Lock == "" {
			fmt.Fprintf(c.stderr, "warning: %supstream has not signed %d of %d items; only the image itself says that the definition vouches for them:\n  %s\n"+
				"hint: compare the image with the lock that you keep: --lock mirror.lock\n", r.prefix(), len(r.Unsigned), r.Items, firstOf(r.Unsigned))
		}
	}
	return nil
}

// A verification is what verify was asked for.
type verification struct {
	reference  string
	lock       *string // to compare with; nil: none
	keys       []artifact.KeyFile
	signers    []signature.Key // one of which must have signed each image; none: not asked for
	provenance bool            // there must be some
	registry   registry.Options
}

// verify verifies an image; other, if not nil, is an image of the same index that has been verified.
func (v *verification) verify(ctx context.Context, img, other *image.Reader) (*verified, error) {
	result := &verified{Reference: v.reference, Digest: img.Digest, Index: img.IndexDigest(), Layers: img.LayerCount()}
	statements, err := v.signed(ctx, img, result)
	if err != nil {
		return nil, err
	}
	catalog, err := img.Load(ctx)
	if err != nil {
		return nil, err
	}
	result.Files, result.Items, result.Architecture = len(catalog.Files), len(catalog.Items), catalog.Architecture
	if platform := img.Platform(); catalog.Architecture != "" && platform != "" && platform != "linux/"+catalog.Architecture {
		return nil, artifact.Verifyf("the image is for %s, and carries the items for %s", platform, catalog.Architecture)
	}
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
	if err := img.VerifyAfter(ctx, other); err != nil {
		return nil, err
	}
	subject := provenance.Subject{Name: catalog.Name, Lock: catalog.Lock, Sources: catalog.Sources, Programs: []provenance.Program{{Platform: img.Platform(), SHA256: img.Program()}}, Part: catalog.Architecture != ""}
	for _, s := range statements {
		stated, err := subject.Compare(s.Predicate)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", img.Digest, err)
		}
		stated.Key = s.Key.File
		same := func(other *provenance.Stated) bool { return *other == *stated } // that of the index says what that of the image says
		if !slices.ContainsFunc(result.Provenance, same) {
			result.Provenance = append(result.Provenance, stated)
		}
	}
	return result, nil
}

// signed verifies the image's signature and provenance, before anything else is read. What the provenance says is not compared yet.
func (v *verification) signed(ctx context.Context, img *image.Reader, result *verified) ([]signature.Statement, error) {
	if len(v.signers) == 0 {
		return nil, nil
	}
	o := image.Options{Registry: v.registry}
	by, err := img.VerifySignature(ctx, v.signers, o)
	if err != nil {
		return nil, err
	}
	statements, err := img.VerifyProvenance(ctx, v.signers, o)
	if err == nil && len(statements) == 0 && v.provenance {
		err = artifact.Hint(artifact.Verifyf("the image %s has no provenance", img.Digest), "minimirror build --sign-image attaches it; if the image was copied, copy what is attached to it, too (docs/keys.md)")
	}
	result.SignedBy, result.Provenance = by.Key.File, []*provenance.Stated{}
	return statements, err
}

// others verifies the images for the other platforms, and adds to the result what was verified.
func (v *verification) others(ctx context.Context, c *command, first *image.Reader, result *verified) error {
	result.Platforms = []string{first.Platform()}
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
		img, _, err := c.openReader(ctx, v.reference, v.registry)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		if img.IndexDigest() != first.IndexDigest() {
			err = fmt.Errorf("the reference means another index now: %s, and %s before", img.IndexDigest(), first.IndexDigest())
		}
		var other *verified
		if err == nil {
			other, err = v.verify(ctx, img, first)
		}
		if err = errors.Join(err, img.Close()); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		result.Platforms = append(result.Platforms, platform)
		if other.Architecture != "" {
			result.Images = append(result.Images, other)
		}
	}
	return nil
}

// prefix begins a line about the image if it carries only a part of the items.
func (r *verified) prefix() string {
	if r.Architecture == "" {
		return ""
	}
	return "linux/" + r.Architecture + ": "
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
	if c.Architecture != "" {
		lock = lock.ForArchitecture(kinds.All(), c.Architecture)
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
	for _, r := range append([]*verified{result}, result.Images...) {
		if r.SignedBy != "" {
			fmt.Fprintf(c.stdout, "%s%s: signed with the key in %s\n", r.prefix(), r.Reference, r.SignedBy)
		}
		for _, p := range r.Provenance {
			fmt.Fprintf(c.stdout, "%s%s: %s\n", r.prefix(), r.Reference, p)
		}
		for _, line := range r.Upstream {
			fmt.Fprintln(c.stdout, r.prefix()+line)
		}
		if r.Lock != "" && r.Architecture != "" {
			fmt.Fprintf(c.stdout, "%s%s: all items match those for %s in the lock %s\n", r.prefix(), r.Reference, r.Architecture, r.Lock)
		} else if r.Lock != "" {
			fmt.Fprintf(c.stdout, "%s: all items match the lock %s\n", r.Reference, r.Lock)
		}
	}
	if len(result.Platforms) > 1 {
		fmt.Fprintf(c.stdout, "%s: images for %s\n", result.Reference, strings.Join(result.Platforms, " and "))
	}
	for _, r := range append([]*verified{result}, result.Images...) {
		if _, err := fmt.Fprintf(c.stdout, "%s%s: %s, %s, %s: all digests match\n", r.prefix(), r.Reference, counted(r.Layers, "layer"), counted(r.Files, "file"), counted(r.Items, "item")); err != nil {
			return err
		}
	}
	return nil
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
