// Package access decides who may use the server, and how much of it. It knows TLS and the certificates of clients, names and
// passwords, the addresses of clients, which a trusted proxy may report, and how many connections each client has. It reads its
// files again when they change.
//
//	connection ──▶ Limiter.Listen ──▶ Gate.TLS ──▶ request ──▶ Gate.Identify ──▶ Limiter.Crowded ──▶ Gate.Login ──▶ what was asked for
//
// What a client may have, once it is let in, is for the rules to decide. Package server asks here first, for every request.
package access

import (
	"crypto/tls"
	"log/slog"
	"net/netip"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Options say who may connect, and which proxies are trusted.
type Options struct {
	Certificate, Key string         // files, PEM; empty: plain HTTP. They are read again when they change
	ClientAuthority  string         // file of certificates, PEM; a client must have one that these have signed. It is read again, too
	Passwords        string         // file of names and bcrypt hashes (htpasswd -B); a client must know one
	Proxies          []netip.Prefix // whose X-Forwarded-For, -Proto and -Host are believed
}

// A Gate lets clients in as its Options say.
type Gate struct {
	options   Options
	tls       *tls.Config // nil: plain HTTP
	passwords *passwords  // nil: none are asked for
}

// New reads the files of the Options. When it reads one again later, or cannot, it says so in the log.
func New(a Options, log *slog.Logger) (*Gate, error) {
	g := &Gate{options: a}
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

// TLS returns the configuration for connections; nil: they are plain HTTP.
func (g *Gate) TLS() *tls.Config { return g.tls }

// Private reports whether clients must log in or present a certificate.
func (g *Gate) Private() bool { return g.passwords != nil || g.options.ClientAuthority != "" }
