package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/progress"
)

const importHelp = `usage: minimirror import BUNDLE… --to PLACE --verify-key FILE [--identity FILE…]

Verifies a bundle that minimirror export wrote, and stores its images. BUNDLE is a
folder, a file, s3://BUCKET/PREFIX, or "-" for standard input; several are media with
parts of the same bundle. It is only read.

import verifies the signature first, then each part while it is read, and every blob
against its digest. Nothing is visible at the destination before everything is verified.
A part that is missing or damaged is restored if the bundle has parity (export --fec).
Otherwise it is named, and the others are kept: bring the part and run the same command
again. The parts may come in any order, from several media, in several runs; blobs that the
destination has already are not read.

--watch waits for bundles in a folder, and in the folders in it, such as those that a
one-way link writes: it takes parts as they arrive, in any order, and says what it does.
A file is taken when it has the size that the header says and does not change any more.
Nothing in the folder is changed. A part that is lost is restored if the bundle has
parity, when nothing has arrived for 15 intervals. It ends when it is interrupted.

import remembers the last sequence of each signer and series of bundles, in the file
minimirror.imports.json of the destination; for a registry, --state names the file. An
older bundle is refused, unless --allow-older is given.

PLACE is a folder, oci:DIR[:NAME]; one image's name in a registry, docker://HOST/NAME:TAG;
or docker://HOST, where each image goes to the repository of its name, after --prefix. In
a registry, blobs that are there are not sent, or mounted from another repository; the
tags come last. Repeat --to for a folder and a registry at once.

--verify-key is a public key of minisign or OpenPGP that you have from the signer, not
from the bundle. --identity is a file with a private key of age, SSH or OpenPGP; if it is
encrypted, MINIMIRROR_PASSPHRASE, or the file in MINIMIRROR_PASSPHRASE_FILE, decrypts it.
--passphrase decrypts a bundle that was encrypted with one.

Each import writes a report of what was checked, part by part, by which key, when and
with which program: as JSON, as an in-toto statement, and as one page to print and sign.
It is in minimirror.reports, beside minimirror.imports.json, or where --report says.

If there is no bundle at s3://BUCKET/PREFIX, but one level below it, import takes the one
with the highest sequence. ` + s3Help + `
The exit code is 4 if something does not verify, and 1 if parts are missing.

Examples:
  minimirror import /media/stick --to oci:mirror --verify-key site.pub --identity key.txt
  minimirror import /media/dvd1 /media/dvd2 --to oci:mirror --verify-key site.pub
  minimirror import - --to oci:mirror --verify-key site.pub < docker.tar
  minimirror import /media/stick --to docker://registry.site --prefix mirror/ --verify-key site.pub --identity key.txt
  minimirror import --watch /srv/diode --to oci:mirror --verify-key site.pub --identity key.txt
`

// importFlags are what import was asked for.
type importFlags struct {
	to, verifyKeys, identities []string
	passphrase, allowOlder     bool
	watched                    bool
	interval                   time.Duration
	state, prefix              string
	registry                   *registry.Options
	report                     *bundleReport
}

