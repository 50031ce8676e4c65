package access

import (
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"
)

// A Client is the sender of a request.
type Client struct {
	Address netip.Addr
	User    string // as it logs in, or else by its certificate; empty: unknown
}

// Identify finds out who sends a request. If it comes from a trusted proxy, the client is the one that the proxy reports, and the
// request gets the scheme and the host that the client used: see BaseAddress.
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

// nameOf is the name in a client's certificate.
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
	for _, p := range g.options.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// behind is the client behind a trusted proxy: the last address in the headers that is not itself a trusted proxy's. The client may
// have sent those before it.
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
