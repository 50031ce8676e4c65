package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	attempts     = 6 // without progress, at one host
	attemptsElse = 2 // at a mirror: the registry itself follows
	firstWait    = 250 * time.Millisecond
	longestWait  = 15 * time.Second
	longestAsked = 2 * time.Minute // that Retry-After is honoured
	maxLogins    = 3
)

// A temporary error is one that another attempt may mend.
type temporary struct {
	error
	after time.Duration // what the registry asked for, or 0
}

func (e *temporary) Unwrap() error { return e.error }

// A givenUp error has been temporary too often.
type givenUp struct{ error }

func (e *givenUp) Unwrap() error { return e.error }

func isTemporary(err error) bool {
	var t *temporary
	var end *givenUp
	return errors.As(err, &t) && !errors.As(err, &end)
}

// pause waits before the attempt with this number, from 1.
func (r *Repository) pause(ctx context.Context, attempt int, err error) error {
	d := min(firstWait<<min(attempt-1, 10), longestWait)
	d = d/2 + rand.N(d/2+1)
	var t *temporary
	if errors.As(err, &t) && t.after > 0 {
		d = min(t.after, longestAsked) + rand.N(firstWait)
	}
	return r.wait(ctx, d)
}

// A request is what is asked of the registry or its mirrors.
type request struct {
	path         string // below the repository
	header       http.Header
	capabilities docker.HostCapabilities
}

// do sends a request to each host until one answers with 200 or 206. The answer's body must be closed.
func (r *Repository) do(ctx context.Context, req request) (*http.Response, error) {
	var failures []error
	count := len(r.endpoints())
	for i := range count {
		hosts := r.endpoints()
		if i >= len(hosts) || !hosts[i].Capabilities.Has(req.capabilities) {
			continue
		}
		most := attempts
		if i < count-1 {
			most = attemptsElse
		}
		for attempt := 1; ; attempt++ {
			resp, err := r.once(ctx, &r.endpoints()[i], req)
			if err == nil {
				return resp, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if !isTemporary(err) || attempt == most {
				failures = append(failures, err)
				break
			}
			if err := r.pause(ctx, attempt, err); err != nil {
				return nil, err
			}
		}
	}
	if len(failures) == 0 {
		return nil, fmt.Errorf("registry %s: none of its addresses may be asked for this", r.host)
	}
	return nil, r.explain(failures)
}

// once asks one host, and logs in where it wants that.
func (r *Repository) once(ctx context.Context, h *docker.RegistryHost, req request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(docker.ContextWithAppendPullRepositoryScope(ctx, r.name))
	watch := time.AfterFunc(r.stall, func() {
		cancel(&temporary{fmt.Errorf("registry %s: no byte for %s", h.Host, r.stall), 0})
	})
	resp, err := r.login(ctx, h, req)
	watch.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, ctx, watch, cancel, r}
	return resp, nil
}

// login sends the request until the host takes the credentials.
func (r *Repository) login(ctx context.Context, h *docker.RegistryHost, req request) (*http.Response, error) {
	var responses []*http.Response
	for {
		out, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url(h, req.path), nil)
		if err != nil {
			return nil, err
		}
		for key, values := range h.Header {
			out.Header[key] = values
		}
		for key, values := range req.header {
			out.Header[key] = values
		}
		out.Header.Set("Accept-Encoding", "identity") // digests are of what is stored
		out.Header.Set("User-Agent", "minimirror")
		if h.Authorizer != nil {
			if err := h.Authorizer.Authorize(ctx, out); err != nil {
				r.forget()
				return nil, loginError(h.Host, err)
			}
		}
		resp, err := h.Client.Do(out)
		if err != nil {
			if isTLS(err) {
				return nil, err
			}
			return nil, &temporary{err, 0}
		}
		if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent {
			return resp, nil
		}
		io.CopyN(io.Discard, resp.Body, 4<<10) // the connection can serve again
		resp.Body.Close()
		responses = append(responses, resp)
		if resp.StatusCode == http.StatusUnauthorized && h.Authorizer != nil && len(responses) < maxLogins {
			if err := h.Authorizer.AddResponses(ctx, responses); err == nil {
				continue
			} else if !errors.Is(err, docker.ErrInvalidAuthorization) {
				return nil, loginError(h.Host, err)
			}
		}
		return nil, statusOf(resp)
	}
}

// A watchedBody ends when it takes too long without a byte.
type watchedBody struct {
	io.ReadCloser
	ctx        context.Context // of the request
	watch      *time.Timer
	cancel     context.CancelCauseFunc
	repository *Repository
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.Reset(b.repository.stall) // only the registry's time counts, not the reader's
	n, err := b.ReadCloser.Read(p)
	b.watch.Stop()
	b.repository.received.Add(int64(n))
	if cause := context.Cause(b.ctx); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// loginError is temporary unless the registry, or a file of the user's, says no.
func loginError(host string, err error) error {
	var answer remoteerrors.ErrUnexpectedStatus
	var hint *artifact.HintError
	text := fmt.Errorf("registry %s: log in: %w", host, err)
	switch {
	case errors.As(err, &answer) && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests:
		return &statusError{http.StatusUnauthorized, text.Error()}
	case errors.As(err, &hint), errors.Is(err, errdefs.ErrNotImplemented):
		return text
	}
	return &temporary{text, 0}
}

// A statusError is an answer that is not what was asked for.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func (e *statusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.status == http.StatusNotFound || e.status == http.StatusGone)
}

func statusOf(resp *http.Response) error {
	err := &statusError{resp.StatusCode, fmt.Sprintf("%s: %s", resp.Request.URL.Redacted(), resp.Status)}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &temporary{err, retryAfter(resp)}
	}
	return err
}

// retryAfter reads the header: RFC 9110, section 10.2.3.
func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

func isTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record)
}

// explain joins what went wrong, with what the user can do about the last.
func (r *Repository) explain(failures []error) error {
	var err error = &givenUp{errors.Join(failures...)}
	last := failures[len(failures)-1]
	var status *statusError
	switch {
	case errors.As(last, &status) && (status.status == http.StatusUnauthorized || status.status == http.StatusForbidden):
		return artifact.Hint(err, "log in with \"docker login %s\" or \"skopeo login %s\", or name a file with credentials in REGISTRY_AUTH_FILE", r.host, r.host)
	case isTLS(last):
		return artifact.Hint(err, "name the certificate authority of %s, or allow it to be insecure", r.host)
	}
	return err
}
