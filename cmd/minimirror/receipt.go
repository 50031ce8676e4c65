package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/receipt"
)

const receiptHelp = `usage: minimirror receipt [--image] REFERENCE… --sign-key FILE [--name NAME] [--audit FILE…] [--status FILE…] [--rules FILE] [--output FILE]

Writes, at the site, a small signed file for the connected side: what the site has, by
digest. There, "minimirror export --have RECEIPT" sends only the rest, and sends again
what was lost or damaged. No history is kept: each receipt says everything.

REFERENCE is where bundles are imported to: the folder of an OCI layout with everything
in it (oci:DIR), one image of it (oci:DIR:NAME), an oci-archive, or a registry. In a folder
or an archive, every blob is read and compared with its digest; damaged and missing
blobs are left out, and named. A registry is asked which blobs it has; --read reads
them, too. An empty folder is a site that has nothing yet.

With --audit, the receipt also says what clients asked for and the images lack: FILE is
what "minimirror serve --audit" wrote. "minimirror lock DEFINITION --want RECEIPT" turns
that into lines for the definition. With --status, it says which versions nodes have
installed: FILE is a copy of a node's /var/lib/dpkg/status. With --rules, it says what
these rules deny to everybody. Several files may follow each of these flags. A receipt
has no addresses, no users, and no names of nodes.

--sign-key is a private key of minisign or OpenPGP; the password of an encrypted key comes
from MINIMIRROR_KEY_PASSWORD or MINIMIRROR_KEY_PASSWORD_FILE. The file is JSON, followed by
its signature; docs/receipts.md says how to check it by hand.

--name is the name of the bundles that the site imports, as in "minimirror export --name"
(default: that of the last bundle that was imported, or else the image's).

With --qr, the receipt becomes QR codes, for paper where nothing else may leave: on the
terminal, or with --output a page to print (.html), pictures (.png), or the text of the
codes (.txt). What a scanner reads, one line for each code and in any order, is a receipt, too.
--brief leaves out the blobs of complete images, so that mostly one code is enough. The
connected side must then have these images: otherwise it sends everything again.

Examples:
  minimirror receipt oci:/srv/images --sign-key site.key --output north.receipt
  minimirror receipt oci:/srv/images --sign-key site.key --audit /var/log/minimirror/audit.log* --status nodes/*.status --output north.receipt
  minimirror receipt docker://registry.example.org/site/docker:1 --sign-key site.key --qr --brief
`

// receiptFlags are what receipt is asked for.
type receiptFlags struct {
	images, audit, status        []string
	name, signKey, rules, output string
	state, since                 string
	qr, brief, read              bool
	rows                         int
	registry                     *registry.Options
}

func receiptVerb(ctx context.Context, c *command, args []string) error {
	var f receiptFlags
	c.flags.StringArrayVar(&f.images, "image", nil, "what the site has; may be repeated: the receipt says what they have together")
	once(c.flags, &f.name, "name", "name of the site's bundles")
	once(c.flags, &f.signKey, "sign-key", "file with the private key of minisign or OpenPGP that signs the receipt")
	c.flags.StringArrayVar(&f.audit, "audit", nil, "audit trail of the server; more files may follow")
	c.flags.StringVar(&f.since, "since", "", "with --audit: only requests from this TIME on, as in minimirror report")
	c.flags.IntVar(&f.rows, "rows", 200, "with --audit: how many of the missing items are listed, the most wanted first; 0: all")
	c.flags.StringArrayVar(&f.status, "status", nil, "copy of a node's list of what is installed; more files may follow")
	once(c.flags, &f.rules, "rules", "file of rules that the server uses")
	once(c.flags, &f.output, "output", "file to write (default: standard output)")
	c.flags.BoolVar(&f.qr, "qr", false, "write QR codes")
	c.flags.BoolVar(&f.brief, "brief", false, "leave out the blobs of complete images")
	c.flags.BoolVar(&f.read, "read", false, "read all blobs of a registry, too")
	once(c.flags, &f.state, "state", "file in which import remembers the last bundle (default: in the folder, or as import does)")
	f.registry = registryFlags(c)
	if err := c.parseMore(spread(args, "audit", "status"), receiptHelp, 0); err != nil {
		return err
	}
	f.images = append(f.images, c.flags.Args()...)
	if err := f.check(c); err != nil {
		return err
	}
	signer, err := c.readSigner(ctx, f.signKey)
	if err != nil {
		return err
	}
	r, err := f.make(ctx, c)
	if err != nil {
		return err
	}
	s, err := r.Sign(signer)
	if err != nil {
		return err
	}
	if err := f.write(c, s); err != nil {
		return err
	}
	f.warn(c, r)
	return nil
}

