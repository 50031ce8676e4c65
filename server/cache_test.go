package server_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/servertest"
)

// What an answer depends on beside the address is seen in what caches may do with it.
func TestCaches(t *testing.T) {
	dir := t.TempDir()
	passwords, rules := filepath.Join(dir, "htpasswd"), filepath.Join(dir, "rules.yaml")
	servertest.WriteFile(t, passwords, "joe:"+servertest.Hashed(t, "secret")+"\n")
	servertest.WriteFile(t, rules, "rules:\n"+
		" - deny: { package: pool/empty.bin }\n"+
		" - deny: { package: pool/big.bin, client: 198.51.100.0/24 }\n"+
		" - allow: { package: pool/a_1.0.bin, client: 198.51.100.0/24 }\n"+
		" - deny: { package: 'pool/b*', time: 'Mon-Sun 00:00-24:00', reason: x, client: '::/0' }\n")
	open := servertest.New(t, server.Options{Rules: rules, Signer: servertest.Signers}).Handler()
	closed := servertest.New(t, server.Options{Access: access.Options{Passwords: passwords}}).Handler()
	named := servertest.New(t, server.Options{Access: access.Options{Passwords: passwords}, Rules: rules, Signer: servertest.Signers, Kinds: []artifact.Kind{digestKind{}}}).Handler()
	const login = "Authorization: Basic am9lOnNlY3JldA=="
	for _, c := range []struct {
		what   string
		h      http.Handler
		target string
		header string
		status int
		want   string
	}{
		{"for all", open, "/files/dists/x/Index", "X: y", 200, "no-cache"},
		{"a package for all: both verdicts are the same", open, "/files/pool/a_1.0.bin", "X: y", 200, "no-cache"},
		{"by client", open, "/files/pool/big.bin", "X: y", 200, "private, no-cache"},
		{"a part, by client", open, "/files/pool/big.bin", "Range: bytes=1-2", 206, "private, no-cache"},
		{"denied to all", open, "/files/pool/empty.bin", "X: y", 403, "no-store"},
		{"not carried", open, "/files/none", "X: y", 404, "no-store"},
		{"the page, by Host", open, "/", "X-Forwarded-Host: x", 200, "no-store"},
		{"a page, by client", open, "/-/artifacts/plain/pool%2Fbig.bin", "X: y", 200, "no-store"},
		{"the API, by client", open, "/api/v1/artifacts/plain/pool%2Fbig.bin", "X: y", 200, "no-store"},
		{"health", open, "/healthz", "X: y", 200, "no-store"},
		{"ready", open, "/readyz", "X: y", 200, "no-store"},
		{"a wrong Host", open, "/files/pool/big.bin", "Host: <x>", 400, "no-store"},
		{"by login", closed, "/files/pool/a_1.0.bin", login, 200, "private, no-cache"},
		{"by login, not carried", closed, "/files/none", login, 404, "no-store"},
		{"a page by login", closed, "/-/search", login, 200, "no-store"},
		{"no login", closed, "/files/pool/a_1.0.bin", "X: y", 401, "no-store"},
		{"named by its digest, by login", named, "", login, 200, "private, max-age=31536000, immutable"},
	} {
		if c.target == "" {
			list := servertest.Body(t, servertest.Ask(t, c.h, "GET", "/files/dists/x/Index", c.header))
			c.target = "/files/dists/x/" + servertest.Sum(list)
		}
		got := servertest.Ask(t, c.h, "GET", c.target, c.header)
		if cache := got.Header.Get("Cache-Control"); got.StatusCode != c.status || cache != c.want {
			t.Errorf("%s: %s: %s, %q, want %d, %q", c.what, c.target, got.Status, cache, c.status, c.want)
		}
	}
}