func importVerb(ctx context.Context, c *command, args []string) error {
	var f importFlags
	c.flags.StringArrayVar(&f.to, "to", nil, "where the images go: oci:DIR[:NAME], docker://HOST/NAME:TAG or docker://HOST; may be repeated")
	once(c.flags, &f.prefix, "prefix", "with --to docker://HOST: what stands before the names of the repositories there, such as mirror/")
	c.flags.StringArrayVar(&f.verifyKeys, "verify-key", nil, "file with a public key of minisign or OpenPGP that must have signed the bundle; may be repeated: a signature by one of the keys is enough")
	c.flags.StringArrayVarP(&f.identities, "identity", "i", nil, "file with a private key of age, SSH or OpenPGP that decrypts the bundle; may be repeated")
	c.flags.BoolVar(&f.passphrase, "passphrase", false, "decrypt with a passphrase")
	c.flags.BoolVar(&f.allowOlder, "allow-older", false, "accept a bundle whose sequence is below that of the last import")
	once(c.flags, &f.state, "state", "file that remembers what was imported (default: in the folder that --to names)")
	f.report = c.reportFlags("in minimirror.reports beside the record of imports")
	c.flags.BoolVar(&f.watched, "watch", false, "import the bundles that arrive in the folder, until the program is stopped")
	c.flags.DurationVar(&f.interval, "watch-interval", 2*time.Second, "with --watch: how often to look; a file that did not change between two looks is complete")
	f.registry = registryFlags(c)
	c.s3Flags()
	if err := c.parseMore(args, importHelp, 0); err != nil {
		return err
	}
	switch {
	case c.flags.NArg() == 0:
		return c.missing("the bundle")
	case len(f.to) == 0:
		return c.missing("--to")
	case len(f.verifyKeys) == 0:
		return artifact.Hint(artifact.Usagef("--verify-key is missing: an unsigned bundle is never imported"), "name the public key of the one who made the bundle")
	case f.watched && (c.flags.NArg() > 1 || isStream(c.flags.Arg(0))):
		return c.wrongUsage("--watch requires one folder")
	case c.flags.NArg() > 1 && slices.Contains(c.flags.Args(), "-"):
		return c.wrongUsage("- cannot be used together with other bundles")
	}
	setGarbage(garbageOfDecryption)
	return f.run(ctx, c)
}

func (f *importFlags) run(ctx context.Context, c *command) error {
	im := &bundle.Importer{AllowOlder: f.allowOlder, Now: c.now}
	refs, err := f.destinations()
	if err != nil {
		return err
	}
	if im.Keys, err = readKeys(ctx, f.verifyKeys); err != nil {
		return err
	}
	if im.Openers, err = c.readOpeners(ctx, f.identities, f.passphrase); err != nil {
		return err
	}
	if im.Records, err = recordFiles(refs, f.state); err != nil {
		return err
	}
	im.Open = func(h *bundle.Header) ([]content.Sink, error) {
		var sinks []content.Sink
		for _, ref := range refs {
			s, err := f.openSink(ref, h)
			if err != nil {
				for _, s := range sinks {
					s.Close()
				}
				return nil, err
			}
			sinks = append(sinks, s)
		}
		return sinks, nil
	}
	if refs[0].Transport == image.OCI {
		im.Scratch = refs[0].Path
	}
	im.Images = func(all []content.Image) ([]content.Image, error) { return renamed(all, refs) }
	if err := f.report.begin(ctx, c, "import", c.flags.Args(), f.to); err != nil {
		return err
	}
	if f.watched {
		return f.watch(ctx, c, refs, func() *bundle.Importer {
			next := *im
			return &next
		})
	}
	var phase *progress.Phase
	im.Begin = func(_ *bundle.Header, _ signed.By, bytes int64) {
		phase = progress.To(os.Stderr).Phase("import", bytes)
	}
	im.Progress = func(n int64) { phase.Add(n) }
	f.report.Record = string(im.Records[0])
	done, drain, err := f.read(ctx, c, im)
	if phase != nil {
		phase.Stop()
	}
	if err = f.report.end(ctx, c, done, err); err != nil {
		return err
	}
	return errors.Join(printImported(c, done, refs), drain())
}

// read reads the bundle from standard input or from media.
func (f *importFlags) read(ctx context.Context, c *command, im *bundle.Importer) (*bundle.Imported, func() error, error) {
	if isStream(c.flags.Arg(0)) {
		return c.importStream(ctx, im, os.Stdin)
	}
	var media []medium.Medium
	defer func() {
		for _, m := range media {
			m.Close()
		}
	}()
	for _, text := range c.flags.Args() {
		m, err := c.openMedium(ctx, text, im.Keys)
		if err != nil {
			return nil, nil, err
		}
		media = append(media, m)
	}
	done, err := im.Import(ctx, media)
	return done, func() error { return nil }, err
}

