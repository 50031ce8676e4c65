package server

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Access says who may connect, and whose word is taken for where a request comes from.
type Access struct {
	Certificate, Key string         // files, PEM; empty: plain HTTP. They are read again when they change
	ClientAuthority  string         // file of certificates, PEM; a client must have one that these have signed. It is read again, too
	Passwords        string         // file of names and bcrypt hashes (htpasswd -B); a client must know one
	Proxies          []netip.Prefix // whose X-Forwarded-For, -Proto and -Host are believed
}

// A Gate is Access at work.
type Gate struct {
	access    Access
	tls       *tls.Config // nil: plain HTTP
	passwords *passwords  // nil: none are asked for
}

// NewGate reads the files of an Access. It says in the log when it reads one again, and when it cannot.
func NewGate(a Access, log *slog.Logger) (*Gate, error) {
	g := &Gate{access: a}
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

// A Client is who sends a request.
type Client struct {
	Address netip.Addr
	User    string // as its certificate or its login says; empty: neither was asked for
}

// Identify says who sends a request. Of a trusted proxy it takes the client, the scheme
// and the host that it names; the request has these afterwards. See BaseAddress.
func (g *Gate) Identify(r *http.Request) (c Client) {
	c.Address = remoteOf(r)
	r.URL.Scheme = ""
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		c.User = nameOf(r.TLS.PeerCertificates[0])
	}
	if !g.trusts(c.Address) {
		return c
	}
	c.Address = g.behind(c.Address, r.Header.Values("X-Forwarded-For"))
	if strings.EqualFold(lastOf(r.Header["X-Forwarded-Proto"]), "https") {
		r.URL.Scheme = "https"
	}
	if host := lastOf(r.Header["X-Forwarded-Host"]); host != "" {
		r.Host = host
	}
	return c
}

// lastOf is the last value of a list: the one that the trusted proxy wrote. The client may have sent those before it.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	value := values[len(values)-1]
	return strings.TrimSpace(value[strings.LastIndexByte(value, ',')+1:])
}

// TLS returns the configuration for connections; nil: they are plain HTTP.
func (g *Gate) TLS() *tls.Config { return g.tls }

// Private reports whether clients must log in or present a certificate.
func (g *Gate) Private() bool { return g.passwords != nil || g.access.ClientAuthority != "" }

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

// Trusts reports whether a request comes straight from a trusted proxy.
func (g *Gate) Trusts(r *http.Request) bool { return g.trusts(remoteOf(r)) }

func (g *Gate) trusts(a netip.Addr) bool {
	for _, p := range g.access.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// behind is the last address that a believed proxy has written and that is none of a believed
// proxy; those before it are the client's own word.
func (g *Gate) behind(proxy netip.Addr, headers []string) netip.Addr {
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

// remoteOf is the address of a request's connection.
func remoteOf(r *http.Request) netip.Addr {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	return remote.Addr().Unmap().WithZone("") // which would be in no network
}
