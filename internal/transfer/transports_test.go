package transfer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// certificate makes a certificate that is its own authority, and its PEM files.
func certificate(t *testing.T, name string) (pair tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	file = filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if pair, err = tls.X509KeyPair(text, text); err != nil {
		t.Fatal(err)
	}
	return pair, file
}

// serveTLS serves over https; clients must show a certificate of authority, if it is given.
func serveTLS(t *testing.T, pair tls.Certificate, authority string, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if authority != "" {
		data, err := os.ReadFile(authority)
		if err != nil {
			t.Fatal(err)
		}
		s.TLS.ClientCAs = x509.NewCertPool()
		s.TLS.ClientCAs.AppendCertsFromPEM(data)
		s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, u string, opt Options) error {
	t.Helper()
	_, _, _, err := client(t, opt).Bytes(t.Context(), Download{Addresses: URLs([]string{u}), Size: -1}, 1<<20, nil)
	return err
}

func wants(t *testing.T, what string, err error, text string) {
	t.Helper()
	if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
		t.Errorf("%s: got %v, want %q", what, err, text)
	}
}

func TestCertificates(t *testing.T) {
	pair, ca := certificate(t, "mirror.example.org")
	_, mine := certificate(t, "client")
	open, closed := serveTLS(t, pair, "", whole), serveTLS(t, pair, mine, whole)
	by := func(files artifact.TLSFiles) Options {
		return Options{Access: []artifact.Access{{TLS: func(host string) artifact.TLSFiles {
			if host != "127.0.0.1" {
				t.Error("asked for the certificates of", host)
			}
			return files
		}}}}
	}
	wants(t, "unknown authority", get(t, open, Options{}), "--ca FILE")
	wants(t, "own authority", get(t, open, Options{CA: ca}), "")
	wants(t, "authority of the settings", get(t, open, by(artifact.TLSFiles{CA: ca})), "")
	wants(t, "no certificate", get(t, closed, Options{CA: ca}), "--client-cert")
	wants(t, "certificate", get(t, closed, Options{CA: ca, ClientCert: mine}), "")
	wants(t, "certificate of the settings", get(t, closed, by(artifact.TLSFiles{CA: ca, Certificate: mine, Key: mine})), "")
	wants(t, "certificate that is not there", get(t, open, by(artifact.TLSFiles{CA: ca, Certificate: "/nonexistent.pem"})), "/nonexistent.pem")
	if _, err := New(Options{CA: "/nonexistent.pem"}); err == nil {
		t.Error("an authority that is not there was accepted")
	}
	if _, err := New(Options{ClientCert: "/nonexistent.pem"}); err == nil {
		t.Error("a certificate that is not there was accepted")
	}
	plain := serve(t, whole)
	away := serveTLS(t, pair, "", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain, 302) })
	wants(t, "redirect from https to http", get(t, away, Options{CA: ca}), "not followed: from https:// to http://")
}

// closedTo answers 401 to everybody but user:password.
func closedTo(user, password string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.WriteHeader(401)
			return
		}
		h(w, r)
	}
}

func TestLogins(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("NETRC", "")
	u := serve(t, closedTo("user", "secret", whole))
	login := func(host string) Options {
		return Options{Access: []artifact.Access{{LoginFiles: []string{"/etc/logins"}, Login: func(u *url.URL) *url.Userinfo {
			if u.Host != host {
				return nil
			}
			return url.UserPassword("user", "secret")
		}}}}
	}
	host := strings.TrimPrefix(u, "http://")
	wants(t, "login", get(t, u, login(host)), "")
	wants(t, "no login", get(t, u, login("other")), `hint: put "machine http://`+host+` login USER password PASSWORD" into /etc/logins or `)
	wants(t, "unreadable", get(t, u, Options{Access: []artifact.Access{{Unreadable: []string{"/etc/logins"}}}}), "can't read /etc/logins")
	wrong := serve(t, closedTo("user", "other", whole))
	err := get(t, wrong, login(strings.TrimPrefix(wrong, "http://")))
	wants(t, "wrong login", err, "was refused: see /etc/logins")
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error tells the password:", err)
	}

	// After a redirect, only the login of the other host is sent.
	var leaked atomic.Bool
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, _, sent := r.BasicAuth(); sent {
			leaked.Store(true)
		}
		whole(w, r)
	})
	from := serve(t, closedTo("user", "secret", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, 302) }))
	wants(t, "redirect", get(t, from, login(strings.TrimPrefix(from, "http://"))), "")
	if leaked.Load() {
		t.Error("the login followed the redirect to another host")
	}
	back := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, u, 302) })
	wants(t, "redirect to a host with a login", get(t, back, login(host)), "")

	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("machine 127.0.0.1\n  login user\n  password secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NETRC", netrc)
	wants(t, "netrc", get(t, u, Options{}), "")
}
