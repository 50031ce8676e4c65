// Package access says who may use a server, and how much of it: by TLS and the certificates of clients, by names and
// passwords, by addresses, of which a trusted proxy may tell, and by numbers of connections. It reads its files again when they
// change.
//
//	connection ──▶ Limiter.Listen ──▶ Gate.TLS ──▶ request ──▶ Gate.Identify ──▶ Limiter.Crowded ──▶ Gate.Login ──▶ what was asked for
//
// What a known client may have is not its business: that is for the rules. Package server calls it, for every request, before
// it looks for what answers.
package access

import (
	"crypto/tls"
	"log/slog"
	"net/netip"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Options say who may connect, and whose word is taken for where a request comes from.
type Options struct {
	Certificate, Key string         // files, PEM; empty: plain HTTP. They are read again when they change
	ClientAuthority  string         // file of certificates, PEM; a client must have one that these have signed. It is read again, too
	Passwords        string         // file of names and bcrypt hashes (htpasswd -B); a client must know one
	Proxies          []netip.Prefix // whose X-Forwarded-For, -Proto and -Host are believed
}

// A Gate lets clients in, or not, as its Options say.
type Gate struct {
	options   Options
	tls       *tls.Config // nil: plain HTTP
	passwords *passwords  // nil: none are asked for
}

// New reads the files of Options. It says in the log when it reads one again, and when it cannot.
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
