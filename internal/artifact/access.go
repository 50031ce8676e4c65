package artifact

import (
	"context"
	"net/url"
)

// Access is how this machine reaches upstreams, as its user has set it up for
// other programs. The zero value says nothing.
type Access struct {
	// Login returns the user and password for an address, or nil.
	Login func(u *url.URL) *url.Userinfo
	// Proxy returns the proxy for an address, or nil to reach it directly. Without
	// this function the environment's proxies count.
	Proxy func(u *url.URL) (*url.URL, error)
	// TLS returns the certificates to use with a host.
	TLS func(host string) TLSFiles
	// LoginFiles are where logins are looked for, and Unreadable those of them that
	// this user can't read.
	LoginFiles, Unreadable []string
}

// TLSFiles are names of PEM files; each may be empty.
type TLSFiles struct {
	CA          string // of the only authorities whose certificates are accepted
	Certificate string // that this machine shows
	Key         string // of Certificate, not encrypted; may be in Certificate's file
}

// An Accessor is a Kind that knows of such settings.
type Accessor interface {
	// Access reads the settings that apply to a part of a definition.
	Access(ctx context.Context, spec Spec) (Access, error)
}
