package transfer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Temporary error may not happen again at the next attempt.
type Temporary struct {
	Err   error
	After time.Duration // that the server asked to wait for, or 0
}

func (e *Temporary) Error() string { return e.Err.Error() }
func (e *Temporary) Unwrap() error { return e.Err }

// A StatusError is an answer that is not what was asked for. With 404 and 410 it is fs.ErrNotExist.
type StatusError struct {
	Status int
	URL    *url.URL // that answered
	Header http.Header
	text   string
}

func (e *StatusError) Error() string { return e.text }

// Is implements the interface that errors.Is looks for.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// statusError is the error of an answer to a request for an address.
func statusError(address string, resp *http.Response) error {
	where := artifact.Redacted(address)
	if resp.Request.Response != nil {
		where += " (redirected to " + withoutQuery(resp.Request.URL.String()) + ")"
	}
	err := &StatusError{resp.StatusCode, resp.Request.URL, resp.Header, fmt.Sprintf("%s: the server answers %s", where, resp.Status)}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests && askedToWait(resp.Header) > longest:
		return err // do not wait for hours, and do not ask earlier
	case passing(resp.StatusCode):
		return &Temporary{err, retryAfter(resp.Header)}
	}
	return err
}

// withoutQuery is an address as a server stated it. Its query may be a login of its own, as in the signed addresses of object stores.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return artifact.Redacted(address)
}

// passing reports whether a status is of a server that may answer better later.
func passing(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500
}

// noAnswer is the error of a server that can't be reached.
type noAnswer struct{ error }

func (e *noAnswer) Unwrap() error { return e.error }

// settingsError is a mistake in what the user has set.
type settingsError struct{ error }

func (e *settingsError) Unwrap() error { return e.error }

// IsCertificate reports whether a certificate did not verify, or the server does not speak TLS.
func IsCertificate(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record)
}

// unreachable says of an error of the network whether another attempt may help. known: the server
// has answered before, and so may only be starting anew.
func unreachable(err error, known bool) error {
	var (
		dns      *net.DNSError
		alert    *net.OpError // "remote error": what a TLS server says before it hangs up
		settings *settingsError
		again    *Temporary
		status   *StatusError
		login    *loginError
	)
	switch {
	case errors.As(err, &settings):
		return settings.error
	case errors.As(err, &again):
		return again
	case errors.As(err, &status):
		return status
	case errors.As(err, &login):
		return login
	case IsCertificate(err), errors.As(err, &alert) && alert.Op == "remote error",
		errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, errRedirects), errors.Is(err, errRedirected), proxyRefused(err):
		return err
	}
	silent := &noAnswer{err}
	if !known && (errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) && dns.IsNotFound) {
		return silent
	}
	return &Temporary{silent, 0}
}

// proxyRefused reports whether a proxy wants a login: the transport tells of an answer to CONNECT by its text alone.
func proxyRefused(err error) bool {
	var asked *url.Error
	return errors.As(err, &asked) && strings.Contains(asked.Err.Error(), http.StatusText(http.StatusProxyAuthRequired))
}

// explain adds what can be done about an error, in words for upstreams of a definition.
func (c *Client) explain(err error) error {
	var (
		certificate *tls.CertificateVerificationError
		alert       *net.OpError
		record      tls.RecordHeaderError
		status      *StatusError
		silent      *noAnswer
		hint        *artifact.HintError
	)
	if errors.As(err, &hint) {
		return err
	}
	switch {
	case errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden && ofRegistry(status.URL)):
		return c.logins.hint(err, status.URL)
	case errors.As(err, &status) && status.Status == http.StatusTooManyRequests:
		return limited(err, status)
	case errors.As(err, &status) && status.Status == http.StatusProxyAuthRequired, proxyRefused(err):
		return artifact.Hint(err, "the proxy wants a login: http_proxy=http://USER:PASSWORD@HOST:PORT, and https_proxy likewise")
	case errors.As(err, &certificate):
		return artifact.Hint(err, "is this the right address? If the server's authority is your own, name its certificate: --ca FILE")
	case errors.As(err, &alert) && alert.Op == "remote error", errors.As(err, &record):
		return artifact.Hint(err, "the server may want a client certificate: --client-cert FILE --client-key FILE")
	case errors.Is(err, http.ErrSchemeMismatch):
		return artifact.Hint(err, "the server has no TLS: is its address http://… instead?")
	case errors.As(err, &silent):
		return artifact.Hint(err, "check the address, the network and the proxy settings (http_proxy, https_proxy)")
	}
	return err
}

// Joined is the error of all addresses. It is fs.ErrNotExist only if each of them says so:
// one that does not answer may have the file.
func Joined(failures []error) error {
	absent := func(err error) bool { return errors.Is(err, fs.ErrNotExist) }
	if slices.ContainsFunc(failures, func(err error) bool { return !absent(err) }) {
		failures = slices.Clone(failures)
		for i, err := range failures {
			failures[i] = Present(err)
		}
	}
	return errors.Join(failures...)
}

// Present is an error that is not fs.ErrNotExist, with the same text: the server answers so for something that it has.
func Present(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New(err.Error())
	}
	return err
}
