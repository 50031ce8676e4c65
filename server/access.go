package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Access says who may connect, and whose word is taken for where a request comes from.
type Access struct {
	Certificate, Key string         // files, PEM; empty: plain HTTP. They are read again when they change
	ClientAuthority  string         // file of certificates, PEM; a client must have one that these have signed. It is read again, too
	Passwords        string         // file of names and bcrypt hashes (htpasswd -B); a client must know one
	Proxies          []netip.Prefix // whose X-Forwarded-For, -Proto and -Host are believed
}

// A gate is Access at work.
type gate struct {
	Access
	tls       *tls.Config // nil: plain HTTP
	passwords *passwords  // nil: none are asked for
}

func newGate(a Access, log *slog.Logger) (*gate, error) {
	g := &gate{Access: a}
	if a.Passwords != "" {
		var err error
		if g.passwords, err = readPasswords(a.Passwords, log); err != nil {
			return nil, err
		}
	}
	switch {
	case a.Certificate == "" && a.Key == "" && a.ClientAuthority == "":
		return g, nil
	case a.Certificate == "" || a.Key == "":
		return nil, artifact.Hint(artifact.Usagef("TLS needs a certificate and its key"), "give both --tls-cert and --tls-key")
	}
	var err error
	g.tls, err = newTLS(a, log)
	return g, err
}

// identify says where a request comes from. Of a believed proxy it takes the client, the scheme
// and the host that it names.
func (g *gate) identify(e *exchange, r *http.Request) {
	e.client = remoteOf(r)
	r.URL.Scheme = ""
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		e.user = nameOf(r.TLS.PeerCertificates[0])
	}
	if !g.trusts(e.client) {
		return
	}
	e.client = g.behind(e.client, r.Header.Values("X-Forwarded-For"))
	if strings.EqualFold(lastOf(r.Header["X-Forwarded-Proto"]), "https") {
		r.URL.Scheme = "https"
	}
	if host := lastOf(r.Header["X-Forwarded-Host"]); host != "" {
		r.Host = host
	}
}

// lastOf is the last value of a list: the one that the trusted proxy wrote. The client may have sent those before it.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	value := values[len(values)-1]
	return strings.TrimSpace(value[strings.LastIndexByte(value, ',')+1:])
}

// private reports whether clients must log in or present a certificate.
func (g *gate) private() bool { return g.passwords != nil || g.ClientAuthority != "" }

// nameOf is by what a client's certificate is known.
func nameOf(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	}
	return c.SerialNumber.String()
}

func (g *gate) trusts(a netip.Addr) bool {
	for _, p := range g.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// behind is the last address that a believed proxy has written and that is none of a believed
// proxy; those before it are the client's own word.
func (g *gate) behind(proxy netip.Addr, headers []string) netip.Addr {
	client := proxy
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		a, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if err != nil {
			withPort, err := netip.ParseAddrPort(hop)
			if err != nil {
				return client
			}
			a = withPort.Addr()
		}
		if client = a.Unmap().WithZone(""); !g.trusts(client) {
			return client
		}
	}
	return client
}

var (
	errUnauthorized  = echo.NewHTTPError(http.StatusUnauthorized, "This mirror requires a name and a password.")
	errWrongPassword = echo.NewHTTPError(http.StatusUnauthorized, "The name or the password is wrong.")
)

// guard refuses clients that have too many connections, and those that are not known.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r := c.Request()
		e, _ := exchangeOf(r)
		if s.limits.crowded(r) && !s.access.trusts(remoteOf(r)) {
			c.Response().Header().Set("Connection", "close")
			c.Response().Header().Set("Retry-After", "5")
			return echo.NewHTTPError(http.StatusServiceUnavailable, "This client has too many connections.")
		}
		if s.access.passwords != nil && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			name, password, given := r.BasicAuth()
			right, busy := false, false
			if given {
				e.user = name
				right, busy = s.access.passwords.right(r.Context(), e.client, e, name, password)
			}
			if busy {
				c.Response().Header().Set("Retry-After", "1")
				return echo.NewHTTPError(http.StatusServiceUnavailable, "Too many passwords from this client's network are being checked. Try again later.")
			}
			if !right {
				c.Response().Header().Set("WWW-Authenticate", `Basic realm="minimirror", charset="UTF-8"`)
				if given {
					return errWrongPassword
				}
				return errUnauthorized
			}
		}
		return next(c)
	}
}

func remoteOf(r *http.Request) netip.Addr {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	return remote.Addr().Unmap().WithZone("") // which would be in no network
}

var errNoPasswords = errors.New("there is no name in it")
