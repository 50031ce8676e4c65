// Package registry reads images out of registries: manifests whole, blobs whole or in part,
// through whatever breaks on the way. It implements the reading half of the OCI
// distribution specification 1.1, with tokens (distribution's "token authentication") and
// ranges (RFC 9110, section 14).
//
//	registry, or a mirror of it ──Manifest, Blob, Part──▶ package image
//
// What a manifest or a whole blob is has been verified when it ends; of a part, only the
// caller can know.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Options say how to reach registries. The zero value is: over TLS, which must verify; on
// localhost also without; with the user's credentials.
type Options struct {
	// HostsDir is a folder of containerd's hosts.toml files, HOST/hosts.toml: mirrors, authorities
	// and headers of each registry. Folders of Docker's certs.d are read, too.
	HostsDir string
	// CAFile holds certificates (PEM) of authorities to trust beside the system's.
	CAFile string
	// Insecure allows plain HTTP, and certificates that do not verify.
	Insecure bool
	// Wait passes the time between attempts; nil: it sleeps.
	Wait func(ctx context.Context, d time.Duration) error
	// Stall is how long a request may take without a byte; 0: a minute.
	Stall time.Duration
}

// A Repository is a name in a registry, to read from. Its methods may be called by many
// goroutines.
type Repository struct {
	host, name string
	configure  func() ([]docker.RegistryHost, error)

	mu    sync.Mutex
	hosts []docker.RegistryHost

	received atomic.Int64
	noRange  atomic.Bool // it has shown that it does not give parts
	wait     func(ctx context.Context, d time.Duration) error
	stall    time.Duration // without a byte, until a request is given up
}

// Open prepares to read HOST/NAME; path is both. It asks the registry nothing.
func Open(path string, o Options) (*Repository, error) {
	host, name, found := strings.Cut(path, "/")
	if !found {
		return nil, artifact.Usagef("%q is not HOST/NAME", path)
	}
	if host == "index.docker.io" {
		host = "docker.io"
	}
	settings, err := o.settings(credentials{repository: path}.of)
	if err != nil {
		return nil, err
	}
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	ctx := log.WithLogger(context.Background(), logrus.NewEntry(silent))
	r := &Repository{host: host, name: name, wait: o.Wait, stall: o.Stall}
	if r.wait == nil {
		r.wait = sleep
	}
	if r.stall == 0 {
		r.stall = time.Minute
	}
	r.configure = func() ([]docker.RegistryHost, error) { return config.ConfigureHosts(ctx, settings)(host) }
	if r.hosts, err = r.configure(); err != nil {
		return nil, fmt.Errorf("registry %s: %w", host, err)
	}
	if len(r.hosts) == 0 {
		return nil, fmt.Errorf("registry %s: no address is configured in %s", host, o.HostsDir)
	}
	return r, nil
}

func (o Options) settings(credentials func(host string) (string, string, error)) (config.HostOptions, error) {
	settings := config.HostOptions{Credentials: credentials}
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

// Received is how many bytes of content have arrived.
func (r *Repository) Received() int64 { return r.received.Load() }

// Close ends the connections.
func (r *Repository) Close() error {
	for _, h := range r.endpoints() {
		h.Client.CloseIdleConnections()
	}
	return nil
}

func (r *Repository) endpoints() []docker.RegistryHost {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts
}

// forget drops tokens: one that could not be had is remembered for ever otherwise.
func (r *Repository) forget() {
	hosts, err := r.configure()
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts = hosts
}

// isMirror reports whether the host is other than the registry itself.
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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
