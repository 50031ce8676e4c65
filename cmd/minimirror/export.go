package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/fec"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/progress"
)

const exportHelp = `usage: minimirror export REFERENCE… --to PLACE --sign-key FILE
                         (--recipient KEY… | --passphrase | --plain | --layout)

Writes images into a bundle, which minimirror import reads on the other side of a
gap: signed, cut into parts that are verified one by one, each part encrypted by
itself. What is attached to an image (signatures, SBOMs, provenance) goes along.
REFERENCE is any image or index, of any tool, byte for byte: oci:DIR[:NAME],
oci-archive:FILE[:NAME], or docker://HOST/NAME:TAG in a registry. Without a NAME, all
images there. docker://HOST --all takes all repositories of a registry, or those that
--repository, --tag and --newest select.

PLACE is a folder, a file (FILE.tar), s3://BUCKET/PREFIX, or "-" for standard output.
Repeat --to for several media: when one is full, the next is used. With --media SIZE, a
folder takes at most that much, and on a terminal, export asks for the next medium when
it is full.
To go on after an interruption, or when a medium was full, run the same command again:
no part is written twice.

--recipient encrypts with age, for a public key of age (age1…) or SSH, and may be
repeated; --recipients-file reads such keys, a line each, or public keys of OpenPGP.
--passphrase asks for a passphrase. --plain encrypts nothing, so that a content filter
sees every file; --layout writes one file for each blob instead of a tar.

--sign-key is a private key of minisign or OpenPGP. MINIMIRROR_KEY_PASSWORD, or the
file in MINIMIRROR_KEY_PASSWORD_FILE, decrypts it. For --passphrase and identities it is
MINIMIRROR_PASSPHRASE or MINIMIRROR_PASSPHRASE_FILE.

--have names an image that the other side has: what it consists of is left out. It may
also be a receipt, which "minimirror receipt" wrote there, or the text that a scanner read
from its codes: what the site has is left out, and what it lost is sent again. It must be
signed with the key that --have-key names, and be for the name that --name gives (default:
the receipt's). One that is older than the last that was used is refused.
--parts writes only some parts again, such as those that import found damaged.
--fec SHARE adds parity: of all that is carried, import restores that share if it is
lost or damaged, whole parts or bad sectors. On standard output, the stream may lose
that share on the way: for links with no way back.
--from verifies a bundle and exports it again, for example with another --part-size.

--plan writes nothing. It shows how large the bundle would be, its parts and media, how
long writing takes at --rate, what is left out, and whether there is room: if not, the
exit code is 1. It needs no keys. Without --plan, nothing is written either if there is
no room for all parts.

` + s3Help + `
Examples:
  minimirror export oci:out/docker --to /media/stick --sign-key site.key --recipient age1…
  minimirror export oci:out/docker --plan --to /media/stick --media 8G --rate 20M
  minimirror export oci:out/docker --to s3://transfer/month-12 --sign-key site.key --recipient age1…
  minimirror export oci:out/docker --to /media/stick --fec 10% --sign-key site.key --recipient age1…
  minimirror export oci:out/docker --to docker.tar --sign-key site.key --plain
  minimirror export oci:out/docker --have north.receipt --have-key north.pub --to /media/stick --sign-key site.key --recipient age1…
  minimirror export oci:out/docker --have oci:month-1 --to - --sign-key site.key --recipients-file site.txt | ssh relay 'cat > docker.tar'
  minimirror export oci:out/docker --to /media/stick --part-size 4G --parts 7,9 --sign-key site.key --recipient age1…
  minimirror export docker://registry.example.org --all --repository 'team/*' --newest 3 --to /media/stick --sign-key site.key --recipient age1…
  minimirror export --from /archive/2026-12 --verify-key site.pub --part-size 650M --to /media/dvd --sign-key site.key --plain
`

