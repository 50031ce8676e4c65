package bootstrap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

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

// Load hands the whole image to a container runtime of this machine, and returns
// the name that it has there.
func Load(ctx context.Context, r *image.Reader, program string) (name string, err error) {
	args := slices.Clone(loaders[program])
	name = "minimirror.local/" + r.Name + ":latest"
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", artifact.Hint(fmt.Errorf("--load %s: %w", program, err), "install it first, for example with --set docker --install in the same command")
	}
	writing := errors.Join(r.WriteDockerArchive(ctx, in, name), in.Close())
	err = cmd.Wait()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", artifact.Hint(fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes())), "see that the daemon runs, then type the same command with --load alone")
	}
	return name, writing
}
