// Package registry reads images from registries, and writes them there: lists of repositories, tags and referrers, manifests, and blobs in whole
// or in part, from the registry itself or a mirror of it. It implements the OCI distribution specification 1.1; internal/transfer handles logins,
// ranges and broken transfers.
//
//	registry, or a mirror of it ──Manifest, Blob, Part──▶ package image
//	registry ──Repositories, Tags, Referrers, Manifest, Blob──▶ package content/registry ──PutBlob, Mount, PutManifest──▶ registry
//
// Manifests and whole blobs have been verified when they end; the caller must verify
// parts.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/minimirror/minimirror/internal/artifact"
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
