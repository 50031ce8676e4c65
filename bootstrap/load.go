package bootstrap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// loaders are the commands that take a docker-archive on standard input.
var loaders = map[string][]string{
	"docker":     {"docker", "load"},
	"podman":     {"podman", "load"},
	"containerd": {"ctr", "--namespace", "k8s.io", "images", "import", "-"},
}

// CanLoad reports whether Load knows the program.
func CanLoad(program string) bool { return loaders[program] != nil }

// ImageName completes a name for a loaded image, "[HOST/]NAME[:TAG]" in the grammar of
// distribution/reference, as container runtimes do: the default host is Docker Hub,
// the default tag ":latest". A name with a digest is ErrUsage: the runtime determines
// the digest of a loaded image.
func ImageName(text string) (string, error) {
	hint := func(err error) error {
		return artifact.Hint(err, "name it with --name, in lower case, like minimirror.local/site:2")
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return "", hint(artifact.Usagef("%q is not a name for an image: %w", text, err))
	}
	if _, is := named.(reference.Digested); is {
		return "", hint(artifact.Usagef("%q: an image is loaded by a name and a tag, not by a digest", text))
	}
	return reference.TagNameOnly(named).String(), nil
}

// Load loads the whole image into a container runtime of this machine, under a name as for
// ImageName or, if it is empty, under those of image.LocalNames. It returns the names that the image
// has there, the unique one first; ctr and podman accept only full names.
func Load(ctx context.Context, r *image.Reader, program, name string) ([]string, error) {
	pinned, latest := r.LocalNames()
	names := []string{pinned, latest}
	if name != "" {
		names = []string{name}
	}
	for i := range names {
		var err error
		if names[i], err = ImageName(names[i]); err != nil {
			return nil, err
		}
	}
	args := slices.Clone(loaders[program])
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, artifact.Hint(fmt.Errorf("--load %s: %w", program, err), "install it first, for example with --set docker --install in the same command")
	}
	writing := errors.Join(r.WriteDockerArchive(ctx, in, names...), in.Close())
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes())), "check that the daemon is running, then type the same command again")
	}
	return names, writing
}
