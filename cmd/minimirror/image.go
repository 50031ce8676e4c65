package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// referenceHelp explains references in the help of the verbs that take an image.
const referenceHelp = `REFERENCE is the path of an image: a folder in the OCI layout, an unpacked image, or
an archive from minimirror build, docker save, podman save, ctr images export or
skopeo copy, compressed or not. A prefix can name the type, and a suffix one of
several images: oci:DIR[:NAME], oci-archive:FILE[:NAME],
docker-archive:FILE[:NAME:TAG], root:DIR (an unpacked image). docker://HOST/NAME:TAG
(or @sha256:…) is an image in a registry, and "-" an archive on standard input. A word
with such a prefix is never a path: write ./oci:x for a file called oci:x.
`

// imageFlag declares --image, for a verb that takes an image; see parseImage.
func (c *command) imageFlag(usage string) {
	once(c.flags, &c.imageRef, "image", usage)
	c.platformFlag()
}

// platformFlag declares --platform; see readable.
func (c *command) platformFlag() {
	once(c.flags, &c.platform, "platform", "if an index has images for several platforms: the one to use, such as linux/arm64 (default: this machine's)")
}

// parseImage is parse for a verb that takes an image: with --image, or as the last argument. c.imageRef
// is then the image, or empty.
func (c *command) parseImage(args []string, text string, arguments int) error {
	if err := c.parseMore(args, text, arguments); err != nil {
		return err
	}
	return c.imageArgument(arguments)
}

// imageArgument takes the argument behind so many others for the image, if there is one.
func (c *command) imageArgument(arguments int) error {
	if err := c.atMost(arguments + 1); err != nil || c.flags.NArg() == arguments {
		return err
	}
	return c.imageIs(c.flags.Arg(arguments))
}

// imageIs takes an argument for the image.
func (c *command) imageIs(argument string) error {
	if c.imageRef != "" {
		return c.wrongUsage("two images are given, %s and %s: give one", c.imageRef, argument)
	}
	c.imageRef = argument
	return nil
}

// openReader opens an image anywhere.
func (c *command) openReader(ctx context.Context, text string, options registry.Options) (*image.Reader, image.Reference, error) {
	ref, err := c.readable(text)
	if err != nil {
		return nil, ref, err
	}
	img, err := image.OpenReader(ctx, ref, image.Options{Registry: options})
	return img, ref, hintMissing(err, text)
}

// readable parses a reference to an image, with the platform that --platform names.
func (c *command) readable(text string) (image.Reference, error) {
	ref, err := image.ParseReadable(text)
	if err == nil && c.platform != "" {
		p, err := image.ParsePlatform(c.platform)
		if err != nil {
			return ref, fmt.Errorf("--platform: %w", err)
		}
		ref.Platform = strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
	}
	return ref, err
}

// hintMissing says how to make an image that is not there.
func hintMissing(err error, text string) error {
	var hint *artifact.HintError
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &hint) {
		return err
	}
	return artifact.Hint(err, "make it with: minimirror build DEFINITION --output %s", text)
}

// registryFlags are the flags that say how to reach a registry.
func registryFlags(c *command) *registry.Options {
	o := new(registry.Options)
	c.flags.StringVar(&o.CAFile, "registry-ca", "", "PEM file with authorities to accept for the registry, besides the system's")
	c.flags.StringVar(&o.HostsDir, "registry-hosts", "", "folder of hosts.toml files, as containerd reads them: mirrors, authorities")
	c.flags.BoolVar(&o.Insecure, "insecure", false, "a registry may be plain HTTP, or have a certificate that does not verify")
	return o
}

// formerly lets a flag be given by the name that it had, too. --help does not show that name.
func formerly(flags *pflag.FlagSet, old, name string) {
	f := *flags.Lookup(name)
	f.Name, f.Hidden = old, true
	flags.AddFlag(&f)
}

// once declares a flag that may be given only once. Otherwise the first value would be lost without a warning.
func once(flags *pflag.FlagSet, value *string, name, usage string) {
	flags.Var(&onceValue{text: value}, name, usage)
}

// A onceValue is the text of a flag.
type onceValue struct {
	text  *string
	given bool
}

func (v *onceValue) Set(text string) error {
	if v.given {
		return fmt.Errorf("given twice, as %q and %q", *v.text, text)
	}
	*v.text, v.given = text, true
	return nil
}

func (v *onceValue) String() string { return *v.text }

func (v *onceValue) Type() string { return "string" }