func printImported(c *command, done *bundle.Imported, refs []image.Reference) error {
	h := done.Header
	fmt.Fprintf(c.stdout, "bundle %s\nname %s, sequence %d, created %s\nsigned by %s (%s)\n", h.ID, h.Name, h.Sequence, h.Created, done.By.Key, done.By.File)
	for _, im := range h.Images {
		if im.Subject == "" {
			fmt.Fprintf(c.stdout, "image %s %s\n", im.Title(), im.Digest)
		}
	}
	printRepaired(c, done)
	verified := 0
	for _, p := range done.Parts {
		if p.Status == bundle.Verified || p.Status == bundle.Repaired {
			verified++
		}
	}
	var err error
	for _, ref := range refs {
		what := fmt.Sprintf("%d of %s read, everything verified", verified, counted(h.PartCount, "part"))
		if done.Already {
			what = "nothing to do: everything is there, verified"
		}
		_, e := fmt.Fprintf(c.stdout, "%s: %s\n", ref, what)
		err = errors.Join(err, e)
	}
	return err
}

// bundleVerification are the flags of verify for bundles.
type bundleVerification struct {
	identities []string
	passphrase bool
	report     *bundleReport
}

func (c *command) bundleVerification() *bundleVerification {
	v := new(bundleVerification)
	c.flags.StringArrayVarP(&v.identities, "identity", "i", nil, "of a bundle: file with a private key of age, SSH or OpenPGP that decrypts it; may be repeated")
	c.flags.BoolVar(&v.passphrase, "passphrase", false, "of a bundle: decrypt it with a passphrase")
	v.report = c.reportFlags("none")
	c.s3Flags()
	return v
}

// asked reports whether a flag was given that only bundles have.
func (*bundleVerification) asked(c *command) bool {
	return slices.ContainsFunc([]string{"identity", "passphrase", "report", "report-key"}, c.flags.Changed)
}

// isBundle reports whether a place has a bundle, as far as that can be seen from here.
func isBundle(text string) bool { return isS3(text) || bundle.IsAt(text) }

// verify checks a bundle, which may be on several media, and imports nothing.
func (v *bundleVerification) verify(ctx context.Context, c *command, places, keyFiles []string, output string) (err error) {
	for _, name := range []string{"image", "platform", "keyring", "lock", "provenance"} {
		if c.flags.Changed(name) {
			return c.wrongUsage("--%s is not for bundles", name)
		}
	}
	if len(keyFiles) == 0 {
		return artifact.Hint(artifact.Usagef("--verify-key is missing: it is the key that must have signed the bundle"), "name the public key of the one who made the bundle")
	}
	setGarbage(garbageOfDecryption)
	im := &bundle.Importer{Now: c.now}
	if im.Keys, err = readKeys(ctx, keyFiles); err != nil {
		return err
	}
	if im.Openers, err = c.readOpeners(ctx, v.identities, v.passphrase); err != nil {
		return err
	}
	if err := v.report.begin(ctx, c, "verify", places, nil); err != nil {
		return err
	}
	done, err := v.read(ctx, c, im, places)
	if err = v.report.end(ctx, c, done, err); err != nil {
		return err
	}
	return c.printVerifiedBundle(done, output)
}

func (v *bundleVerification) read(ctx context.Context, c *command, im *bundle.Importer, places []string) (*bundle.Imported, error) {
	var media []medium.Medium
	defer func() {
		for _, m := range media {
			m.Close()
		}
	}()
	for _, text := range places {
		m, err := c.openMedium(ctx, text, im.Keys)
		if err != nil {
			return nil, err
		}
		media = append(media, m)
	}
	var phase *progress.Phase
	im.Begin = func(_ *bundle.Header, _ signed.By, bytes int64) {
		phase = progress.To(os.Stderr).Phase("verify", bytes)
	}
	im.Progress = func(n int64) { phase.Add(n) }
	done, err := im.Verify(ctx, media)
	if phase != nil {
		phase.Stop()
	}
	return done, err
}