// exportFlags are what export was asked for.
type exportFlags struct {
	to, recipients, recipientsFiles, have, from []string
	haveKeys                                    []string
	allowOlder                                  bool // receipts
	verifyKeys, identities                      []string
	passphrase, plain, layout                   bool
	signKey, name, partSize, media, parts       string
	sequence                                    int64
	plan                                        exportPlan
	fec                                         string
	share                                       fec.Share
	registry                                    *registry.Options
	dump                                        dumpFlags
}

func (f *exportFlags) declare(c *command) {
	c.flags.StringArrayVar(&f.to, "to", nil, "folder, FILE.tar, or - for standard output; may be repeated: the next is used when one is full")
	once(c.flags, &f.signKey, "sign-key", "file with a private key of minisign or OpenPGP, which signs the bundle")
	c.flags.StringArrayVarP(&f.recipients, "recipient", "r", nil, "public key of age or SSH to encrypt for; may be repeated")
	c.flags.StringArrayVar(&f.recipientsFiles, "recipients-file", nil, "file with such keys, a line each, or with public keys of OpenPGP; may be repeated")
	c.flags.BoolVar(&f.passphrase, "passphrase", false, "encrypt with a passphrase")
	c.flags.BoolVar(&f.plain, "plain", false, "encrypt nothing")
	c.flags.BoolVar(&f.layout, "layout", false, "encrypt nothing, and write one file for each blob instead of a tar")
	once(c.flags, &f.partSize, "part-size", "largest size of a part, such as 4480M (default 1G)")
	once(c.flags, &f.fec, "fec", "how much of the bundle may be lost on the way, such as 10%: parity restores it")
	once(c.flags, &f.media, "media", "how much one medium takes, such as 8G (default: what is free there)")
	once(c.flags, &f.parts, "parts", "write only these parts, such as 7,9 or 12-15")
	c.flags.StringArrayVar(&f.have, "have", nil, "what the other side has, which is left out: a reference, or the receipt that minimirror receipt wrote there; may be repeated")
	c.flags.StringArrayVar(&f.haveKeys, "have-key", nil, "with a receipt: file with the public key of minisign or OpenPGP that must have signed it; may be repeated")
	c.flags.BoolVar(&f.allowOlder, "allow-older", false, "accept a receipt that is older than one that was used before")
	c.flags.StringArrayVar(&f.from, "from", nil, "bundle to export again, instead of images; may be repeated for several media")
	c.flags.StringArrayVar(&f.verifyKeys, "verify-key", nil, "with --from: file with a public key that must have signed the bundle; may be repeated")
	c.flags.StringArrayVar(&f.identities, "identity", nil, "with --from: file with a private key that decrypts the bundle; may be repeated")
	once(c.flags, &f.name, "name", "name of the series of bundles, within which sequences count (default: the first image's)")
	c.flags.Int64Var(&f.sequence, "sequence", 0, "number that must not go back from one bundle to the next (default: the seconds since 1970)")
	f.dump.declare(c)
	f.plan.declare(c)
	f.registry = registryFlags(c)
	c.s3Flags()
}

