package main

import (
	"context"
	"os"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/signing"
)

// openImage opens what is to be served: an image, an unpacked tree, or what this program lies in. closer closes it.
func (c *command) openImage(ctx context.Context, f *serveFlags) (img *image.Image, closer func() error, err error) {
	switch {
	case c.imageRef != "":
		ref, err := c.readable(c.imageRef)
		if err != nil {
			return nil, nil, err
		}
		if ref.Transport == image.Docker {
			return f.remote.open(ctx, c, ref)
		}
		if err := f.remote.unused(c); err != nil {
			return nil, nil, err
		}
		if img, err = image.Open(ref); err != nil {
			return nil, nil, hintMissing(err, c.imageRef)
		}
		return img, img.Close, nil
	case f.root == "":
		f.root = "/" + layout.Root
		if _, err := os.Stat(f.root); err != nil {
			return nil, nil, artifact.Hint(artifact.Usagef("there is nothing to serve here"), "name an image, for example: minimirror serve --image oci:out/docker")
		}
	}
	if c.platform != "" {
		return nil, nil, artifact.Usagef("--platform requires --image: an unpacked image is for one platform")
	}
	if err := f.remote.unused(c); err != nil {
		return nil, nil, err
	}
	if img, err = image.OpenRoot(f.root); err != nil {
		return nil, nil, err
	}
	return img, img.Close, nil
}

// servedIsSigned applies --verify-key to the image that is served.
func (c *command) servedIsSigned(ctx context.Context, img *image.Image, f *serveFlags) error {
	if len(*f.verifyKeys) == 0 {
		return nil
	}
	if c.imageRef == "" {
		return artifact.Usagef("--verify-key requires --image: an unpacked image has no signatures")
	}
	if remote := img.Remote(); remote != nil {
		keys, err := readVerifyKeys(ctx, *f.verifyKeys)
		if err != nil {
			return err
		}
		return remote.VerifySignature(ctx, keys, *f.remote.registry)
	}
	reader, ref, err := c.openReader(ctx, c.imageRef, *f.remote.registry)
	if err != nil {
		return err
	}
	defer reader.Close()
	if reader.Digest != img.Digest {
		return artifact.Verifyf("%s: it has become another image since it was opened, %s instead of %s", ref, reader.Digest, img.Digest)
	}
	return c.verifySigned(ctx, reader, *f.verifyKeys, *f.remote.registry)
}

// signer makes signers of the keys in the files, which must be the image's; nil if there are no files. known are the image's keys, of
// which it warns if they expire, or do not sign.
func (c *command) signer(img *image.Image, files []string) (signer func(time.Time) (artifact.Signer, error), known []signing.Info, err error) {
	public, err := img.ReadFile(layout.KeyPath)
	if err != nil {
		return nil, nil, err
	}
	known, err = c.imageKeys(public)
	if len(files) == 0 {
		if err != nil {
			c.log().Warn("clients will refuse the mirror: the key that signed the image cannot be read", "error", err)
		}
		return nil, known, nil
	}
	if err != nil {
		return nil, nil, err
	}
	keys, err := signing.ReadAll(files, c.now())
	if err != nil {
		return nil, nil, err
	}
	others, err := keys.CheckFor(known)
	if err != nil {
		return nil, nil, artifact.Hint(err, "name the key that minimirror build used")
	}
	for _, key := range others {
		c.log().Warn("a key of the image is not given with --sign-key: clients that know only that key refuse the mirror once rules change an index; give its file with another --sign-key", "key", key.Fingerprint)
	}
	return func(date time.Time) (artifact.Signer, error) { return keys.At(date, public) }, known, nil
}

// warnAgain warns of the image's keys at every tick: a server runs for months.
func (c *command) warnAgain(ctx context.Context, known []signing.Info, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			signing.Warn(c.log(), known, c.now())
		}
	}
}
