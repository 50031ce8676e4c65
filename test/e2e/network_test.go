package e2e

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
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// siteName is what the servers behind proxies and certificates are called. No name
// server knows it.
const siteName = "mirror.example.org"

// cmdProxy starts a forward proxy that finds siteName at one upstream, and no other host.
func cmdProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 4 {
		ts.Fatalf("usage: proxy NAME UPSTREAM [USER PASSWORD]")
	}
	address, err := url.Parse(ts.Getenv(args[1]))
	ts.Check(err)
	var user, password string
	if len(args) == 4 {
		user, password = args[2], args[3]
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Host = address.Host
		r.Out.Header.Del("Proxy-Authorization")
	}, ErrorLog: log.New(io.Discard, "", 0)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		u, p, _ := login.BasicAuth()
		switch {
		case u != user || p != password:
			http.Error(w, "who is there?", http.StatusProxyAuthRequired)
		case !strings.HasPrefix(r.URL.Host, siteName) && !strings.HasPrefix(r.Host, siteName):
			http.Error(w, "I know no "+r.Host, http.StatusBadGateway)
		case r.Method == http.MethodConnect:
			tunnel(w, address.Host)
		default:
			through.ServeHTTP(w, r)
		}
	}))
	ts.Defer(server.Close)
	ts.Defer(server.CloseClientConnections)
	ts.Setenv(args[0], strings.TrimPrefix(server.URL, "http://"))
}

// tunnel joins the connection of a CONNECT with one to a server.
func tunnel(w http.ResponseWriter, to string) {
	server, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}

// cmdSecure serves an upstream over https as siteName. NAME.pem is the authority.
// With a file name, clients must show the certificate that is written there.
func cmdSecure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: secure NAME UPSTREAM [FILE]")
	}
	text := certificate(ts, siteName)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), text, 0o644))
	pair, err := tls.X509KeyPair(text, text)
	ts.Check(err)
	server := httptest.NewUnstartedServer(worldOf(ts).upstream(ts, args[1]).faults)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if len(args) == 3 {
		client := certificate(ts, "client")
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), client, 0o600))
		server.TLS.ClientCAs = x509.NewCertPool()
		server.TLS.ClientCAs.AppendCertsFromPEM(client)
		server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	}
	server.StartTLS()
	ts.Defer(server.Close)
	ts.Defer(server.CloseClientConnections)
	ts.Setenv(args[0], server.URL)
}

// certificate makes one that is its own authority, and its key, as PEM.
func certificate(ts *testscript.TestScript, name string) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}
