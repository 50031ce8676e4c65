package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/content"
	dump "github.com/minimirror/minimirror/internal/content/registry"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// open opens what is exported, and lists it.
func (f *exportFlags) open(ctx context.Context, c *command, e *bundle.Exporter, o *bundle.Options) (*content.Graph, func() error, error) {
	if len(f.from) > 0 {
		return f.openBundle(ctx, c, e, o)
	}
	var all []content.Source
	closeAll := func() error {
		var errs []error
		for _, s := range all {
			errs = append(errs, s.Close())
		}
		return errors.Join(errs...)
	}
	for _, text := range c.flags.Args() {
		var s content.Source
		var err error
		if f.dump.all {
			s, err = f.dump.open(text, f.registry)
			if host, is := registryAlone(text); is && o.Name == "" {
				o.Name = host
			}
		} else {
			s, err = c.openContent(ctx, text, f.registry)
		}
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		all = append(all, s)
	}
	e.Source = content.Join(all...)
	images, err := e.Source.Images(ctx)
	var graph *content.Graph
	if err == nil {
		graph, err = content.Walk(ctx, e.Source, images)
	}
	if err == nil {
		o.Base, err = f.base(ctx, c, e.Source, graph, o)
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	for _, s := range all {
		if notes, is := s.(interface{ Notes() []string }); is {
			graph.Notes = append(graph.Notes, notes.Notes()...)
		}
	}
	return graph, closeAll, nil
}

// base is what the other side has, by --have; nil: nothing.
func (f *exportFlags) base(ctx context.Context, c *command, src content.Source, graph *content.Graph, o *bundle.Options) (*bundle.Base, error) {
	if len(f.have) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	base := new(bundle.Base)
	for _, text := range f.have {
		if isReceipt(text) {
			if err := f.receipt(ctx, c, text, base, src, graph, o); err != nil {
				return nil, fmt.Errorf("--have: %w", err)
			}
			continue
		}
		s, err := c.openContent(ctx, text, f.registry)
		if err != nil {
			return nil, fmt.Errorf("--have: %w", err)
		}
		images, err := s.Images(ctx)
		var graph *content.Graph
		if err == nil {
			graph, err = content.Walk(ctx, s, images)
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return nil, fmt.Errorf("--have %s: %w", text, err)
		}
		base.Blobs = append(base.Blobs, graph.Blobs...)
		for _, im := range images {
			base.Images = append(base.Images, im.Digest)
		}
	}
	return base, nil
}

// openBundle opens the bundle of --from.
func (f *exportFlags) openBundle(ctx context.Context, c *command, e *bundle.Exporter, o *bundle.Options) (*content.Graph, func() error, error) {
	keys, err := readKeys(ctx, f.verifyKeys)
	if err != nil {
		return nil, nil, err
	}
	openers, err := c.readOpeners(ctx, f.identities, len(f.identities) == 0 && (os.Getenv("MINIMIRROR_PASSPHRASE") != "" || os.Getenv("MINIMIRROR_PASSPHRASE_FILE") != ""))
	if err != nil {
		return nil, nil, err
	}
	var media []medium.Medium
	closeAll := func() error {
		var errs []error
		for _, m := range media {
			errs = append(errs, m.Close())
		}
		return errors.Join(errs...)
	}
	for _, text := range f.from {
		m, err := c.openMedium(ctx, text, keys)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("--from: %w", err), closeAll())
		}
		media = append(media, m)
	}
	s, err := bundle.OpenSource(ctx, media, keys, openers)
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	old := s.Header()
	if o.Base = old.Base; o.Name == "" {
		o.Name = old.Name
	}
	if o.Sequence == 0 {
		o.Sequence = old.Sequence
		if o.Created, err = old.Time(); err != nil {
			return nil, nil, err
		}
	}
	e.Source = s
	return s.Graph(), func() error { return errors.Join(s.Close(), closeAll()) }, nil
}

// registryAlone reads docker://HOST, which means a registry with all of its repositories.
func registryAlone(text string) (host string, is bool) {
	host, is = strings.CutPrefix(text, "docker://")
	host = strings.TrimSuffix(host, "/")
	return host, is && host != "" && !strings.Contains(host, "/")
}

// A dumpFlags says what export takes from registries.
type dumpFlags struct {
	all                bool
	repositories, tags []string
	newest             int
}

func (f *dumpFlags) declare(c *command) {
	c.flags.BoolVar(&f.all, "all", false, "export the images of all repositories of the registry docker://HOST")
	c.flags.StringArrayVar(&f.repositories, "repository", nil, "with --all: only repositories that match this pattern; one that begins with ! excludes; may be repeated")
	c.flags.StringArrayVar(&f.tags, "tag", nil, "with --all: only tags that match this pattern; one that begins with ! excludes; may be repeated")
	c.flags.IntVar(&f.newest, "newest", 0, "with --all: only this many tags of each repository, the newest by the date that the image states, then by the version in the tag")
}

func (f *dumpFlags) check(c *command) error {
	switch {
	case f.newest < 0:
		return artifact.Usagef("--newest must not be negative")
	case !f.all && (len(f.repositories) > 0 || len(f.tags) > 0 || f.newest > 0):
		return c.wrongUsage("--repository, --tag and --newest require --all")
	case f.all && c.flags.NArg() == 0:
		return c.missing("the registry, docker://HOST,")
	}
	return nil
}

// open opens all that is selected of a registry.
func (f *dumpFlags) open(text string, o *registry.Options) (content.Source, error) {
	host, is := registryAlone(text)
	if !is {
		return nil, artifact.Hint(artifact.Usagef("%s: --all requires a registry", text), "write docker://HOST, and select repositories with --repository")
	}
	var s dump.Selection
	var err error
	if s.Repositories, err = dump.ParseGlobs(f.repositories); err != nil {
		return nil, err
	}
	if s.Tags, err = dump.ParseGlobs(f.tags); err != nil {
		return nil, err
	}
	s.Newest = f.newest
	return dump.OpenAll(host, s, *o)
}

// openRegistryImage opens one image of a registry.
func openRegistryImage(ref image.Reference, o *registry.Options) (content.Source, error) {
	return dump.OpenImage(ref.Path, ref.Name, *o)
}
