package aptconf

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/net/http/httpproxy"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Access reads how apt on this machine reaches upstreams. The logins of its auth.conf hold for all
// definitions; its proxies and certificates for those that take this machine's own
// sources.
func Access(ctx context.Context, host bool) (artifact.Access, error) {
	config, err := readAptConfig(ctx)
	if err != nil && host {
		return artifact.Access{}, err
	}
	logins := readAuthConf(config.netrc, config.netrcParts)
	access := artifact.Access{Login: logins.login, LoginFiles: []string{config.netrc}, Unreadable: logins.unreadable}
	if !host {
		return access, nil
	}
	options, err := readAptOptions(ctx)
	if err != nil {
		return artifact.Access{}, err
	}
	proxies := &aptProxies{options: options, logins: logins, environment: httpproxy.FromEnvironment(), detected: make(map[string]string)}
	access.Proxy, access.TLS = proxies.proxy, options.tls
	return access, nil
}

// aptOptions are options of apt.conf(5) by their full names in lower case.
type aptOptions map[string]string

// readAptOptions asks apt-config; a machine without it has no options.
func readAptOptions(ctx context.Context) (aptOptions, error) {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%f %v%n").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("apt-config: %w", err)
	}
	options := make(aptOptions)
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		options[strings.ToLower(name)] = value
	}
	return options, nil
}

// forHost returns the option for the host, else for all; https falls back to what
// is set for http, apt-transport-https(1).
func (o aptOptions) forHost(scheme, name, host string) string {
	schemes := []string{scheme}
	if scheme == "https" {
		schemes = append(schemes, "http")
	}
	for _, suffix := range []string{"::" + host, ""} {
		for _, s := range schemes {
			if value := o[strings.ToLower("acquire::"+s+"::"+name+suffix)]; value != "" {
				return value
			}
		}
	}
	return ""
}

// tls returns apt's certificates for the host.
func (o aptOptions) tls(host string) artifact.TLSFiles {
	return artifact.TLSFiles{
		CA: o.forHost("https", "CaInfo", host), Certificate: o.forHost("https", "SslCert", host), Key: o.forHost("https", "SslKey", host),
	}
}

// aptProxies are the proxies of apt.conf(5) and those of the environment.
type aptProxies struct {
	options     aptOptions
	logins      authConf
	environment *httpproxy.Config

	mu       sync.Mutex
	detected map[string]string // by host, what Proxy-Auto-Detect said
}

// proxy finds the proxy for an address: apt-transport-http(1). no_proxy holds
// against apt's own, too.
func (p *aptProxies) proxy(u *url.URL) (*url.URL, error) {
	config := *p.environment
	wrong := artifact.Hint(fmt.Errorf("the proxy for %s is not an address", u.Host), "see Acquire::%s::Proxy of \"apt-config dump\", and http_proxy", u.Scheme) // its text may hold a password
	switch set := p.setting(u); {
	case strings.EqualFold(set, "DIRECT"), strings.EqualFold(set, "false"):
		return nil, nil
	case set != "":
		if parsed, err := url.Parse(set); err != nil || parsed.Host == "" {
			return nil, wrong
		}
		config.HTTPProxy, config.HTTPSProxy = set, set
	}
	proxy, err := config.ProxyFunc()(u)
	if err != nil {
		return nil, wrong
	}
	if proxy != nil && proxy.User == nil {
		if user := p.logins.login(proxy); user != nil {
			with := *proxy
			with.User, proxy = user, &with
		}
	}
	return proxy, nil
}

// setting is apt's own: for the host, by its command, for all.
func (p *aptProxies) setting(u *url.URL) string {
	specific := p.options.forHost(u.Scheme, "Proxy", u.Hostname())
	command := p.options.forHost(u.Scheme, "Proxy-Auto-Detect", "")
	if command == "" {
		command = p.options.forHost(u.Scheme, "ProxyAutoDetect", "")
	}
	if command == "" || p.options["acquire::"+u.Scheme+"::proxy::"+strings.ToLower(u.Hostname())] != "" {
		return specific
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	said, known := p.detected[u.Host]
	if !known {
		out, err := exec.Command(command, u.Scheme+"://"+u.Host).Output()
		if err == nil {
			said, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		}
		p.detected[u.Host] = said
	}
	if said != "" {
		return said
	}
	return specific
}