// spread repeats a flag before each of the files that follow its first: a shell makes several of a pattern.
func spread(args []string, names ...string) (all []string) {
	flag, value := "", false // whether the next argument is the flag's value anyway
	for i, arg := range args {
		if arg == "--" {
			return append(all, args[i:]...)
		}
		name, isFlag := strings.CutPrefix(arg, "--")
		switch {
		case value:
			value = false
		case isFlag && slices.Contains(names, name):
			flag, value = arg, true
		case strings.HasPrefix(arg, "-") && arg != "-":
			flag = ""
			if given, _, found := strings.Cut(name, "="); isFlag && found && slices.Contains(names, given) {
				flag = "--" + given
			}
		case flag != "":
			all = append(all, flag)
		}
		all = append(all, arg)
	}
	return all
}

// check refuses what contradicts itself.
func (f *receiptFlags) check(c *command) error {
	switch {
	case len(f.images) == 0:
		return c.missing("the image")
	case f.signKey == "":
		return artifact.Hint(c.missing("--sign-key"), "nobody believes a receipt that is not signed: minisign -G -W -p site.pub -s site.key makes a key")
	case f.rows < 0:
		return c.wrongUsage("--rows %d: must be 0 or more", f.rows)
	case f.since != "" && len(f.audit) == 0:
		return c.wrongUsage("--since requires --audit")
	}
	for flag, value := range map[string]string{"name": f.name, "output": f.output, "rules": f.rules, "state": f.state} {
		if c.flags.Changed(flag) && value == "" {
			return c.wrongUsage("--%s: the value is missing", flag)
		}
	}
	if f.qr && f.output != "" {
		switch ext := filepath.Ext(f.output); ext {
		case ".html", ".png", ".txt":
		default:
			return artifact.Hint(c.wrongUsage("--qr --output %s: the name says nothing of its form", f.output), "write FILE.html (a page to print), FILE.png (pictures) or FILE.txt (the text of the codes)")
		}
	}
	return nil
}

// readSigner reads the private key of --sign-key.
func (c *command) readSigner(ctx context.Context, file string) (signed.Signer, error) {
	data, err := artifact.ReadInput(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		err = artifact.Hint(err, "make a key: minisign -G -W -p %s.pub -s %s", strings.TrimSuffix(file, ".key"), file)
	}
	if err != nil {
		return nil, fmt.Errorf("--sign-key: %w", err)
	}
	return signed.ReadSigner(file, data, keyPassword, c.now())
}

