package buildkit

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"google.golang.org/grpc/status"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/transfer"
)

// explain turns an error from BuildKit or the file system into one that helps the user.
func explain(ctx context.Context, err error, o Options) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var hint *artifact.HintError
	if errors.As(err, &hint) || errors.Is(err, artifact.ErrVerify) || errors.Is(err, artifact.ErrUsage) {
		return err
	}
	err = short(err)
	switch text := err.Error(); {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), strings.Contains(text, syscall.ENOSPC.Error()):
		return artifact.Hint(err, "free some space, or write to a larger disk; nothing half-written is left behind")
	case errors.Is(err, fs.ErrPermission) && concerns(err, o.Output):
		return artifact.Hint(err, "write to a folder of your own")
	case o.Output.Transport == image.Docker && strings.Contains(text, "HTTP response to HTTPS client"):
		return artifact.Hint(err, "the registry speaks plain HTTP: allow that with --insecure")
	case o.Output.Transport == image.Docker && containsAny(text, "401 Unauthorized", "403 Forbidden", "denied", "authorization failed", "no basic auth"):
		return transfer.RegistryHint(err, registryHost(o.Output))
	case o.Output.Transport == image.Docker && containsAny(text, "x509: ", "tls: "):
		return artifact.Hint(err, "name the certificate authority of %s: --registry-ca FILE", registryHost(o.Output))
	case o.Output.Transport == image.Docker && containsAny(text, "dial tcp"):
		return artifact.Hint(err, "check that a registry answers at %s, and check the name and the network", registryHost(o.Output))
	case o.Output.Transport == image.Docker && containsAny(text, ": EOF", "unexpected EOF", "connection reset", "broken pipe", "timeout", "500 Internal", "502 Bad", "503 Service", "504 Gateway"):
		return artifact.Hint(err, "run the command again: it sends only what %s does not have yet", registryHost(o.Output))
	}
	return err
}

// short removes what gRPC and BuildKit's solver add to an error's cause.
func short(err error) error {
	text := err.Error()
	if s, ok := status.FromError(err); ok {
		text = s.Message()
	}
	text = strings.TrimPrefix(text, "failed to solve: ")
	text = strings.TrimPrefix(text, status.Code(err).String()+": ")
	if text == err.Error() {
		return err
	}
	return &shortened{text, err}
}

// reason is why a daemon did not answer, without what gRPC says about its
// attempts.
func reason(err error) error {
	text := err.Error()
	if _, output, found := strings.Cut(text, "stderr="); found { // of docker or kubectl
		lines := strings.Split(strings.Trim(strings.ReplaceAll(output, `\n`, "\n"), "\"\n"), "\n")
		return &shortened{lines[len(lines)-1], err}
	}
	if _, why, found := strings.Cut(text, `desc = "`); found {
		why = strings.TrimPrefix(strings.TrimSuffix(why, `"`), "transport: ")
		return &shortened{strings.TrimPrefix(why, "Error while dialing: "), err}
	}
	return short(err)
}

// A shortened error says less than its cause.
type shortened struct {
	text  string
	cause error
}

func (e *shortened) Error() string { return e.text }
func (e *shortened) Unwrap() error { return e.cause }

// concerns reports whether err is about the output's file or a folder above it,
// rather than about a file that was read.
func concerns(err error, output image.Reference) bool {
	var file *fs.PathError
	if !errors.As(err, &file) {
		return false
	}
	path, err := filepath.Abs(output.Path)
	return err == nil && strings.HasPrefix(filepath.Join(path, "x"), filepath.Dir(file.Path))
}

func containsAny(s string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

func registryHost(r image.Reference) string {
	host, _, _ := strings.Cut(r.Path, "/")
	return host
}
