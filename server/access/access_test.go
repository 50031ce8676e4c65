package access_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	mathbig "math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/servertest"
)

// A testAuthority signs certificates.
type testAuthority struct {
	lasts time.Duration // of what it makes, from now on
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	pool  *x509.CertPool
}

func newAuthority(t testing.TB) *testAuthority {
	t.Helper()
	a := &testAuthority{pool: x509.NewCertPool(), lasts: time.Hour}
	der, key := a.make(t, &x509.Certificate{SerialNumber: big1(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	var err error
	a.cert, err = x509.ParseCertificate(der)
	servertest.Must(t, err)
	a.key = key
	a.pool.AddCert(a.cert)
	return a
}

func big1(n int64) *mathbig.Int { return mathbig.NewInt(n) }

func (a *testAuthority) make(t testing.TB, template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	servertest.Must(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(a.lasts)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	servertest.Must(t, err)
	return der, key
}

// write makes a certificate and its key, as files.
func (a *testAuthority) write(t testing.TB, dir, name string, serial int64) (certificate, key string) {
	t.Helper()
	der, private := a.make(t, &x509.Certificate{SerialNumber: big1(serial), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	servertest.Must(t, err)
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	servertest.WriteFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	servertest.WriteFile(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return certificate, key
}

func TestTLS(t *testing.T) {
	dir, authority := t.TempDir(), newAuthority(t)
	certificate, key := authority.write(t, dir, "server", 2)
	address, _ := servertest.Start(t, server.Options{Access: access.Options{Certificate: certificate, Key: key}})
	serial := func() (int64, error) {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority.pool})
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if n, err := serial(); n != 2 || err != nil {
		t.Fatalf("serial %d, %v", n, err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.pool}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + address + "/files/pool/big.bin")
	servertest.Must(t, err)
	if text := servertest.Body(t, resp); text != servertest.Big {
		t.Errorf("%d bytes by TLS", len(text))
	}
	resp, err = client.Get("https://" + address + "/")
	servertest.Must(t, err)
	if text := servertest.Body(t, resp); !strings.Contains(text, "https://"+address) {
		t.Errorf("the page does not say https: %s", text)
	}

	// A certificate without its key is no reason to stop, and the next pair is taken.
	servertest.WriteFile(t, certificate, "nonsense")
	servertest.Await(t, "the old certificate", func() bool { time.Sleep(600 * time.Millisecond); n, err := serial(); return n == 2 && err == nil })
	authority.write(t, dir, "server", 3)
	servertest.Await(t, "the new certificate", func() bool { n, err := serial(); return n == 3 && err == nil })
}

// A certificate that clients refuse is reported.
func TestCertificateOutOfDate(t *testing.T) {
	for _, lasts := range []time.Duration{time.Hour, -time.Minute} {
		authority := newAuthority(t)
		authority.lasts = lasts
		var log bytes.Buffer
		certificate, key := authority.write(t, t.TempDir(), "server", 2)
		servertest.New(t, server.Options{Access: access.Options{Certificate: certificate, Key: key}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if told := strings.Contains(log.String(), "clients refuse the certificate"); told != (lasts < 0) {
			t.Errorf("lasts %v: told: %t", lasts, told)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	dir, authority, other := t.TempDir(), newAuthority(t), newAuthority(t)
	certificate, key := authority.write(t, dir, "server", 2)
	ca := filepath.Join(dir, "ca.pem")
	trust := func(authorities ...*testAuthority) {
		var text []byte
		for _, a := range authorities {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...)
		}
		servertest.WriteFile(t, ca, string(text))
	}
	trust(authority)
	var said servertest.Buffer
	address, _ := servertest.Start(t, server.Options{Access: access.Options{Certificate: certificate, Key: key, ClientAuthority: ca}, Log: slog.New(slog.NewTextHandler(&said, nil))})
	// Clients resume sessions where they may.
	clients := map[*testAuthority]*tls.Config{nil: {RootCAs: authority.pool}}
	for _, a := range []*testAuthority{authority, other} {
		pair, err := tls.LoadX509KeyPair(a.write(t, t.TempDir(), "client", 9))
		servertest.Must(t, err)
		clients[a] = &tls.Config{RootCAs: authority.pool, Certificates: []tls.Certificate{pair}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	}
	served := func(a *testAuthority) bool {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: clients[a]}}
		defer client.CloseIdleConnections()
		resp, err := client.Get("https://" + address + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return true
	}
	for range 2 {
		if !served(authority) {
			t.Error("a client with the right certificate is not served")
		}
	}
	if served(nil) || served(other) {
		t.Error("a client without the right certificate is served")
	}

	// The authorities are read again when they change; nonsense changes nothing.
	trust(authority, other)
	servertest.Await(t, "a second authority", func() bool { return served(other) && served(authority) })
	trust()
	servertest.Await(t, "a word about the empty file", func() bool { served(nil); return strings.Contains(said.String(), "there is no certificate in it") })
	if !served(other) || !served(authority) || served(nil) {
		t.Error("an empty file changes who is served")
	}
	trust(other)
	servertest.Await(t, "the end of the first authority", func() bool { return !served(authority) && served(other) })
	servertest.Must(t, os.Remove(ca))
	servertest.Await(t, "a word about the file that is not there", func() bool { served(nil); return strings.Contains(said.String(), "no such file") })
	if !served(other) || served(authority) || served(nil) {
		t.Error("a missing file changes who is served")
	}
}

func TestWrongAccess(t *testing.T) {
	dir := t.TempDir()
	certificate, key := newAuthority(t).write(t, dir, "server", 2)
	text := func(name, text string) string {
		file := filepath.Join(dir, name)
		servertest.Must(t, os.WriteFile(file, []byte(text), 0o644))
		return file
	}
	for name, a := range map[string]access.Options{
		"no key":               {Certificate: certificate},
		"no certificate":       {Key: key},
		"only an authority":    {ClientAuthority: certificate},
		"a key as certificate": {Certificate: key, Key: key},
		"no authority in it":   {Certificate: certificate, Key: key, ClientAuthority: key},
		"passwords: none":      {Passwords: text("none", "\n# nobody\n")},
		"passwords: MD5":       {Passwords: text("md5", "joe:$apr1$abc$def\n")},
		"passwords: plain":     {Passwords: text("plain", "joe\n")},
		"passwords: no file":   {Passwords: filepath.Join(dir, "absent")},
	} {
		if _, err := server.New(server.Options{Image: servertest.Open(t)["oci"], Kinds: nil, Access: a}); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.HasPrefix(name, "passwords: ") && name != "passwords: no file" && !strings.Contains(err.Error(), "htpasswd -") {
			t.Errorf("%s: no hint in %v", name, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	dir := t.TempDir()
	file, trail := filepath.Join(dir, "htpasswd"), filepath.Join(dir, "audit")
	servertest.WriteFile(t, file, "joe:"+servertest.Hashed(t, "secret")+"\n")
	log, err := audit.Open(trail, nil)
	servertest.Must(t, err)
	address, stop := servertest.Start(t, server.Options{Audit: log, Access: access.Options{Passwords: file}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	status := func(user, password, path string) int {
		r, err := http.NewRequest("GET", "http://"+address+path, nil)
		servertest.Must(t, err)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		resp, err := http.DefaultClient.Do(r)
		servertest.Must(t, err)
		resp.Body.Close()
		if resp.StatusCode == 401 && !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Error("401 without WWW-Authenticate")
		}
		return resp.StatusCode
	}
	const path = "/files/pool/a_1.0.bin"
	for _, c := range []struct {
		user, password, path string
		want                 int
	}{
		{"", "", path, 401}, {"joe", "wrong", path, 401}, {"joe", "secret", path, 200}, {"joe", "secret", path, 200},
		{"joe", "", path, 401}, {"ann", "secret", path, 401}, {"", "", "/", 401}, {"", "", "/api/v1/report", 401}, {"", "", "/healthz", 200}, {"", "", "/readyz", 200},
	} {
		if got := status(c.user, c.password, c.path); got != c.want {
			t.Errorf("%s:%s %s: %d, want %d", c.user, c.password, c.path, got, c.want)
		}
	}
	servertest.WriteFile(t, file, "\ufeffann:"+servertest.Hashed(t, "other")+"\r\n") // as some editors write it
	servertest.Await(t, "the new name", func() bool { return status("ann", "other", path) == 200 })
	if got := status("joe", "secret", path); got != 401 {
		t.Errorf("a name that was taken away: %d", got)
	}
	servertest.WriteFile(t, file, "# nobody\n")
	servertest.Await(t, "an empty file", func() bool { return status("ann", "other", path) == 401 })
	http.DefaultClient.CloseIdleConnections()
	stop()
	servertest.Must(t, log.Close())
	lines, err := os.ReadFile(trail)
	servertest.Must(t, err)
	for _, want := range []string{`"user":"joe","agent":"Go-http-client/1.1","method":"GET","path":"/files/pool/a_1.0.bin","status":401`, `"user":"joe","agent":"Go-http-client/1.1","method":"GET","path":"/files/pool/a_1.0.bin","status":200`} {
		if !strings.Contains(string(lines), want) {
			t.Errorf("no %s in the audit trail: %s", want, lines)
		}
	}
	if bytes.Contains(lines, []byte("secret")) {
		t.Errorf("the audit trail has a password: %s", lines)
	}
}

// A proxy on the same link has an address with a zone.
func TestProxyOnTheLink(t *testing.T) {
	h := servertest.New(t, server.Options{Access: access.Options{Proxies: []netip.Prefix{netip.MustParsePrefix("fe80::/10")}}}).Handler()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "[fe80::7%eth0]:4711"
	r.Header.Set("X-Forwarded-Host", "mirror.example.org")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "http://mirror.example.org/") {
		t.Errorf("it is not believed: %s", w.Body)
	}
}

func TestTrustedProxies(t *testing.T) {
	trail := filepath.Join(t.TempDir(), "audit")
	for name, c := range map[string]struct {
		headers []string
		client  string // as the audit trail has it
		base    string
	}{
		"none":                  {nil, "192.0.2.1", "http://example.com"},
		"one":                   {[]string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7", "http://example.com"},
		"lies before the proxy": {[]string{"X-Forwarded-For: 10.9.9.9, 203.0.113.7"}, "203.0.113.7", "http://example.com"},
		"two proxies":           {[]string{"X-Forwarded-For: 203.0.113.7, 192.0.2.9"}, "203.0.113.7", "http://example.com"},
		"port and brackets":     {[]string{"X-Forwarded-For: [2001:db8::1]:4711"}, "2001:db8::1", "http://example.com"},
		"nonsense":              {[]string{"X-Forwarded-For: <script>"}, "192.0.2.1", "http://example.com"},
		"lies before its words": {[]string{"X-Forwarded-Proto: http, https", "X-Forwarded-Host: evil.example.org, mirror.example.org"}, "192.0.2.1", "https://mirror.example.org"},
		"scheme and host":       {[]string{"X-Forwarded-Proto: https", "X-Forwarded-Host: mirror.example.org"}, "192.0.2.1", "https://mirror.example.org"},
	} {
		for _, trusted := range []bool{true, false} {
			servertest.Must(t, os.RemoveAll(trail))
			log, err := audit.Open(trail, nil)
			servertest.Must(t, err)
			o := server.Options{Audit: log}
			if trusted {
				o.Access.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			} else {
				c.client, c.base = "192.0.2.1", "http://example.com"
			}
			page := servertest.Body(t, servertest.Ask(t, servertest.New(t, o).Handler(), "GET", "/", c.headers...))
			servertest.Must(t, log.Close())
			line, err := os.ReadFile(trail)
			servertest.Must(t, err)
			if !strings.Contains(string(line), fmt.Sprintf(`"client":%q`, c.client)) {
				t.Errorf("%s, trusted %t: want %s in %s", name, trusted, c.client, line)
			}
			if !strings.Contains(page, c.base+"/files/") {
				t.Errorf("%s, trusted %t: want %s in %s", name, trusted, c.base, page)
			}
		}
	}
	wrong := server.Options{Access: access.Options{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	if got := servertest.Ask(t, servertest.New(t, wrong).Handler(), "GET", "/", "X-Forwarded-Host: evil.example.org/<x>"); got.StatusCode != 400 {
		t.Errorf("a host that is none: %s", got.Status)
	}
}

func TestConnectionsOfOneClient(t *testing.T) {
	address, _ := servertest.Start(t, server.Options{Limits: access.Limits{PerClient: 3}})
	var conns []net.Conn
	first := func() string {
		conn, err := net.Dial("tcp", address)
		servertest.Must(t, err)
		conns = append(conns, conn)
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		line := make([]byte, len("HTTP/1.1 200"))
		_, err = io.ReadFull(conn, line)
		servertest.Must(t, err)
		return string(line)
	}
	for range 3 {
		if got := first(); got != "HTTP/1.1 200" {
			t.Errorf("within the limit: %s", got)
		}
	}
	if got := first(); got != "HTTP/1.1 503" {
		t.Errorf("beyond the limit: %s", got)
	}
	for _, conn := range conns {
		conn.Close()
	}
	servertest.Await(t, "room", func() bool { return first() == "HTTP/1.1 200" })
	for _, conn := range conns {
		conn.Close()
	}
}
