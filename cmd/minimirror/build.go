package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/builder/buildkit"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/placement"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/signing"
)

const buildHelp = `usage: minimirror build DEFINITION [--output REFERENCE]
       minimirror build --program-only [--output REFERENCE]

Builds an image from the definition's lock. It fetches the files that the cache
($XDG_CACHE_HOME/minimirror) lacks, verifies them, creates the repository that
clients see, and assembles the image with BuildKit: the embedded one, which needs
no daemon, no root and no namespaces, or the one at --buildkit. A definition
without a lock is locked first; a lock that is out of date is refused (exit 3).

The same lock, program, signing key and previous image give the same image digest everywhere.
Without --sign-key the key in $XDG_CONFIG_HOME/minimirror/signing-key.asc signs
the repository; build creates it if it does not exist. Its private part never enters
the image. If --sign-key is repeated, all keys sign, and clients that trust one of
them accept the image; this is how to replace a key (docs/keys.md). With "signing-key:
FINGERPRINT" in the definition, build refuses all other keys.

An image keeps the layers of the previous image if most of their content is still
in use. Registries and nodes that have that image then need little more than what
changed. build records the layers in mirror.layers, beside the lock: keep both in
version control. --base names another image. Kept layers may contain files that are
no longer used; when these are more than a quarter of all bytes, build replaces the
layers that have most of them. --compact builds all layers again.

An image is for one platform, that of the program in it. If --platform names several,
separated by commas, the result is an index with an image for each. They share all
layers except the program's, so a registry or a folder stores the data once. Without
--platform, build makes an image for this machine, and for each architecture that the
definition carries if there is a program for it: --program ARCHITECTURE=FILE, or a file
minimirror-linux-ARCHITECTURE next to this program, as make release and make programs
write it. A docker-archive can contain only one image. With "split-by-architecture:
true" in the definition, each image carries only the items for its own architecture and
those for all (docs/images.md).

--program-only makes an image that contains only this program, without a definition.
Pods run it to serve an image that stays in its registry (docs/chart.md).

If the disk of the cache or of the output lacks room, build stops before it fetches
anything; minimirror plan shows how much it needs. --force builds anyway.

--sign-image signs the image itself in the formats of cosign: at the tag
sha256-DIGEST.sig, and as a Sigstore bundle. It also attaches SLSA provenance, signed in
the same way: the upstream releases from which the image was made, the programs in it,
and the program that built it. An index and each of its images are signed. Signatures
that the image has already are kept. In a registry, the image gets its tag after its
signatures. verify, bootstrap, serve and kit
require a signature with --verify-key. If cosign encrypted the key, put its password
into MINIMIRROR_KEY_PASSWORD, or the password's file into MINIMIRROR_KEY_PASSWORD_FILE.

--sbom attaches both formats of minimirror sbom as artifacts whose subject is the image
(OCI referrers), to each image of an index. Programs that expect one image in a layout then need its name.

Output references:
  oci:DIR              a directory in the OCI layout (default oci:out/NAME)
  oci-archive:FILE     a tar of that
  docker-archive:FILE  for "docker load"
  docker://HOST/NAME:TAG  a registry; credentials as docker login or podman login keeps them
A plain path also works: FILE.tar is a docker-archive, any other path a folder.

Examples:
  minimirror build images/docker
  minimirror build images/docker --output docker-archive:docker.tar
  minimirror build images/docker --platform linux/amd64,linux/arm64 --program arm64=minimirror-linux-arm64
  minimirror build images/docker --base docker://registry.example.org/site/docker:1
`

