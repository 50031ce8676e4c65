package access

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/server/watch"
)

// A tlsFiles has the TLS configuration of files. Each group of files is read again when it changes; if that fails, what was
// read before is used.
type tlsFiles struct {
	log *slog.Logger

	mu     sync.Mutex
	config *tls.Config // never changed; another takes its place
	groups []*tlsGroup
	looked time.Time
}

// A tlsGroup is a group of files that belong together.
type tlsGroup struct {
	what  string
	files []string
	seen  []watch.State
	read  func(into *tls.Config) error
}

// newTLS reads the files of the Options. The configuration asks for them with each new connection.
func newTLS(a Options, log *slog.Logger) (*tls.Config, error) {
	t := &tlsFiles{log: log, config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", "http/1.0"}}}
	t.groups = append(t.groups, &tlsGroup{what: "the certificate", files: []string{a.Certificate, a.Key}, read: func(into *tls.Config) error {
		pair, err := artifact.ReadKeyPair(a.Certificate, a.Key)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", a.Certificate, a.Key, err)
		}
		if now := time.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
			log.Warn("clients refuse the certificate today", "file", a.Certificate, "from", pair.Leaf.NotBefore, "until", pair.Leaf.NotAfter)
		}
		into.Certificates = []tls.Certificate{pair}
		return nil
	}})
	if a.ClientAuthority != "" {
		t.groups = append(t.groups, &tlsGroup{what: "the clients' authorities", files: []string{a.ClientAuthority}, read: func(into *tls.Config) error {
			return readAuthority(a.ClientAuthority, into)
		}})
	}
	for _, g := range t.groups {
		var err error
		if g.seen, err = statesOf(g.files); err != nil {
			return nil, err
		}
		if err := g.read(t.config); err != nil {
			return nil, err
		}
	}
	config := t.config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current(), nil }
	return config, nil
}

// readAuthority wants certificates that an authority of the file has signed. Sessions are not resumed: they might
// have begun under others (RFC 8446, section 4.6.1).
func readAuthority(file string, into *tls.Config) error {
	data, err := watch.ReadFile(file, watch.MaxSize)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return fmt.Errorf("%s: there is no certificate in it", file)
	}
	into.ClientCAs, into.ClientAuth = pool, tls.RequireAndVerifyClientCert
	into.SessionTicketsDisabled = true
	return nil
}

// statesOf is the state of each file. The error is of the first that has none.
func statesOf(files []string) (states []watch.State, err error) {
	for _, file := range files {
		s, e := watch.StateOf(file)
		if err == nil {
			err = e
		}
		states = append(states, s)
	}
	return states, err
}

// current is the configuration as the files have it now, or as they had it when they were last whole.
func (t *tlsFiles) current() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.looked) < watch.Every {
		return t.config
	}
	t.looked = time.Now()
	for _, g := range t.groups {
		now, err := statesOf(g.files) // an error is a state, too
		if slices.Equal(now, g.seen) {
			continue
		}
		g.seen = now // what is wrong is said once
		config := t.config.Clone()
		if err == nil {
			err = g.read(config)
		}
		if err != nil {
			t.log.Error(g.what+" cannot be read; what was read before is used", "error", err)
			continue
		}
		t.config = config
		t.log.Info(g.what+": read again", "files", g.files)
	}
	return t.config
}
