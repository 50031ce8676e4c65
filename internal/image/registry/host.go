package registry

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A Host is a registry. Its repositories share connections and logins. Its methods may be called by many goroutines.
type Host struct {
	name     string
	hosts    []docker.RegistryHost // mirrors, and the registry itself
	client   *transfer.Client
	received atomic.Int64
	sent     atomic.Int64
	silent   silence
}

// OpenHost prepares to use the registry at HOST or HOST:PORT. It does not contact it.
func OpenHost(name string, o Options) (*Host, error) {
	if name == "index.docker.io" {
		name = "docker.io"
	}
	hosts, err := o.Hosts(o.keepIdle)
	if err != nil {
		return nil, err
	}
	h := &Host{name: name}
	if h.hosts, err = hosts(name); err != nil {
		return nil, fmt.Errorf("registry %s: %w", name, err)
	}
	if len(h.hosts) == 0 {
		return nil, fmt.Errorf("registry %s: no address is configured in %s", name, o.HostsDir)
	}
	h.client, err = transfer.New(transfer.Options{Parallel: -1, Stall: o.Stall, Wait: o.Wait, Explain: h.explain})
	if err != nil {
		return nil, err
	}
	h.client.Received = func(n int64) { h.received.Add(n) }
	h.client.Sent = func(n int64) { h.sent.Add(n) }
	return h, nil
}

// String is the registry's name: HOST or HOST:PORT.
func (h *Host) String() string { return h.name }

// Repository is a name in the registry. The registry is not contacted.
func (h *Host) Repository(name string) *Repository { return &Repository{host: h, name: name} }

// Received is the number of bytes of content received.
func (h *Host) Received() int64 { return h.received.Load() }

// Sent is the number of bytes of content sent.
func (h *Host) Sent() int64 { return h.sent.Load() }

// Close ends the connections.
func (h *Host) Close() error {
	for _, address := range h.hosts {
		address.Client.CloseIdleConnections()
	}
	return nil
}

// A Repository is a name in a registry. Its methods may be called by many goroutines.
type Repository struct {
	host    *Host
	name    string
	noRange atomic.Bool // it has shown that it does not give parts
}

// Open prepares to use HOST/NAME, which is path. It does not contact the registry.
func Open(path string, o Options) (*Repository, error) {
	host, name, found := strings.Cut(path, "/")
	if !found {
		return nil, artifact.Usagef("%q is not HOST/NAME", path)
	}
	h, err := OpenHost(host, o)
	if err != nil {
		return nil, err
	}
	return h.Repository(name), nil
}

// Name is the name in the registry.
func (r *Repository) Name() string { return r.name }

// Received is the number of bytes of content received from the registry.
func (r *Repository) Received() int64 { return r.host.Received() }

// Close ends the connections to the registry.
func (r *Repository) Close() error { return r.host.Close() }

// addresses are the URLs of a path below the repository, one for each host that may serve it.
func (r *Repository) addresses(path string, capability docker.HostCapabilities, header http.Header) []transfer.Address {
	return r.host.addresses("/"+r.name+path, capability, header)
}

// addresses are the URLs of a path below "/v2", one for each host that may serve it.
func (h *Host) addresses(path string, capability docker.HostCapabilities, header http.Header) (all []transfer.Address) {
	for i := range h.hosts {
		if h.hosts[i].Capabilities.Has(capability) {
			all = append(all, h.address(&h.hosts[i], path, header))
		}
	}
	return all
}

// lists are the addresses of a list: those of the registry itself, because a mirror may lack some of it; where only mirrors are configured, theirs.
func (h *Host) lists(path string, header http.Header) []transfer.Address {
	var own, mirrors []transfer.Address
	for i := range h.hosts {
		switch address := h.address(&h.hosts[i], path, header); {
		case !h.isMirror(&h.hosts[i]):
			own = append(own, address)
		case h.hosts[i].Capabilities.Has(docker.HostCapabilityResolve):
			mirrors = append(mirrors, address)
		}
	}
	return slices.Concat(own, mirrors)
}

func (h *Host) address(at *docker.RegistryHost, path string, header http.Header) transfer.Address {
	all := at.Header.Clone()
	if all == nil {
		all = make(http.Header)
	}
	maps.Copy(all, header)
	u := at.Scheme + "://" + at.Host + strings.TrimSuffix(at.Path, "/") + path
	if h.isMirror(at) {
		u += "?ns=" + h.name
	}
	return transfer.Address{URL: u, Header: all, Transport: at.Client.Transport}
}

// isMirror reports whether the host is not the registry itself.
func (h *Host) isMirror(at *docker.RegistryHost) bool {
	return at.Host != h.name && !(h.name == "docker.io" && at.Host == "registry-1.docker.io")
}

// explain adds to an error what the user can do about it.
func (h *Host) explain(err error) error {
	var status *transfer.StatusError
	var hint *artifact.HintError
	switch {
	case errors.As(err, &hint):
		return err
	case errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden):
		return transfer.RegistryHint(err, h.name)
	case transfer.IsCertificate(err):
		return artifact.Hint(err, "name the certificate authority of %s: --registry-ca FILE; or accept any certificate: --insecure", h.name)
	}
	return err
}
