package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/server"
)

const serveHelp = `usage: minimirror serve [--image REFERENCE | --root DIR] [--listen ADDRESS]

Serves an image: in place from oci:DIR, oci-archive:FILE or docker-archive:FILE
(nothing is unpacked), or from an unpacked tree. Inside the image no flag is
needed: it serves its own /mirror.

A machine becomes a client with (apt 2.3.10 or later):
  curl -fsS http://ADDRESS/minimirror.sources -o /etc/apt/sources.list.d/minimirror.sources
or, without curl:
  /usr/lib/apt/apt-helper download-file http://ADDRESS/minimirror.sources /etc/apt/sources.list.d/minimirror.sources

SIGTERM and SIGINT end it: running downloads may finish within the grace time.

Example:
  minimirror serve --image oci:out/docker
`

func serve(ctx context.Context, c *command, args []string) error {
	ref := c.flags.String("image", "", "serve this image in place")
	root := c.flags.String("root", "", "serve this unpacked tree (default /"+image.Root+", without --image)")
	listen := c.flags.String("listen", ":8080", "address and port to listen on")
	grace := c.flags.Duration("grace", 30*time.Second, "how long running downloads may take to finish at the end")
	if err := c.parse(args, serveHelp, 0); err != nil {
		return err
	}
	if *ref != "" && *root != "" {
		return artifact.Usagef("--image and --root exclude each other")
	}
	img, err := openImage(*ref, *root)
	if err != nil {
		return err
	}
	defer img.Close()
	s, err := server.New(server.Options{Image: img, Kinds: kinds.All(), Grace: *grace, Log: c.log(), Version: programVersion()})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return artifact.Hint(err, "choose another with --listen [ADDRESS]:PORT, for example :8080")
	}
	fmt.Fprintf(c.stderr, "listening on http://%s\n", listener.Addr())
	return s.Run(ctx, listener)
}

func openImage(ref, root string) (*image.Image, error) {
	if ref != "" {
		parsed, err := image.ParseReadable(ref)
		if err != nil {
			return nil, err
		}
		img, err := image.Open(parsed)
		if errors.Is(err, fs.ErrNotExist) {
			err = artifact.Hint(err, "make it with: minimirror build DEFINITION --output %s", ref)
		}
		return img, err
	}
	if root != "" {
		return image.OpenRoot(root)
	}
	root = "/" + image.Root
	if _, err := os.Stat(root); err != nil {
		return nil, artifact.Hint(artifact.Usagef("there is nothing to serve here"), "name an image, for example: minimirror serve --image oci:out/docker")
	}
	return image.OpenRoot(root)
}
