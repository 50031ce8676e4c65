package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// remoteFlags say how an image in a registry is served.
type remoteFlags struct {
	cache, size string
	registry    *registry.Options
}

func (f *remoteFlags) declare(c *command) {
	once(c.flags, &f.cache, "cache", "for an image in a registry: folder for files that were read from it (default $XDG_CACHE_HOME/minimirror/serve)")
	c.flags.StringVar(&f.size, "cache-size", "10G", "for an image in a registry: maximum size of these files on the disk, such as 500M or 20G")
	f.registry = registryFlags(c)
}

// unused refuses flags that do nothing.
func (f *remoteFlags) unused(c *command) error {
	for _, name := range []string{"cache", "cache-size", "registry-ca", "registry-hosts", "insecure"} {
		if c.flags.Changed(name) {
			return artifact.Hint(artifact.Usagef("--%s applies only to an image in a registry", name), "leave it out, or name an image like docker://HOST/NAME:TAG")
		}
	}
	return nil
}

// open opens the image, and the cache of its files.
func (f *remoteFlags) open(ctx context.Context, c *command, ref image.Reference) (*image.Image, func() error, error) {
	size, err := bytesize.Parse(f.size)
	if err != nil {
		return nil, nil, artifact.Usagef("--cache-size %w", err)
	}
	if f.cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, nil, artifact.Hint(fmt.Errorf("cache: %w", err), "name a folder that this user may write to: --cache DIR")
		}
		f.cache = filepath.Join(base, "minimirror", "serve")
	}
	cache, err := filecache.Open(filecache.Options{Dir: f.cache, Size: size, Log: c.log()})
	if err != nil {
		return nil, nil, err
	}
	img, err := image.OpenRemote(ctx, ref, image.RemoteOptions{Registry: *f.registry, Cache: cache, Log: c.log()})
	if err != nil {
		return nil, nil, errors.Join(err, cache.Close())
	}
	stats := cache.Stats()
	c.log().Info("the image is served from its registry", "image", img.Remote().State().Reference, "asked", ref.String(), "cache", f.cache,
		"files", stats.Files, "bytes", stats.Bytes, "size", stats.Size)
	if free, err := cache.Free(); err == nil && free < size-stats.Bytes {
		c.log().Warn("the disk has less free space than --cache-size allows; when it is full, older files are removed earlier", "cache", f.cache, "free", free, "size", size)
	}
	return img, func() error { return errors.Join(img.Close(), cache.Close()) }, nil
}
