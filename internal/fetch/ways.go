package fetch

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ways is the transport: for each request, also for one that a redirect leads
// to, it finds the login, the proxy and the certificates of that very address. So
// no login follows a redirect to another host.
type ways struct {
	options  Options
	parallel int
	netrc    netrc
	files    http.RoundTripper

	mu         sync.Mutex
	transports map[artifact.TLSFiles]*http.Transport
}

func newWays(opt Options, parallel int) (*ways, error) {
	w := &ways{options: opt, parallel: parallel, netrc: readNetrc(), files: http.NewFileTransport(http.Dir("/")), transports: make(map[artifact.TLSFiles]*http.Transport)}
	_, err := w.transport(artifact.TLSFiles{}) // wrong files are told at once
	return w, err
}

// settingsError is a mistake in what the user has set.
type settingsError struct{ error }

func (w *ways) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "file" {
		return w.files.RoundTrip(r)
	}
	var files artifact.TLSFiles
	if r.URL.Scheme == "https" {
		for _, access := range w.options.Access {
			if access.TLS != nil && files == (artifact.TLSFiles{}) {
				files = access.TLS(r.URL.Hostname())
			}
		}
	}
	transport, err := w.transport(files)
	if err != nil {
		return nil, &settingsError{err}
	}
	if user := w.login(r.URL); user != nil {
		r = r.Clone(r.Context())
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	return transport.RoundTrip(r)
}

// login finds the user and password for an address.
func (w *ways) login(u *url.URL) *url.Userinfo {
	for _, access := range w.options.Access {
		if access.Login == nil {
			continue
		}
		if user := access.Login(u); user != nil {
			return user
		}
	}
	return w.netrc.login(u)
}

// loginHint says where a login can be put, or that the one there was refused.
func (w *ways) loginHint(err error, u *url.URL) error {
	files, unreadable := w.netrc.files()
	for _, access := range w.options.Access {
		files = append(append([]string{}, access.LoginFiles...), files...)
		unreadable = append(unreadable, access.Unreadable...)
	}
	switch {
	case w.login(u) != nil:
		return artifact.Hint(err, "the login for %s was refused: see %s", u.Host, strings.Join(files, ", "))
	case len(unreadable) > 0:
		return artifact.Hint(err, "this user can't read %s: run as a user who can", strings.Join(unreadable, ", "))
	}
	machine := u.Host
	if u.Scheme == "http" && len(files) > 1 {
		machine = "http://" + machine
	}
	return artifact.Hint(err, "put \"machine %s login USER password PASSWORD\" into %s", machine, strings.Join(files, " or "))
}

// transport makes connections with these certificates.
func (w *ways) transport(files artifact.TLSFiles) (*http.Transport, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.transports[files]; t != nil {
		return t, nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.DisableCompression = true // digests are of the bytes as stored
	t.ResponseHeaderTimeout = 30 * time.Second
	t.MaxIdleConnsPerHost = w.parallel
	t.Proxy = w.proxy
	var err error
	if t.TLSClientConfig, err = w.tls(files); err != nil {
		return nil, err
	}
	w.transports[files] = t
	return t, nil
}

// proxy finds the proxy of a request.
func (w *ways) proxy(r *http.Request) (*url.URL, error) {
	for _, access := range w.options.Access {
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
func (w *ways) tls(files artifact.TLSFiles) (*tls.Config, error) {
	config := &tls.Config{}
	if w.options.CA != "" || files.CA != "" {
		roots := x509.NewCertPool()
		if files.CA == "" || w.options.CA != "" {
			if system, err := x509.SystemCertPool(); err == nil {
				roots = system
			}
		}
		file := cmp.Or(w.options.CA, files.CA)
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
	if w.options.ClientCert != "" {
		certificate, key = w.options.ClientCert, w.options.ClientKey
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