// make gathers what the receipt says.
func (f *receiptFlags) make(ctx context.Context, c *command) (*receipt.Receipt, error) {
	r := &receipt.Receipt{Name: f.name, Created: c.now(), Program: "minimirror " + programVersion()}
	if err := f.hold(ctx, c, r); err != nil {
		return nil, err
	}
	if err := f.nameIt(r); err != nil {
		return nil, err
	}
	if len(f.status) > 0 {
		r.Nodes = &receipt.Nodes{Items: []receipt.NodeItem{}}
	}
	for _, file := range f.status {
		data, err := artifact.ReadInput(ctx, file)
		if errors.Is(err, os.ErrNotExist) {
			err = artifact.Hint(err, "name copies of the nodes' lists")
		}
		if err == nil {
			err = r.Nodes.Add(kinds.All(), data)
		}
		if err != nil {
			return nil, fmt.Errorf("--status: %s: %w", file, err)
		}
	}
	if len(f.audit) == 0 && f.rules == "" {
		return r, nil
	}
	catalogs := f.catalogs(ctx, c, r)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.rules != "" {
		parsed, err := readRules(ctx, f.rules)
		if err != nil {
			return nil, err
		}
		r.Deny(parsed, kinds.All(), catalogs, c.now())
	}
	if len(f.audit) == 0 {
		return r, nil
	}
	filter, err := auditFilter(f.since, "", nil, nil)
	if err != nil {
		return nil, err
	}
	summary := audit.NewLargeSummary()
	for _, file := range f.audit {
		if err := c.readAudit(ctx, file, filter, summary); err != nil {
			return nil, err
		}
	}
	r.Asked = receipt.NewAsked(summary.Report(audit.ReportOptions{Carried: receipt.Carried(catalogs), Rows: f.rows}))
	return r, nil
}

// nameIt gives the receipt the name of the site's bundles.
func (f *receiptFlags) nameIt(r *receipt.Receipt) error {
	var names []string
	for _, i := range r.Imported {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	switch {
	case r.Name != "":
		return nil
	case len(names) == 1:
		r.Name = names[0]
		return nil
	case len(names) > 1:
		return artifact.Hint(artifact.Usagef("bundles of several names were imported: %s", strings.Join(names, ", ")), "give the one that the receipt is for with --name")
	}
	for _, im := range r.Images {
		if r.Name = receipt.RepositoryOf(im.Name); r.Name != "" {
			return nil
		}
	}
	return artifact.Hint(artifact.Usagef("the name of the site is missing: nothing was imported, and no image has a name"), "give the name of the bundles that the site is to get: --name NAME")
}

// write writes the receipt, or its codes.
func (f *receiptFlags) write(c *command, s *receipt.Signed) error {
	if !f.qr {
		return f.save(c, f.output, s.File())
	}
	switch filepath.Ext(f.output) {
	case "":
		return s.Terminal(c.stdout)
	case ".txt":
		lines, err := s.Lines(receipt.PageData)
		if err != nil {
			return err
		}
		return f.save(c, f.output, []byte(strings.Join(lines, "\n")+"\n"))
	case ".html":
		page, err := s.Page()
		if err != nil {
			return err
		}
		return f.save(c, f.output, page)
	}
	pictures, err := s.PNGs()
	if err != nil {
		return err
	}
	for i, picture := range pictures {
		file := f.output
		if len(pictures) > 1 {
			file = fmt.Sprintf("%s-%d.png", strings.TrimSuffix(f.output, ".png"), i+1)
		}
		if err := f.save(c, file, picture); err != nil {
			return err
		}
	}
	return nil
}

func (f *receiptFlags) save(c *command, file string, data []byte) error {
	if file == "" {
		_, err := c.stdout.Write(data)
		return err
	}
	if err := atomicfile.Write(file, data, 0o644); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return artifact.Hint(err, "make the folder: mkdir -p %s", filepath.Dir(file))
		}
		return err
	}
	fmt.Fprintf(c.stderr, "%s: %s\n", file, counted(len(data), "byte"))
	return nil
}

// warn says what the site does not have, though it should.
func (f *receiptFlags) warn(c *command, r *receipt.Receipt) {
	for _, d := range r.Damaged {
		fmt.Fprintf(c.stderr, "warning: damaged: %s: %s\n", d.Digest, d.Why)
	}
	for _, im := range r.Images {
		for _, d := range im.Lacks {
			fmt.Fprintf(c.stderr, "warning: %s: missing: %s\n", im.Title(), d)
		}
	}
	if len(r.Images) == 0 {
		fmt.Fprintf(c.stderr, "warning: there are no images: the receipt asks for everything\n")
	}
}
