// Package registry reads images from registries: manifests, and blobs in whole or in part,
// from the registry itself or a mirror of it. It implements the pull part of the OCI
// distribution specification 1.1; internal/transfer handles logins, ranges and broken
// transfers.
//
//	registry, or a mirror of it ──Manifest, Blob, Part──▶ package image
//
// Manifests and whole blobs have been verified when they end; the caller must verify
// parts.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// Options say how to reach registries. The zero value means verified TLS, on
// localhost also plain HTTP, with the user's credentials.
type Options struct {
	// HostsDir is a folder of containerd's hosts.toml files, HOST/hosts.toml: mirrors, authorities
	// and headers of each registry. Folders of Docker's certs.d are read, too.
	HostsDir string
	// CAFile holds certificates (PEM) of authorities to trust besides the system's.
	CAFile string
	// Insecure allows plain HTTP, and certificates that do not verify.
	Insecure bool
	// Wait waits between attempts; nil: it sleeps.
	Wait func(ctx context.Context, d time.Duration) error
	// Stall is how long a request may take without a byte; 0: a minute.
	Stall time.Duration
	// Idle is how many connections to each address stay open between requests; 0: two.
	Idle int
}

// A Repository is a name in a registry, to read from. Its methods may be called by many
// goroutines.
type Repository struct {
	host, name string
	hosts      []docker.RegistryHost // mirrors, and the registry itself
	client     *transfer.Client
	received   atomic.Int64
	noRange    atomic.Bool // it has shown that it does not give parts
}

// Open prepares to read HOST/NAME, which is path. It does not contact the registry.
func Open(path string, o Options) (*Repository, error) {
	host, name, found := strings.Cut(path, "/")
	if !found {
		return nil, artifact.Usagef("%q is not HOST/NAME", path)
	}
	if host == "index.docker.io" {
		host = "docker.io"
	}
	hosts, err := o.Hosts(o.keepIdle)
	if err != nil {
		return nil, err
	}
	r := &Repository{host: host, name: name}
	if r.hosts, err = hosts(host); err != nil {
		return nil, fmt.Errorf("registry %s: %w", host, err)
	}
	if len(r.hosts) == 0 {
		return nil, fmt.Errorf("registry %s: no address is configured in %s", host, o.HostsDir)
	}
	r.client, err = transfer.New(transfer.Options{Parallel: -1, Stall: o.Stall, Wait: o.Wait, Explain: r.explain})
	if err != nil {
		return nil, err
	}
	r.client.Received = func(n int64) { r.received.Add(n) }
	return r, nil
}

// Hosts finds the addresses of a registry, as containerd does. update, if not nil, changes the client of each.
func (o Options) Hosts(update func(*http.Client) error) (docker.RegistryHosts, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	settings.UpdateClient = update
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	return config.ConfigureHosts(log.WithLogger(context.Background(), logrus.NewEntry(silent)), settings), nil
}

// keepIdle lets connections stay open.
func (o Options) keepIdle(client *http.Client) error {
	if transport, ok := client.Transport.(*http.Transport); ok && o.Idle > 0 {
		transport.MaxIdleConnsPerHost, transport.MaxIdleConns = o.Idle, 0
	}
	return nil
}

func (o Options) settings() (config.HostOptions, error) {
	var settings config.HostOptions
	if o.HostsDir != "" {
		if _, err := os.Stat(o.HostsDir); err != nil {
			return settings, fmt.Errorf("registry hosts: %w", err)
		}
		settings.HostDir = config.HostDirFromRoot(o.HostsDir)
	}
	if o.Insecure {
		settings.DefaultScheme = "http" // after TLS was tried
		settings.DefaultTLS = &tls.Config{InsecureSkipVerify: true}
	}
	if o.CAFile != "" {
		data, err := artifact.ReadFile(o.CAFile)
		if err != nil {
			return settings, fmt.Errorf("registry CA: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			return settings, fmt.Errorf("registry CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(data) {
			return settings, fmt.Errorf("registry CA: %s holds no certificate (PEM)", o.CAFile)
		}
		if settings.DefaultTLS == nil {
			settings.DefaultTLS = &tls.Config{}
		}
		settings.DefaultTLS.RootCAs = pool
	}
	return settings, nil
}

// Received is the number of bytes of content received.
func (r *Repository) Received() int64 { return r.received.Load() }

// Close ends the connections.
func (r *Repository) Close() error {
	for _, h := range r.hosts {
		h.Client.CloseIdleConnections()
	}
	return nil
}

// addresses are the URLs of a path below the repository, one for each host that may serve it.
func (r *Repository) addresses(path string, capability docker.HostCapabilities, header http.Header) (all []transfer.Address) {
	for i := range r.hosts {
		h := &r.hosts[i]
		if !h.Capabilities.Has(capability) {
			continue
		}
		own := h.Header.Clone()
		if own == nil {
			own = make(http.Header)
		}
		maps.Copy(own, header)
		all = append(all, transfer.Address{URL: r.url(h, path), Header: own, Transport: h.Client.Transport})
	}
	return all
}

// explain adds to an error what the user can do about it.
func (r *Repository) explain(err error) error {
	var status *transfer.StatusError
	var hint *artifact.HintError
	switch {
	case errors.As(err, &hint):
		return err
	case errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden):
		return transfer.RegistryHint(err, r.host)
	case transfer.IsCertificate(err):
		return artifact.Hint(err, "name the certificate authority of %s: --registry-ca FILE; or accept any certificate: --insecure", r.host)
	}
	return err
}

// isMirror reports whether the host is not the registry itself.
func (r *Repository) isMirror(h *docker.RegistryHost) bool {
	return h.Host != r.host && !(r.host == "docker.io" && h.Host == "registry-1.docker.io")
}

func (r *Repository) url(h *docker.RegistryHost, path string) string {
	u := h.Scheme + "://" + h.Host + strings.TrimSuffix(h.Path, "/") + "/" + r.name + path
	if r.isMirror(h) {
		u += "?ns=" + r.host
	}
	return u
}
