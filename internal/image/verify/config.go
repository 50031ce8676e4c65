package verify

import (
	"slices"
	"strconv"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// Config checks an image's configuration: a container of the image runs the
// program, as an unprivileged user, with nothing that would change what it serves. lock is the catalog's digest of the lock.
func Config(c v1.ImageConfig, lock string) error {
	if run := slices.Concat(c.Entrypoint, c.Cmd); !slices.Equal(run, []string{"/" + layout.ProgramPath, "serve"}) {
		return artifact.Verifyf("configuration: it runs %q, and not /%s serve", run, layout.ProgramPath)
	}
	user, group, hasGroup := strings.Cut(c.User, ":")
	if !isID(user) || hasGroup && !isID(group) {
		return artifact.Verifyf("configuration: the user is %q, and no number above 0", c.User)
	}
	switch {
	case len(c.Env) > 0:
		return artifact.Verifyf("configuration: it sets the environment: %q", c.Env)
	case len(c.Volumes) > 0:
		return artifact.Verifyf("configuration: it has volumes, which may hide files")
	case c.Labels[layout.Revision] != lock:
		return artifact.Verifyf("configuration: label %s is %q, and the catalog is of the lock %s", layout.Revision, c.Labels[layout.Revision], lock)
	}
	return nil
}

// isID reports whether text is the number of a user or a group other than root's.
func isID(text string) bool {
	id, err := strconv.ParseUint(text, 10, 31)
	return err == nil && id > 0
}