// printVerifiedBundle prints what was verified.
func (c *command) printVerifiedBundle(done *bundle.Imported, output string) error {
	h := done.Header
	if output == "json" {
		type part struct {
			Name   string `json:"name"`
			Status string `json:"status"`
			Size   int64  `json:"size"`
			SHA256 string `json:"sha256"`
		}
		out := struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			Sequence int64  `json:"sequence"`
			Created  string `json:"created"`
			SignedBy string `json:"signed_by"`
			Content  bool   `json:"content"` // whether the parts were decrypted, and every blob compared with its digest
			Parts    []part `json:"parts"`
		}{h.ID, h.Name, h.Sequence, h.Created, done.By.Key, !done.Carried, nil}
		for _, p := range done.Parts {
			out.Parts = append(out.Parts, part{p.Name, p.Status, p.Size, p.SHA256})
		}
		return json.NewEncoder(c.stdout).Encode(out)
	}
	fmt.Fprintf(c.stdout, "bundle %s\nname %s, sequence %d, created %s\nsigned by %s (%s)\n", h.ID, h.Name, h.Sequence, h.Created, done.By.Key, done.By.File)
	printRepaired(c, done)
	text := fmt.Sprintf("%s, %s: all digests match", counted(h.PartCount, "part"), counted(len(h.Blobs), "blob"))
	if done.Carried {
		text = counted(h.PartCount, "part") + ": all digests match, as carried; the content is encrypted and was not looked at\nhint: to check it, too, name the private key with --identity"
	}
	_, err := fmt.Fprintln(c.stdout, text)
	return err
}

// printRepaired says which parts were restored.
func printRepaired(c *command, done *bundle.Imported) {
	for _, p := range done.Parts {
		if p.Status == bundle.Repaired {
			fmt.Fprintf(c.stdout, "%s: repaired, %s of 4 KiB restored from parity\n", p.Name, counted(int(p.Restored), "block"))
		}
	}
}

// watchQuiet is after how many intervals without a change missing parts are restored.
const watchQuiet = 15

// watch imports what arrives in a folder, until the program is interrupted. newImporter makes the importer of each bundle.
func (f *importFlags) watch(ctx context.Context, c *command, refs []image.Reference, newImporter func() *bundle.Importer) error {
	if f.interval < 10*time.Millisecond {
		return artifact.Usagef("--watch-interval %s: at least 10ms", f.interval)
	}
	if f.report.File != "" {
		return c.wrongUsage("--report names one file, and --watch may import several bundles: their reports are in minimirror.reports")
	}
	folder := c.flags.Arg(0)
	record := string(newImporter().Records[0])
	var failed error
	w := bundle.Watcher{
		Folder: folder, Interval: f.interval, Quiet: watchQuiet, Keys: newImporter().Keys,
		New: func() *bundle.Importer {
			f.report.Started = c.now()
			return newImporter()
		},
		Done: func(folder string, done *bundle.Imported, err error) {
			f.report.Sources, f.report.Record = []string{folder}, record
			if reported := f.report.end(ctx, c, done, err); err == nil && reported != nil {
				fmt.Fprintf(c.stderr, "warning: %s: %v\n", folder, reported)
			}
			if err == nil {
				fmt.Fprintf(c.stdout, "%s: imported\n", folder)
				failed = errors.Join(failed, printImported(c, done, refs))
			}
		},
		Say: func(text string) { fmt.Fprintln(c.stdout, text) },
	}
	fmt.Fprintf(c.stdout, "watching %s\n", folder)
	return errors.Join(w.Watch(ctx), failed)
}