func (f *exportFlags) check(c *command) error {
	ways := 0
	for _, is := range []bool{len(f.recipients)+len(f.recipientsFiles) > 0, f.passphrase, f.plain, f.layout} {
		if is {
			ways++
		}
	}
	switch {
	case len(f.from) == 0 && c.flags.NArg() == 0:
		return c.missing("the image")
	case len(f.from) > 0 && c.flags.NArg() > 0:
		return c.wrongUsage("--from cannot be used together with images")
	case len(f.from) > 0 && len(f.have) > 0:
		return c.wrongUsage("--from cannot be used together with --have")
	case len(f.haveKeys) > 0 && !slices.ContainsFunc(f.have, isReceipt):
		return c.wrongUsage("--have-key requires --have RECEIPT")
	case len(f.from) > 0 && len(f.verifyKeys) == 0:
		return c.missing("--verify-key, to verify the bundle,")
	case len(f.to) == 0 && !f.plan.is:
		return c.missing("--to")
	case f.signKey == "" && !f.plan.is:
		return artifact.Hint(artifact.Usagef("--sign-key is missing: an unsigned bundle is never imported"), "minisign -G -W -p site.pub -s site.key makes a key; --sign-key site.key signs, and import --verify-key site.pub verifies")
	case ways == 0 && !f.plan.is:
		return artifact.Hint(artifact.Usagef("say who may read the bundle"), "write --recipient KEY, --passphrase, or --plain for no encryption")
	case ways > 1:
		return c.wrongUsage("--recipient, --passphrase, --plain and --layout cannot be used together")
	case f.layout && f.partSize != "":
		return c.wrongUsage("--layout and --part-size cannot be used together: each blob is one file")
	case len(f.from) > 0 && f.dump.all:
		return c.wrongUsage("--from cannot be used together with --all")
	case len(f.to) > 1 && strings.Contains(" "+strings.Join(f.to, " ")+" ", " - "):
		return c.wrongUsage("--to - cannot be used together with another --to")
	}
	if err := f.plan.check(c); err != nil {
		return err
	}
	return f.dump.check(c)
}

