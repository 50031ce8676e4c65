package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

const maxRedirects = 10

var (
	errRedirects  = fmt.Errorf("more than %d redirects", maxRedirects)
	errRedirected = errors.New("a redirect that is not followed")
)

// public are the headers that every host may see. Any other may be a secret between the user and the host that was asked.
var public = []string{"Accept", "Accept-Encoding", "Cache-Control", "If-Range", "Range", "User-Agent"}

// checkRedirect keeps redirects few and on the network: a server must not make this machine read its own files, nor
// lead it away from https. What was meant for one host is not sent to another.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errRedirects
	}
	from := via[len(via)-1].URL.Scheme
	if r.Response != nil && r.Response.Request != nil {
		from = r.Response.Request.URL.Scheme // as it was sent: a transport may fall back to plain HTTP where that is allowed
	}
	if to := r.URL.Scheme; to != "https" && (to != "http" || from != "http") {
		return fmt.Errorf("%w: from %s:// to %s://", errRedirected, from, to)
	}
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme && r.URL.Scheme != from {
		for key := range r.Header {
			if !slices.Contains(public, key) {
				r.Header.Del(key)
			}
		}
	}
	return nil
}

// redirected names the address of an error about its redirects: net/http names what the last one leads
// to, often without a host.
func redirected(address string, err error) error {
	var last *url.Error
	if (errors.Is(err, errRedirects) || errors.Is(err, errRedirected)) && errors.As(err, &last) {
		return fmt.Errorf("%s: %w (to %s)", artifact.Redacted(address), last.Err, withoutQuery(last.URL))
	}
	return err
}
