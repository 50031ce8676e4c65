package builder

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/builder/buildkit"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/signing"
)

// A Builder makes images from locks.
type Builder struct {
	Kinds    []artifact.Kind
	Cache    *cache.Cache
	Fetch    *fetch.Client
	Keys     func() (signing.Keys, error) // asked for when everything else is there
	Program  string                       // path of the static program that goes into the image for this machine's platform
	BuildKit string                       // address of a BuildKit daemon; empty: the embedded one
	TLS      buildkit.TLS
	Registry registry.Options // how to reach the registry that the image goes to

	Platforms Platforms
	SBOM      bool            // attach lists of software to the image
	SignImage []crypto.Signer // sign the image itself; none: nobody does
	Running   string          // path of the program that runs, for the provenance of signed images
	Version   string          // of this program, likewise

	Base        Base
	Layers      placement.Options
	LargeLayers bool                                         // layers may be larger than any registry takes
	Force       bool                                         // build even if a disk seems to lack room
	Free        func(folder string) (bytes int64, err error) // how much more may be written to a folder; nil: as the system says
	Progress    *progress.Reporter
	Log         *slog.Logger
}

// Built describes the result of Build.
type Built struct {
	Digest digest.Digest  // of the manifest, or of the index of several images
	Name   string         // by which container runtimes know the image when they load it; see image.LocalNames
	Keys   []signing.Info // that signed
	Items  int
	Files  int   // of the items, each once
	Size   int64 // of these files, bytes

	Programs []Program // of the images: one for each platform
	Shipped  Shipped
}