func exportVerb(ctx context.Context, c *command, args []string) (err error) {
	var f exportFlags
	f.declare(c)
	if err := c.parseMore(args, exportHelp, 0); err != nil {
		return err
	}
	if err := f.check(c); err != nil {
		return err
	}
	e := new(bundle.Exporter)
	o := bundle.Options{Name: f.name, Sequence: f.sequence, Created: c.now()}
	if err := f.sizes(e, &o); err != nil {
		return err
	}
	if f.signKey != "" {
		if e.Signer, err = c.readSigner(ctx, f.signKey); err != nil {
			return err
		}
	}
	if e.Sealer, err = f.sealer(ctx, c); err != nil {
		return err
	}
	o.Sealer = e.Sealer
	if f.layout {
		o.Form = bundle.Files
	}
	graph, closeSource, err := f.open(ctx, c, e, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	for _, note := range graph.Notes {
		fmt.Fprintf(c.stderr, "note: %s\n", note)
	}
	if e.Header, err = bundle.NewHeader(graph, o); err != nil {
		return err
	}
	defer func() {
		for _, m := range e.Media {
			err = errors.Join(err, m.Close())
		}
	}()
	closeStream := func() error { return nil }
	for _, to := range f.to {
		m, err := c.createMedium(ctx, to)
		if f.share > 0 && isStream(to) {
			m, closeStream, err = c.createStream(f.share)
		}
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		e.Media = append(e.Media, m)
	}
	if f.plan.is {
		return f.showPlan(ctx, c, e)
	}
	if f.media != "" && term.IsTerminal(int(os.Stdin.Fd())) && !isStream(f.to[0]) {
		e.Next = f.prompt(c)
	}
	if err := f.run(ctx, c, e); err != nil {
		return err
	}
	return closeStream()
}

func (f *exportFlags) run(ctx context.Context, c *command, e *bundle.Exporter) error {
	total := int64(0)
	for _, b := range e.Header.Blobs {
		total += b.Size
	}
	phase := progress.To(os.Stderr).Phase("export", total)
	e.Progress = phase.Add
	var parity *progress.Phase
	e.ParityProgress = func(n int64) {
		if parity == nil {
			phase.Stop()
			total := int64(0)
			for _, p := range e.Header.Parts {
				total += p.Size
			}
			parity = progress.To(os.Stderr).Phase("parity", total)
		}
		parity.Add(n)
	}
	done, err := e.Export(ctx)
	if parity != nil {
		parity.Stop()
	} else {
		phase.Stop()
	}
	if err != nil {
		return err
	}
	carried := int64(0)
	for _, p := range done.Written {
		carried += p.Size
	}
	out := c.stdout
	if isStream(f.to[0]) {
		out = c.stderr
	}
	h := e.Header
	what := "written"
	if len(done.Written) == 0 {
		what = "nothing to do: everything is there"
	} else if len(done.Kept) > 0 {
		what = fmt.Sprintf("written; %d of the parts were there", len(done.Kept))
	}
	_, err = fmt.Fprintf(out, "bundle %s\nname %s, sequence %d, created %s\n%s, %s, %d of %s, %s: %s\n", h.ID, h.Name, h.Sequence, h.Created, counted(len(h.Images), "image"), counted(len(h.Blobs), "blob"), len(done.Written)+len(done.Kept), counted(h.PartCount, "part"), bytesize.Text(carried), what)
	if h.FEC != nil && err == nil {
		_, err = fmt.Fprintf(out, "parity for the loss of %s: %s, %s\n", h.FEC.Share, counted(len(h.FEC.Files), "file"), bytesize.Text(h.FEC.Size()))
	}
	return err
}

// sizes parses the flags that say how the bundle is cut.
func (f *exportFlags) sizes(e *bundle.Exporter, o *bundle.Options) (err error) {
	if f.partSize != "" {
		if o.PartSize, err = bytesize.Parse(f.partSize); err != nil {
			return artifact.Usagef("--part-size: %w", err)
		}
	}
	if f.media != "" {
		if e.Capacity, err = bytesize.Parse(f.media); err != nil {
			return artifact.Usagef("--media: %w", err)
		}
	}
	if f.fec != "" {
		if f.share, err = fec.ParseShare(f.fec); err != nil {
			return artifact.Usagef("--fec %s: %w", f.fec, err)
		}
		if len(f.to) == 0 || !isStream(f.to[0]) {
			e.Share = f.share
		}
	}
	if e.Numbers, err = bundle.ParseNumbers(f.parts); err != nil {
		return artifact.Usagef("--parts %s: %w", f.parts, err)
	}
	return nil
}

// sealer is what encrypts the parts; nil: nothing does.
func (f *exportFlags) sealer(ctx context.Context, c *command) (seal.Sealer, error) {
	if f.plain || f.layout || f.plan.is && !f.passphrase && len(f.recipients)+len(f.recipientsFiles) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	if f.passphrase {
		secret, err := c.passphrase("the bundle")
		if err != nil {
			return nil, err
		}
		return seal.NewPassphrase(secret)
	}
	names := f.recipients
	var rings []seal.KeyFile
	for _, file := range f.recipientsFiles {
		data, err := artifact.ReadInput(ctx, file)
		if errors.Is(err, fs.ErrNotExist) {
			err = artifact.Hint(err, "name a file with public keys, a line each: age-keygen -y identity.txt > site.txt")
		}
		if err != nil {
			return nil, fmt.Errorf("--recipients-file: %w", err)
		}
		if seal.IsOpenPGP(data) {
			rings = append(rings, seal.KeyFile{Name: file, Data: data})
			continue
		}
		more := seal.ParseRecipientsFile(data)
		if len(more) == 0 {
			return nil, artifact.Usagef("--recipients-file %s: no keys", file)
		}
		names = append(names, more...)
	}
	switch {
	case rings != nil && names != nil:
		return nil, artifact.Usagef("recipients of age and of OpenPGP cannot be used together")
	case rings != nil:
		return seal.NewOpenPGP(rings, c.now)
	}
	return seal.NewAge(names)
}

// prompt asks for the next medium at the last --to.
func (f *exportFlags) prompt(c *command) func(ctx context.Context, n int) (medium.Medium, error) {
	in := bufio.NewReader(os.Stdin)
	at := f.to[len(f.to)-1]
	return func(ctx context.Context, n int) (medium.Medium, error) {
		fmt.Fprintf(c.stderr, "\nmedium %d is complete. Put medium %d at %s, and press Enter: ", n-1, n, at)
		if _, err := in.ReadString('\n'); err != nil {
			return nil, err
		}
		return c.createMedium(ctx, at)
	}
}
