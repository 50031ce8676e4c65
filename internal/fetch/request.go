package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A request is for a file, from byte at on if it is still the one that the
// validator names.
type request struct {
	url       string
	at        int64
	validator string // empty: none is known
	fresh     bool   // caches on the way must ask upstream
}

// errRange is a range that the server can't deliver.
var errRange = errors.New("the server has no such range")

// request asks. Every answer but 200, and 206 to a range, is an error:
// fs.ErrNotExist for 404 and 410.
func (c *Client) request(ctx context.Context, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.UserAgent)
	req.Header.Set("Accept-Encoding", "identity") // digests are of the bytes as stored
	if r.fresh {
		req.Header.Set("Cache-Control", "max-age=0")
	}
	if r.at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.at))
		if r.validator != "" {
			req.Header.Set("If-Range", r.validator)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(redirected(r.url, err))
	}
	c.host(r.url).down.Store(false)
	where := Redacted(r.url)
	if last := resp.Request.URL.Redacted(); last != where {
		where += " (redirected to " + last + ")"
	}
	switch status := resp.StatusCode; {
	case status == http.StatusOK, status == http.StatusPartialContent && r.at > 0:
		return resp, nil
	case status == http.StatusNotFound, status == http.StatusGone:
		err = fmt.Errorf("%s: the server answers %s: %w", where, resp.Status, fs.ErrNotExist)
	case status == http.StatusRequestedRangeNotSatisfiable && r.at > 0:
		err = &temporary{fmt.Errorf("%s: the server answers %s: %w", where, resp.Status, errRange), 0}
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		err = &temporary{fmt.Errorf("%s: the server answers %s", where, resp.Status), retryAfter(resp.Header)}
	default:
		err = fmt.Errorf("%s: the server answers %s", where, resp.Status)
	}
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		err = c.ways.loginHint(err, resp.Request.URL)
	case http.StatusProxyAuthRequired:
		err = proxyHint(err)
	}
	return nil, err
}

// noAnswer is the error of a server that can't be reached.
type noAnswer struct{ error }

func (e *noAnswer) Unwrap() error { return e.error }

// unreachable says what can be done about an error of the network, and whether
// the same address is worth another attempt.
func unreachable(err error) error {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		alert       *net.OpError // "remote error": what a TLS server says before it hangs up
		record      tls.RecordHeaderError
		asked       *url.Error
		settings    *settingsError
	)
	switch {
	case errors.As(err, &settings):
		return settings.error
	case errors.As(err, &certificate):
		return artifact.Hint(err, "is this the right address? If the server's authority is your own, name its certificate: --ca FILE")
	case errors.As(err, &alert) && alert.Op == "remote error", errors.As(err, &record):
		return artifact.Hint(err, "the server may want a client certificate: --client-cert FILE --client-key FILE")
	case errors.Is(err, errRedirects), errors.Is(err, errRedirected):
		return err
	case errors.As(err, &asked) && strings.Contains(asked.Err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return proxyHint(err) // the transport tells of an answer to CONNECT by its text alone
	}
	hinted := &noAnswer{artifact.Hint(err, "check the address, the network and the proxy settings (http_proxy, https_proxy)")}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) && dns.IsNotFound {
		return hinted
	}
	return &temporary{hinted, 0}
}

func proxyHint(err error) error {
	return artifact.Hint(err, "the proxy wants a login: http_proxy=http://USER:PASSWORD@HOST:PORT, and https_proxy likewise")
}

// encoded tells that the body is not the file as it is stored.
func encoded(resp *http.Response) string {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Sprintf("it came with Content-Encoding: %s, which was not asked for: is there a proxy that changes what it passes on?", encoding)
	}
	return ""
}

// odd tells what may explain that an answer is wrong: a proxy or a portal between
// here and there. The empty text: nothing.
func odd(resp *http.Response) string {
	if what := encoded(resp); what != "" {
		return what
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		return "it is a web page: is there a portal that requires a login?"
	}
	return ""
}

var (
	errRedirects  = errors.New("more than 10 redirects")
	errRedirected = errors.New("a redirect that is not followed")
)

// redirected names the address of an error about its redirects: net/http names what the last one leads
// to, often without a host.
func redirected(address string, err error) error {
	var last *url.Error
	if (errors.Is(err, errRedirects) || errors.Is(err, errRedirected)) && errors.As(err, &last) {
		return fmt.Errorf("%s: %w (to %s)", Redacted(address), last.Err, Redacted(last.URL))
	}
	return err
}

// checkRedirect keeps redirects few and on the network: an upstream must not
// make this machine read its own files, nor lead it away from https.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errRedirects
	}
	from := via[len(via)-1].URL.Scheme
	if to := r.URL.Scheme; to != "https" && (to != "http" || from != "http") {
		return fmt.Errorf("%w: from %s:// to %s://", errRedirected, from, to)
	}
	return nil
}
