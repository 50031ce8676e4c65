package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/receipt"
)

// isReceipt reports whether a file is a receipt, or the text of its codes.
func isReceipt(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := artifact.OpenFile(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, receipt.HeadSize)
	n, err := io.ReadFull(f, head)
	return (err == nil || err == io.ErrUnexpectedEOF) && receipt.Is(head[:n])
}

// readReceipt reads a receipt, and verifies it with one of the keys in the files; without any, it is not verified. flag is what names them.
func (c *command) readReceipt(ctx context.Context, name, flag string, files []string) (*receipt.Signed, error) {
	in, err := artifact.OpenInput(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, receipt.MaxSize+1))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	s, err := receipt.Read(data)
	if s == nil || err != nil && len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(files) == 0 {
		return s, nil
	}
	keys, keyErr := readKeysOf(ctx, flag, files)
	if keyErr != nil {
		return nil, keyErr
	}
	if changed := s.Verify(receipt.Keys(keys)); changed != nil { // before what is wrong with it otherwise
		err = changed
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// believedReceipt is readReceipt for what acts on the receipt: a key is required.
func (c *command) believedReceipt(ctx context.Context, name, flag string, files []string) (*receipt.Signed, error) {
	if len(files) == 0 {
		return nil, artifact.Hint(artifact.Usagef("%s: a receipt is not believed without the site's key", name), "name its public key: %s FILE", flag)
	}
	return c.readReceipt(ctx, name, flag, files)
}

// receipt prints a receipt.
func (f *inspectFlags) receipt(ctx context.Context, c *command) error {
	if len(f.want.Names) > 0 {
		return c.wrongUsage("unexpected argument %q: %s is a receipt", f.want.Names[0], c.imageRef)
	}
	for _, other := range []string{"kind", "source", "set", "requested", "extract", "cat", "platform"} {
		if c.flags.Changed(other) {
			return c.wrongUsage("--%s: %s is a receipt", other, c.imageRef)
		}
	}
	s, err := c.readReceipt(ctx, c.imageRef, "--verify-key", f.keys)
	if err != nil {
		return err
	}
	if f.output == "json" {
		return c.printJSON(s.Show())
	}
	rows := 20
	if f.want.Details {
		rows = 0
	}
	return s.Text(c.stdout, rows)
}

// receipt adds to the base what a receipt says that the site has. Nothing of it is believed before its signature, its name and its date are checked.
func (f *exportFlags) receipt(ctx context.Context, c *command, file string, base *bundle.Base, src content.Source, graph *content.Graph, o *bundle.Options) error {
	if base.Receipt != "" {
		return artifact.Hint(artifact.Usagef("%s: a second receipt", file), "make a bundle for each site; a receipt may be about several images")
	}
	s, err := c.believedReceipt(ctx, file, "--have-key", f.haveKeys)
	if err != nil {
		return err
	}
	name := artifact.Printable(s.Receipt.Name)
	switch {
	case f.name == "":
		o.Name = s.Receipt.Name
	case f.name != s.Receipt.Name:
		return artifact.Verifyf("%s: it is the receipt of %s, and the bundle is for %s", file, name, f.name)
	}
	if err := f.newest(c, s); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	has, err := s.Base(ctx, src)
	if err != nil {
		return err
	}
	for _, note := range has.Notes {
		fmt.Fprintf(c.stderr, "note: %s\n", note)
	}
	left := int64(0)
	for _, b := range graph.Blobs {
		if has.Has(b.Digest) {
			base.Blobs = append(base.Blobs, b)
			left += b.Size
		}
	}
	base.Receipt = has.ID
	for _, d := range s.Receipt.Damaged {
		fmt.Fprintf(c.stderr, "note: %s says that a blob is damaged there: %s\n", name, d.Digest)
	}
	fmt.Fprintf(c.stderr, "receipt of %s, made %s, signed by %s: %d of %s left out, %s\n", name, s.Receipt.Created.UTC().Format("2006-01-02 15:04 UTC"), s.By, len(base.Blobs), counted(len(graph.Blobs), "blob"), bytesize.MB(left))
	return nil
}

// newest refuses a receipt that is older than one that was used before, and remembers it otherwise.
func (f *exportFlags) newest(c *command, s *receipt.Signed) error {
	folder, err := stateFolder()
	if err != nil {
		fmt.Fprintf(c.stderr, "warning: it is not known whether a newer receipt was used before: %v\n", err)
		return nil
	}
	seen, err := receipt.OpenSeen(filepath.Join(folder, "receipts.json"))
	if err != nil {
		return err
	}
	if err := seen.Check(s); err != nil && !f.allowOlder {
		return err
	}
	if err := seen.Remember(s); err != nil {
		fmt.Fprintf(c.stderr, "warning: an older receipt will not be refused: %v\n", err)
	}
	return nil
}
