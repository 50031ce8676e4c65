package kit

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Labels of a host name, with dots between them.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

// What ends in a label of digits is meant to be a number.
var numeric = regexp.MustCompile(`(^|\.)[0-9]+$`)

// parseAddress completes an address of a mirror: a scheme, a host name or a number without a zone, and a port.
func parseAddress(text string) (address string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", false
	}
	host, port := u.Hostname(), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil {
		ok = ip.Zone() == "" && !ip.IsUnspecified()
	} else {
		ok = len(host) <= 253 && hostName.MatchString(host) && !numeric.MatchString(host)
	}
	if !ok {
		return "", false
	}
	if port == "" {
		return u.Scheme + "://" + strings.TrimSuffix(net.JoinHostPort(host, ""), ":"), true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", false
	}
	return u.Scheme + "://" + net.JoinHostPort(host, strconv.FormatUint(n, 10)), true
}

// Host is the mirror's name or address, without the port.
func (k *Kit) Host() string { return k.url().Hostname() }

// Port is the port on which clients reach the mirror.
func (k *Kit) Port() string {
	if p := k.url().Port(); p != "" {
		return p
	}
	if k.Secure() {
		return "443"
	}
	return "80"
}

// BehindPort is a port for the mirror on a machine whose Port a proxy has.
func (k *Kit) BehindPort() string {
	if k.Port() == "8080" {
		return "8081"
	}
	return "8080"
}

// checkAuthority requires certificates in PEM, and an address with HTTPS.
func (k *Kit) checkAuthority() error {
	if !k.Secure() {
		return artifact.Hint(artifact.Usagef("--mirror-ca: the address %s has no certificate", k.Address), "give the address that clients use with --address https://HOST")
	}
	found := 0
	for rest := k.Authority; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return artifact.Hint(artifact.Usagef("--mirror-ca: the file has %q, which clients must not get", block.Type), "name a file with certificates alone (PEM)")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return artifact.Usagef("--mirror-ca: %w", err)
		}
	}
	if found == 0 {
		return artifact.Hint(artifact.Usagef("--mirror-ca: the file has no certificate"), "name a file in PEM: it begins with -----BEGIN CERTIFICATE-----")
	}
	return nil
}

// Secure reports that clients call the mirror by HTTPS.
func (k *Kit) Secure() bool { return k.url().Scheme == "https" }

func (k *Kit) url() *url.URL {
	u, _ := url.Parse(k.Address) // New has checked it
	return u
}

// Hosts are lines of hosts(5) that lead unchanged clients to the mirror, where its address is a number.
func (k *Kit) Hosts() string {
	host := k.Host()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	return ip.String() + " " + strings.Join(k.As, " ") + "\n"
}

// Record is the type and the data of the record that leads a name to the mirror, as in a zone's
// master file (RFC 1035, section 5).
func (k *Kit) Record() string {
	switch ip, err := netip.ParseAddr(k.Host()); {
	case err != nil:
		return "CNAME " + k.Host() + "."
	case ip.Unmap().Is4():
		return "A " + ip.Unmap().String()
	default:
		return "AAAA " + ip.String()
	}
}
