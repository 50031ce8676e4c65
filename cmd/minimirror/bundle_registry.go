package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/content"
	dump "github.com/minimirror/minimirror/internal/content/registry"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
)

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

// parseDestination reads what import --to names: as ParseReference does, or docker://HOST.
func parseDestination(text string) (image.Reference, error) {
	if host, is := registryAlone(text); is {
		return image.Reference{Transport: image.Docker, Path: host}, nil
	}
	return image.ParseReference(text)
}

// checkPrefix wants a beginning of names.
func checkPrefix(prefix string, refs []image.Reference) error {
	if prefix == "" {
		return nil
	}
	if !layout.RepositoryName.MatchString(prefix + "x") {
		return artifact.Hint(artifact.Usagef("--prefix %q: not the beginning of a name in a registry", prefix), "write --prefix mirror/, in lower case")
	}
	for _, ref := range refs {
		if ref.Transport == image.Docker && ref.Name == "" {
			return nil
		}
	}
	return artifact.Hint(artifact.Usagef("--prefix requires a registry without a name"), "write --to docker://HOST --prefix %s", prefix)
}

// openRegistrySink opens a registry for an import. The manifests wait beside the file that remembers what was imported.
func openRegistrySink(ref image.Reference, prefix string, h *bundle.Header, state string, o *registry.Options) (content.Sink, error) {
	host, repository, _ := strings.Cut(ref.Path, "/")
	sum := sha256.Sum256([]byte(ref.String() + " " + prefix))
	staging := filepath.Join(filepath.Dir(state), "manifests", h.ID+"-"+hex.EncodeToString(sum[:8]))
	var base []content.Blob
	if h.Base != nil {
		base = h.Base.Blobs
	}
	return dump.NewSink(dump.Target{Host: host, Repository: repository, Reference: ref.Name, Prefix: prefix}, *o, h.Images, base, staging)
}
