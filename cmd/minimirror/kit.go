package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path"
	"slices"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/charts"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/kit"
)

const kitHelp = `usage: minimirror kit [[--image] REFERENCE] [--address URL] [--to DIR]

Writes all the files that a site needs to use this image: to run the mirror (Docker,
podman, systemd, a static pod, the Helm chart), and to configure clients (files, a
script, cloud-init, Ansible), including the key. It prints the key's fingerprint:
compare it with the one that minimirror build printed.

The configuration of programs that pull container images, such as containerd, Docker
and podman, is in a folder for each: client/programs/NAME. If clients use HTTPS, and
your own authority signed the mirror's certificate, --mirror-ca gives the authority's
certificate to all clients.

With --renew, clients also get a systemd timer that fetches their sources file from
the mirror again, so that they see suites and sources that a later image adds. The
timer refuses a file with another key or another address. Without --renew, nothing
changes on a client by itself.

--address is the address that clients use for the mirror. With --transparent, clients
can keep using upstream's host names: the kit lists the names that must resolve to the
mirror, and the mirror answers to them.

REFERENCE is as in "minimirror verify --help". Inside the image, omit it: the kit is
then for that image.

Example:
  minimirror kit docker-archive:docker.tar --address http://10.0.0.1:8080 --to kit
  docker run --rm -v "$PWD:/out" -u "$(id -u)" --entrypoint /minimirror IMAGE kit --to /out/kit
`

func kitVerb(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image to make the kit for")
	address := c.flags.String("address", "http://127.0.0.1:8080", "address of the mirror, as clients will call it")
	to := c.flags.String("to", "", "new folder for the files (default NAME-kit)")
	name := c.flags.String("name", "", "name of the image in container runtimes (default: minimirror.local/NAME with the tag of its lock, or for an image in a registry, its name there with the digest)")
	prefer := c.flags.Bool("prefer", false, "clients prefer the mirror to their other sources")
	authority := c.flags.String("mirror-ca", "", "PEM file with the authority that signed the mirror's certificate, for clients; the address must be https://")
	renew := c.flags.String("renew", "", "when clients renew their files by themselves, in the format of systemd.time(7), such as daily (default: never)")
	transparent := c.flags.Bool("transparent", false, "clients can keep using upstream's host names")
	signed := c.verifyKeyFlag()
	options := registryFlags(c)
	if err := c.parseImage(args, kitHelp, 0); err != nil {
		return err
	}
	if c.imageRef == "" {
		if _, err := os.Stat("/" + layout.Root); err != nil {
			return artifact.Hint(artifact.Usagef("the image is missing, and this program does not run inside one"), "name it, for example: minimirror kit out/docker")
		}
		c.imageRef = image.Unpacked + ":/" + layout.Root
	}
	img, ref, err := c.openReader(ctx, c.imageRef, *options)
	if err != nil {
		return err
	}
	defer img.Close()
	if err := c.verifySigned(ctx, img, *signed, *options); err != nil {
		return err
	}
	k := kit.Kit{Name: img.Name, Digest: img.Digest, Address: *address, Date: img.Date.UTC().Format("2006-01-02 15:04 MST"), Program: programVersion(), Image: *name, Renew: *renew}
	if *renew != "" && *prefer {
		return artifact.Hint(artifact.Usagef("--renew and --prefer cannot be used together: what --prefer writes depends on what the image has, and would be wrong for a later one"),
			"leave out --renew, and run setup.sh again after a change of the definition")
	}
	if k.Image == "" {
		k.Image, _ = img.LocalNames()
		if ref.Transport == image.Docker {
			digest, err := c.pinned(ctx, img, *signed, *options)
			if err != nil {
				return err
			}
			k.Image = img.Reference.Path + "@" + digest
		}
	}
	if *authority != "" {
		if k.Authority, err = artifact.ReadInput(ctx, *authority); err != nil {
			return fmt.Errorf("--mirror-ca: %w", err)
		}
	}
	made, err := kit.New(k)
	if err != nil {
		return err
	}
	if err := fillKit(ctx, made, img, *prefer, *transparent); err != nil {
		return err
	}
	keys, err := c.imageKeys(made.Key)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	for _, key := range keys {
		made.Signers = append(made.Signers, key.String())
		fmt.Fprintf(c.stderr, "signed by %s\n", key)
	}
	files, err := made.Files()
	if err != nil {
		return err
	}
	chart, packed, err := kit.Chart(charts.MiniMirror, "minimirror")
	if err != nil {
		return err
	}
	files[path.Join("server/chart", chart)] = packed
	if *to == "" {
		*to = img.Name + "-kit"
	}
	if err := kit.Write(*to, files); errors.Is(err, fs.ErrPermission) {
		return artifact.Hint(err, "name a folder of your own with --to")
	} else if err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintln(c.stdout, path.Join(*to, file))
	}
	return nil
}

// fillKit adds what the kinds and the sources of the image say.
func fillKit(ctx context.Context, k *kit.Kit, img *image.Reader, prefer, transparent bool) error {
	mirrors, err := mirrorOf(ctx, img)
	if err != nil {
		return err
	}
	if k.Key, err = img.ReadFile(ctx, layout.KeyPath); err != nil {
		return err
	}
	sources, err := img.Sources(ctx)
	if err != nil {
		return err
	}
	k.Systems = bootstrap.Systems(kinds.All(), sources)
	for _, kind := range kinds.All() {
		m, there := mirrors[kind.Name()]
		if !there {
			continue
		}
		if guide, able := artifact.Able[artifact.Guide](kind); able {
			names := artifact.Systems(m.Sources)
			if len(names) == 0 {
				names = []string{""}
			}
			for _, name := range names {
				part := artifact.Mirror{Pins: m.Pins.ForSystem(name), PublicKey: m.PublicKey}
				for _, client := range guide.Clients(part, artifact.ClientOptions{Base: k.Address, Prefer: prefer, Authority: k.Authority}) {
					client.System = name
					k.Clients = append(k.Clients, client)
				}
			}
		}
		for _, s := range m.Sources {
			for _, address := range s.URLs {
				u, err := url.Parse(address)
				if err != nil || !transparent || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil || slices.Contains(k.As, u.Hostname()) {
					continue
				}
				k.As = append(k.As, u.Hostname())
			}
		}
	}
	return nil
}
