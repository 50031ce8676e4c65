// Package buildkit assembles layers into an image: it describes the layers to
// BuildKit, which assembles, exports and pushes the image. It is the last step of a build,
// after everything that decides what the layers contain, and is the only package
// that imports github.com/moby/buildkit.
//
// BuildKit reads one OCI image layout that exists only as responses over the
// session: manifest, configuration and the layers, whose bytes are generated from
// cached files while they are read. It uses the layers unchanged: nothing is
// unpacked or mounted, so an ordinary user without namespaces can build. One
// source with all layers makes the same image as one source for each layer and an
// llb.Merge over them, and BuildKit keeps half as much metadata for it (a third with
// 16 layers).
//
// BuildKit returns the manifest and configuration (its oci exporter, into a
// content store of ours that already has the layers). The package then writes a directory or
// an archive from those and the layers, without sending the layers through
// gRPC again. BuildKit itself pushes to a registry.
package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// Options say what to assemble, with which BuildKit, and where to write it.
type Options struct {
	// Addr is a BuildKit daemon: unix://, tcp://, docker-container://NAME or
	// kube-pod://NAME. Empty: the BuildKit inside this program.
	Addr string
	TLS  TLS // for Addr

	// StateDir is where the BuildKit inside this program keeps a few hundred kB
	// while it works, in a folder of its own that is removed at the end. Empty: os.TempDir.
	StateDir string

	Image
	// Others are the same image for other platforms. If there are any, the result is an index of all images, Image first. Layers
	// that are the same pointer are read once.
	Others []Image
	Notes  tarlayer.Notes // remember the layers' digests; may be nil

	Output image.Reference
	// Names are the image's names in container runtimes if Output has no name: a docker-archive has all
	// of them, an OCI layout only the first, because its readers expect one.
	Names []string
	// Registry says how to reach the registry to push to. A daemon at Addr has its own settings, of which only Insecure changes any.
	Registry registry.Options

	// Attach makes what is attached to the image or index of a descriptor; nil: nothing. It is called for the image; or for the index, whose
	// descriptor has no platform, and then for each of its images. A docker-archive cannot have any.
	Attach func(ocispec.Descriptor) ([]attached.Artifact, error)

	// Progress is called with the bytes done and the total; it must return quickly. May be nil.
	Progress func(done, total int64)
	Log      *slog.Logger // may be nil
}

// An Image is what an image for one platform consists of.
type Image struct {
	Layers []*tarlayer.Layer // from the lowest

	// Config is the image's configuration. Bake fills in RootFS and, when it is
	// empty, one History entry for each layer. Created is the time of everything.
	Config ocispec.Image
}

// images are all images to make.
func (o *Options) images() []Image { return append([]Image{o.Image}, o.Others...) }

// layers are the layers of all images, each once.
func (o *Options) layers() (all []*tarlayer.Layer) {
	seen := make(map[*tarlayer.Layer]bool)
	for _, img := range o.images() {
		for _, l := range img.Layers {
			if !seen[l] {
				seen[l] = true
				all = append(all, l)
			}
		}
	}
	return all
}

// An output is a destination for an image. It holds its lock from open to close.
type output interface {
	// blobs writes what can be written before the image is assembled.
	blobs(ctx context.Context, layers *layerSet, progress *meter) error
	// commit makes the image visible.
	commit(ctx context.Context, img *baked, progress *meter) error
	// close undoes everything unless commit succeeded.
	close()
}

// A baked image is what BuildKit assembled.
type baked struct {
	manifest ocispec.Descriptor  // or the index of several
	store    *store              // has manifests, configurations and layers
	attached []attachedArtifacts // that were not pushed
}

// Bake makes the image and returns the digest of its manifest, or of the index of several images. The digest depends on
// Layers and Config alone: not on the machine, the user, the output (a
// docker-archive carries the same manifest) or the daemon. On failure, and when
// ctx ends, Output is unchanged.
func Bake(ctx context.Context, o Options) (digest.Digest, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quiet(o.Log)
	out, err := openOutput(ctx, o)
	if err != nil {
		return "", explain(ctx, err, o)
	}
	defer out.close()
	var daemon *client.Client
	if o.Addr != "" {
		if daemon, err = connect(ctx, o); err != nil {
			return "", explain(ctx, err, o)
		}
		defer daemon.Close()
	}
	progress := newMeter(o)
	layers, err := describe(ctx, o, progress)
	if err != nil {
		return "", explain(ctx, err, o)
	}
	sum, err := bake(ctx, o, daemon, out, layers, progress)
	if err != nil {
		suspect := strings.Contains(err.Error(), "digest") || o.Addr == "" && errors.Is(err, errBrokenOff)
		if suspect && ctx.Err() == nil {
			err = cmp.Or(layers.verify(ctx), err)
		}
		return "", explain(ctx, err, o)
	}
	return sum, nil
}

func bake(ctx context.Context, o Options, daemon *client.Client, out output, layers *layerSet, progress *meter) (digest.Digest, error) {
	src, err := newSource(o.images(), layers)
	if err != nil {
		return "", err
	}
	var img *baked
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return out.blobs(groupCtx, layers, progress) })
	group.Go(func() (err error) {
		img, err = solve(groupCtx, o, daemon, src, progress)
		return err
	})
	if err := group.Wait(); err != nil {
		return "", err
	}
	if o.Output.Transport == image.Docker {
		err = o.attachPushed(ctx, img)
	} else {
		img.attached, err = o.attachStored(ctx, img)
	}
	if err != nil {
		return "", err
	}
	if err := out.commit(ctx, img, progress); err != nil {
		return "", err
	}
	progress.finish()
	return img.manifest.Digest, nil
}

func openOutput(ctx context.Context, o Options) (output, error) {
	switch o.Output.Transport {
	case image.OCI:
		return openDirectory(ctx, o.Output.Path, layoutNames(o), o.Log)
	case image.OCIArchive, image.DockerArchive:
		return openArchive(o)
	case image.Docker:
		return openRegistry(o)
	}
	return nil, fmt.Errorf("%s: images cannot be written there", o.Output)
}