func build(ctx context.Context, c *command, args []string) error {
	var output string
	once(c.flags, &output, "output", "where the image goes")
	daemon := c.flags.String("buildkit", "", "address of a BuildKit daemon: unix://, tcp://, docker-container:// or kube-pod:// (default $BUILDKIT_HOST, else embedded)")
	var base string
	once(c.flags, &base, "base", "image whose layers are kept (default: the one that mirror.layers beside the lock describes)")
	platforms := c.flags.StringSlice("platform", nil, "platforms to build images for, such as linux/amd64,linux/arm64 (default: this machine's, and those that the definition carries and that have a program)")
	programs := c.flags.StringArray("program", nil, "program for an image: ARCHITECTURE=FILE, such as arm64=minimirror-linux-arm64; may be repeated")
	compact := c.flags.Bool("compact", false, "keep no layers: build all of them again")
	layerSize := c.flags.String("layer-size", "1G", "maximum size of a new layer with more than one file: bytes, or with K, M or G")
	large := c.flags.Bool("large-layers", false, "allow layers of more than 52,000 MiB, which registries refuse")
	force := c.flags.Bool("force", false, "build even if a disk seems to lack room")
	tlsDir := c.flags.String("buildkit-tls", "", "folder with ca.pem, cert.pem and key.pem for a daemon at tcp://")
	registry := registryFlags(c)
	programOnly := c.flags.Bool("program-only", false, "make an image that contains only the program, to serve images that stay in a registry")
	keyFiles := c.flags.StringArray("sign-key", nil, "file with an OpenPGP private key that signs the repository; may be repeated: all sign")
	signImage := c.flags.StringArray("sign-image", nil, "file with a private key (PEM: ECDSA on P-256, Ed25519, or cosign's) that signs the image itself; may be repeated: all sign")
	list := c.flags.Bool("sbom", false, "attach software bills of materials (SBOM) to the image, as SPDX and CycloneDX")
	printed := c.flags.String("format", "text", "what to print: text or json")
	upstream := c.upstreamFlags()
	if err := c.parseMore(args, buildHelp, 0); err != nil {
		return err
	}
	arguments := 1
	if *programOnly {
		arguments = 0
		if c.flags.Changed("sign-image") || *list {
			return artifact.Hint(artifact.Usagef("--program-only cannot be used with --sign-image or --sbom"), "sign the image in the registry with cosign")
		}
	}
	if slices.Contains(*signImage, "") {
		return c.wrongUsage("--sign-image: the value is missing")
	}
	if err := c.atMost(arguments); err != nil {
		return err
	}
	if c.flags.NArg() < arguments {
		return c.missing("DEFINITION")
	}
	if err := format(*printed); err != nil {
		return err
	}
	limits, err := layerLimits(*layerSize)
	if err != nil {
		return err
	}
	wanted, err := platformsOf(*platforms, *programs)
	if err != nil {
		return err
	}
	follow := builder.Base{Compact: *compact}
	if base != "" {
		if *compact {
			return artifact.Usagef("--base and --compact cannot be used together: one keeps layers, the other keeps none")
		}
		ref, err := image.ParseReadable(base)
		if err != nil {
			return err
		}
		follow.Image = &ref
	}
	if !c.flags.Changed("buildkit") {
		*daemon = os.Getenv("BUILDKIT_HOST")
	}
	var tls buildkit.TLS
	if *tlsDir != "" {
		if tls, err = buildkit.TLSFromDir(*tlsDir); err != nil {
			return err
		}
	}
	if *programOnly {
		return c.buildProgram(ctx, &builder.Builder{BuildKit: *daemon, TLS: tls, Registry: *registry, Progress: progress.To(os.Stderr), Log: c.log(), Platforms: wanted},
			cmp.Or(output, "oci:out/program"), *printed)
	}
	d, err := builder.ReadDefinition(c.flags.Arg(0), kinds.All())
	if err != nil {
		return err
	}
	ref, err := image.ParseWritable(cmp.Or(output, "oci:out/"+d.Name))
	if err != nil {
		return err
	}
	keys, err := c.knownKeys(d, *keyFiles) // before anything is fetched
	if err != nil {
		return err
	}
	imageKeys, err := imageKeys(ctx, *signImage, "sign-image")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := builder.CheckStatic(program); err != nil {
		return err
	}
	store, err := cache.Default()
	if err != nil {
		return err
	}
	client, err := upstream.client(ctx, c, d, store)
	if err != nil {
		return err
	}
	if _, err := os.Stat(d.LockFile()); errors.Is(err, fs.ErrNotExist) {
		if _, err := c.lock(ctx, d, client, builder.LockOptions{}); err != nil {
			return err
		}
		fmt.Fprintf(c.stderr, "%s: written\n", d.LockFile()) // the last line has its size
	}
	b := &builder.Builder{
		Kinds: kinds.All(), Cache: store, Fetch: client,
		Keys:    func() (signing.Keys, error) { return c.ownKey(keys) },
		Program: program, BuildKit: *daemon, TLS: tls, Registry: *registry, Progress: progress.To(os.Stderr), Log: c.log(),
		Platforms: wanted, Base: follow, Layers: limits, LargeLayers: *large, Force: *force, SBOM: *list, SignImage: imageKeys, Running: program, Version: programVersion(),
	}
	built, err := b.Build(ctx, d, ref)
	if err != nil {
		return err
	}
	name := built.Name
	if ref.Transport == image.Docker || ref.Name != "" {
		name = "" // --output names it
	}
	made := make([]string, len(built.Programs))
	for i, p := range built.Programs {
		made[i] = p.Platform()
	}
	if *printed == "json" {
		return json.NewEncoder(c.stdout).Encode(map[string]any{
			"reference": ref.String(), "name": name, "digest": built.Digest, "items": built.Items, "files": built.Files, "size": built.Size, "signing_keys": built.Keys, "layers": built.Shipped, "platforms": made})
	}
	for _, key := range built.Keys {
		fmt.Fprintf(c.stderr, "signed by %s\n", key)
	}
	fmt.Fprintf(c.stderr, "%s: %s\n", cmp.Or(name, ref.String()), quantity(built.Items, "item", built.Size))
	if len(made) > 1 || len(*platforms) > 0 {
		for _, p := range built.Programs {
			fmt.Fprintf(c.stderr, "%s: program %s\n", p.Platform(), p.File)
		}
	}
	if s := built.Shipped; s.Kept > 0 {
		are := "are"
		if s.Kept == 1 {
			are = "is"
		}
		fmt.Fprintf(c.stderr, "%s of the previous image %s kept; new: %s, and the program if it has changed\n", counted(s.Kept, "layer"), are, bytesize.MB(s.New))
	}
	_, err = fmt.Fprintf(c.stdout, "%s %s\n", ref, built.Digest)
	return err
}

