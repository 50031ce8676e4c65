package transfer

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "3600": longest, "99999999999999999999999": longest, "soon": 0, "1.5": 0,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": longest,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	var again *Temporary
	none := &net.DNSError{Err: "no such host", IsNotFound: true}
	if err := client(t, Options{}).explain(unreachable(none, false)); errors.As(err, &again) || !strings.Contains(err.Error(), "hint: ") {
		t.Error("a host that does not exist is asked for again", err)
	}
	if err := unreachable(none, true); !errors.As(err, &again) {
		t.Error("a host that answered before is not asked again", err)
	}
	if err := unreachable(&net.DNSError{Err: "server misbehaving", IsTemporary: true}, false); !errors.As(err, &again) {
		t.Error("a failing name server is not asked again", err)
	}
}

func TestNoTLS(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c := client(t, Options{})
	_, _, _, err := c.Bytes(t.Context(), Download{Addresses: URLs([]string{strings.Replace(plain.URL, "http:", "https:", 1)}), Size: -1}, 100, nil)
	if err = c.explain(err); err == nil || !strings.Contains(err.Error(), "hint: the server has no TLS") {
		t.Error(err)
	}
}
