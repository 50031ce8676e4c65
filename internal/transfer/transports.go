package transfer

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// transports are the client's own transport: for each request, also for one that a redirect leads
// to, it finds the proxy and the certificates of that very address.
type transports struct {
	options Options

	mu   sync.Mutex
	made map[artifact.TLSFiles]*http.Transport
}

func newTransports(o Options) (*transports, error) {
	t := &transports{options: o, made: make(map[artifact.TLSFiles]*http.Transport)}
	_, err := t.with(artifact.TLSFiles{}) // wrong files are told at once
	return t, err
}

// RoundTrip implements http.RoundTripper.
func (t *transports) RoundTrip(r *http.Request) (*http.Response, error) {
	if isLocal(r.URL) {
		return localTransport{}.RoundTrip(r)
	}
	var files artifact.TLSFiles
	if r.URL.Scheme == "https" {
		for _, access := range t.options.Access {
			if access.TLS != nil && files == (artifact.TLSFiles{}) {
				files = access.TLS(r.URL.Hostname())
			}
		}
	}
	transport, err := t.with(files)
	if err != nil {
		return nil, &settingsError{err}
	}
	return transport.RoundTrip(r)
}

// with returns the transport that makes connections with these certificates.
func (t *transports) with(files artifact.TLSFiles) (*http.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if transport := t.made[files]; transport != nil {
		return transport, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.DisableCompression = true // digests are of the bytes as stored
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.MaxIdleConnsPerHost = max(t.options.Parallel, 0)
	transport.Proxy = t.proxy
	var err error
	if transport.TLSClientConfig, err = t.tls(files); err != nil {
		return nil, err
	}
	t.made[files] = transport
	return transport, nil
}

// proxy finds the proxy of a request.
func (t *transports) proxy(r *http.Request) (*url.URL, error) {
	for _, access := range t.options.Access {
		if access.Proxy != nil {
			proxy, err := access.Proxy(r.URL)
			if err != nil {
				return nil, &settingsError{err}
			}
			return proxy, nil
		}
	}
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil { // its text may hold a password
		return nil, &settingsError{errors.New("http_proxy or https_proxy is not an address like http://proxy.example.org:3128")}
	}
	return proxy, nil
}

// tls reads the certificates. What the command line names comes before what was
// set up elsewhere.
func (t *transports) tls(files artifact.TLSFiles) (*tls.Config, error) {
	config := &tls.Config{}
	if t.options.CA != "" || files.CA != "" {
		roots := x509.NewCertPool()
		if files.CA == "" || t.options.CA != "" {
			if system, err := x509.SystemCertPool(); err == nil {
				roots = system
			}
		}
		file := cmp.Or(t.options.CA, files.CA)
		data, err := artifact.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("certificates of authorities: %w", err)
		}
		if !roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s: no PEM certificate in it", file)
		}
		config.RootCAs = roots
	}
	certificate, key := files.Certificate, files.Key
	if t.options.ClientCert != "" {
		certificate, key = t.options.ClientCert, t.options.ClientKey
	}
	if certificate != "" {
		pair, err := artifact.ReadKeyPair(certificate, cmp.Or(key, certificate))
		if err != nil {
			return nil, fmt.Errorf("client certificate %s: %w", certificate, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