// minLayerSize is the smallest --layer-size: there would be too many layers.
const minLayerSize = 1 << 20

func layerLimits(size string) (o placement.Options, err error) {
	if o.LayerSize, err = bytesize.Parse(size); err != nil {
		return o, artifact.Usagef("--layer-size %s: %v", size, err)
	}
	if o.LayerSize < minLayerSize {
		return o, artifact.Usagef("--layer-size %s: it must be at least 1M", size)
	}
	return o, nil
}

// platformsOf reads --platform and --program.
func platformsOf(names, files []string) (builder.Platforms, error) {
	p := builder.Platforms{Programs: make(map[string]string)}
	for _, name := range names {
		platform, err := image.ParsePlatform(name)
		if err != nil {
			return p, fmt.Errorf("--platform: %w", err)
		}
		if platform.Variant != "" {
			return p, artifact.Usagef("--platform %s: images are not built for variants of an architecture; write linux/%s", name, platform.Architecture)
		}
		p.Architectures = append(p.Architectures, platform.Architecture)
	}
	for _, text := range files {
		name, file, found := strings.Cut(text, "=")
		if !found || name == "" || file == "" {
			return p, artifact.Hint(artifact.Usagef("--program %s: want ARCHITECTURE=FILE", text), "write, for example, --program arm64=minimirror-linux-arm64")
		}
		platform, err := image.ParsePlatform(name)
		if err != nil {
			return p, fmt.Errorf("--program %s: %w", text, err)
		}
		if p.Programs[platform.Architecture] != "" {
			return p, artifact.Usagef("--program: two files for %s: %s and %s", platform.Architecture, p.Programs[platform.Architecture], file)
		}
		p.Programs[platform.Architecture] = file
	}
	return p, nil
}

// buildProgram makes the image of the program alone.
func (c *command) buildProgram(ctx context.Context, b *builder.Builder, output, printed string) error {
	ref, err := image.ParseWritable(output)
	if err != nil {
		return err
	}
	if b.Program, err = os.Executable(); err != nil {
		return err
	}
	if b.Cache, err = cache.Default(); err != nil {
		return err
	}
	made, programs, err := b.BuildProgram(ctx, programTag(), ref)
	if err != nil {
		return err
	}
	platforms := make([]string, len(programs))
	for i, p := range programs {
		platforms[i] = p.Platform()
		fmt.Fprintf(c.stderr, "%s: program %s\n", p.Platform(), p.File)
	}
	if printed == "json" {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"reference": ref.String(), "digest": made, "platforms": platforms})
	}
	_, err = fmt.Fprintf(c.stdout, "%s %s\n", ref, made)
	return err
}