// Build makes the image of a definition's lock at output. It downloads only
// what the cache lacks. The error is artifact.ErrStale if the lock does not
// match the definition.
func (b *Builder) Build(ctx context.Context, d *Definition, output image.Reference) (*Built, error) {
	lock, lockDigest, err := readFresh(d, lockfile.ReadComplete)
	if err != nil {
		return nil, err
	}
	programs, err := b.programs(lock, b.architectures(d, lock), output)
	if err != nil {
		return nil, err
	}
	entries, err := b.programEntries(programs)
	if err != nil {
		return nil, err
	}
	whole, files := lock, lockedFiles(lock)
	parts, err := b.parts(d, whole, files, architecturesOf(programs))
	if err != nil {
		return nil, err
	}
	lock, files = together(whole, files, parts)
	if len(b.Platforms.Architectures) == 0 {
		b.warnLeftOut(d, whole, lock, parts, output)
	}
	if err := checkLocal(ctx, files, d, b.Cache); err != nil {
		return nil, err
	}
	base, err := b.base(ctx, d)
	if err != nil {
		return nil, err
	}
	if !b.Force && !b.haveRoom(files, output) {
		forecast, err := b.forecast(lock, files, parts, base, output)
		if err == nil {
			err = forecast.Fits()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := b.fromBase(ctx, files, lock); err != nil {
		return nil, err
	}
	if err := b.fetch(ctx, "files", missingFiles(files, b.Cache, filepath.Dir(d.File))); errors.Is(err, fs.ErrNotExist) {
		return nil, artifact.Hint(err, "upstream no longer has what the lock pins; run: minimirror lock --update %s", d.File)
	} else if err != nil {
		return nil, err
	}
	if err := b.checkFiles(ctx, lock); err != nil {
		return nil, err
	}
	if err := b.fetch(ctx, "files that upstream signed", missingProofs(lock, b.Cache)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, artifact.ErrVerify) {
		return nil, artifact.Hint(fmt.Errorf("%w: upstream has replaced what it had signed: %w", artifact.ErrStale, err),
			"run: minimirror lock %s (it keeps the versions where upstream still has them), or build with a cache that has it, or write \"upstream: omit\" in the definition", d.File)
	} else if err != nil {
		return nil, err
	}
	b.cacheProofs(lock)
	keys, err := b.Keys()
	if err != nil {
		return nil, err
	}
	if err := d.CheckSigningKeys(keys); err != nil {
		return nil, err
	}
	signer, err := keys.At(lock.Date, nil)
	if err != nil {
		return nil, err
	}
	var plans []*plan
	for _, part := range parts {
		p := &plan{part: part, digest: lockDigest, kinds: b.Kinds, cache: b.Cache, base: base, sizes: b.Layers}
		for i, program := range programs {
			if part.architecture == "" || part.architecture == program.Architecture {
				p.programs, p.entries = append(p.programs, program), append(p.entries, entries[i])
			}
		}
		if err := b.generate(ctx, p, signer); err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	layers, err := b.layOut(ctx, plans, output)
	if err != nil {
		return nil, err
	}
	built := &Built{Programs: programs, Items: len(lock.Items), Keys: keys.Infos()}
	for n, p := range plans {
		sizes := make([]int64, len(layers[n]))
		for i, l := range layers[n] {
			sizes[i] = l.Size()
		}
		if err := b.checkSizes(p, sizes, n == 0); err != nil {
			return nil, err
		}
		built.Shipped.ship(p, sizes, n == 0)
	}
	built.Name, _ = plans[0].names()
	for _, f := range files {
		built.Files++
		built.Size += f.Size
	}
	if built.Digest, err = b.bake(ctx, plans, layers, output); err != nil {
		return nil, err
	}
	if err := b.writeLayers(d, plans); err != nil {
		b.Log.Warn("the next image will share no layers with this one, unless it is built with --base", "error", err)
	}
	return built, nil
}

// generate makes the files that are not upstream's.
func (b *Builder) generate(ctx context.Context, p *plan, signer artifact.Signer) error {
	p.files = []artifact.Generated{{Path: layout.KeyPath, Data: signer.PublicKey(), Modified: p.lock.Date}}
	for _, kind := range b.Kinds {
		pins := pinsOf(p.lock, kind.Name())
		pins.Open = func(name string) (io.ReadCloser, error) { return b.openProof(p.lock, name) }
		generated, err := kind.Publish(pins, signer)
		if err != nil {
			return err
		}
		p.files = append(p.files, generated...)
	}
	licences, err := b.licences(ctx, p.lock)
	if err != nil {
		return err
	}
	if licences != nil {
		p.files = append(p.files, artifact.Generated{Path: layout.LicencesName, Data: licences, Modified: p.lock.Date})
	}
	p.scripts, err = b.scripts(ctx, p.lock)
	return err
}

// readFresh returns the definition's lock as read returns it, if it matches the definition.
func readFresh(d *Definition, read func(file string) (*lockfile.Lock, string, error)) (*lockfile.Lock, string, error) {
	lock, lockDigest, err := read(d.LockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", artifact.Hint(fmt.Errorf("%s: there is no lock yet: %w", d.LockFile(), artifact.ErrStale), "run: minimirror lock %s", d.File)
	}
	if errors.Is(err, lockfile.ErrProofs) {
		return nil, "", restore(err, d)
	}
	if err != nil {
		return nil, "", err
	}
	if lock.Definition != d.Digest || lock.Name != d.Name {
		return nil, "", artifact.Hint(fmt.Errorf("%s: %w: %s has changed since", d.LockFile(), artifact.ErrStale, d.File), "run: minimirror lock %s", d.File)
	}
	return lock, lockDigest, nil
}

// restore says what to do about a lockfile.ErrProofs.
func restore(err error, d *Definition) error {
	return artifact.Hint(err, "restore both files from the same commit, or run: minimirror lock %s (it keeps the versions where upstream still has them)", d.File)
}

// fetch downloads what the cache lacks.
func (b *Builder) fetch(ctx context.Context, what string, missing []fetch.Wanted) error {
	if len(missing) == 0 {
		return nil
	}
	var size int64
	for _, a := range missing {
		size += a.Size
	}
	phase := b.Progress.Phase(fmt.Sprintf("fetch %d %s", len(missing), what), size)
	b.Fetch.Received = phase.Add
	err := b.Fetch.All(ctx, missing)
	phase.End(err)
	return err
}

// bake has BuildKit assemble the image from the layers.
func (b *Builder) bake(ctx context.Context, plans []*plan, layers [][]*tarlayer.Layer, output image.Reference) (digest.Digest, error) {
	var size int64
	var images []buildkit.Image
	for n, p := range plans {
		for i, layer := range layers[n] {
			if n == 0 || !p.isShared(i) {
				size += layer.Size()
			}
		}
		more, err := p.images(layers[n])
		if err != nil {
			return "", err
		}
		images = append(images, more...)
	}
	phase := b.Progress.Phase("write "+output.String(), size)
	pinned, latest := plans[0].names()
	a, err := b.attachments(ctx, plans, layers, output)
	if err != nil {
		return "", err
	}
	defer a.remove()
	made, err := buildkit.Bake(ctx, buildkit.Options{
		Addr: b.BuildKit, TLS: b.TLS, Registry: b.Registry, StateDir: b.stateDir(), Image: images[0], Others: images[1:], Notes: b.Cache,
		Output: output, Names: []string{pinned, latest}, Progress: phase.Set, Log: b.Log, Attach: a.attach(),
	})
	phase.End(err)
	if errors.Is(err, artifact.ErrVerify) {
		for _, p := range plans {
			b.evict(p)
		}
		err = artifact.Hint(err, "type the same command again: what was damaged has been removed from the cache")
	}
	return made, err
}

// names are the image's names in container runtimes.
func (p *plan) names() (pinned, latest string) {
	return layout.LocalNames(p.lock.Name, p.lock.Date, p.digest)
}

// stateDir is BuildKit's working folder: a complete cache may be read-only.
func (b *Builder) stateDir() string {
	if unix.Access(b.Cache.TempDir(), unix.W_OK) != nil {
		return ""
	}
	return b.Cache.TempDir()
}

// evict removes damaged files from the cache.
func (b *Builder) evict(p *plan) {
	for _, program := range p.programs {
		forgetProgram(program.File, b.Cache)
	}
	check := func(title string, content artifact.Content) {
		if _, err := b.Cache.Check(content); errors.Is(err, artifact.ErrVerify) {
			b.Log.Warn("removed from the cache", "file", title, "error", err)
		}
	}
	for _, f := range p.items {
		check(f.title(), f.Content())
	}
	for i := range p.lock.Sources {
		for _, r := range p.lock.Sources[i].Releases {
			for _, proof := range r.Proofs {
				check(p.lock.Sources[i].ProofID(&proof), artifact.Content{Size: proof.Size, SHA256: proof.SHA256})
			}
		}
	}
	for _, l := range p.placed {
		for _, f := range l.Unused {
			check(f.Path, artifact.Content{Size: f.Size, SHA256: f.SHA256})
		}
	}
}

// images are the images for all platforms: they differ in the program alone. layers are those of the first.
func (p *plan) images(layers []*tarlayer.Layer) ([]buildkit.Image, error) {
	images := []buildkit.Image{{Layers: layers, Config: p.config(p.programs[0].Architecture)}}
	for i := 1; i < len(p.programs); i++ {
		program, err := tarlayer.New(p.entries[i : i+1])
		if err != nil {
			return nil, err
		}
		others := slices.Clone(layers)
		others[len(p.placed)] = program
		images = append(images, buildkit.Image{Layers: others, Config: p.config(p.programs[i].Architecture)})
	}
	return images, nil
}

// config is the image's configuration, which depends on the lock and the platform alone.
func (p *plan) config(architecture string) ocispec.Image {
	created := p.lock.Date.UTC()
	var history []ocispec.History
	for _, title := range p.titles {
		history = append(history, ocispec.History{Created: &created, CreatedBy: "minimirror build", Comment: title})
	}
	var carried []string
	for _, s := range p.lock.Sources {
		carried = append(carried, s.Name)
	}
	slices.Sort(carried)
	return ocispec.Image{
		Created:  &created,
		History:  history,
		Platform: ocispec.Platform{OS: "linux", Architecture: architecture},
		Config: ocispec.ImageConfig{
			Entrypoint:   []string{"/" + layout.ProgramPath, "serve"},
			User:         "65532:65532",
			ExposedPorts: map[string]struct{}{"8080/tcp": {}},
			Labels: map[string]string{
				ocispec.AnnotationTitle:       p.lock.Name,
				ocispec.AnnotationDescription: "miniMirror of " + strings.Join(carried, ", "),
				layout.Revision:               p.digest,
				layout.CatalogLabel:           p.label,
			},
		},
	}
}
