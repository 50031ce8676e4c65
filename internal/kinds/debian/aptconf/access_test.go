package aptconf

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/artifact/netrc"
)

// accessOf is the access of a definition with these sources.
func accessOf(t *testing.T, sources string) artifact.Access {
	t.Helper()
	access, err := Access(context.Background(), sources == "host")
	if err != nil {
		t.Fatal(err)
	}
	return access
}

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAuthConf holds what apt_auth.conf(5) says and apt does.
func TestAuthConf(t *testing.T) {
	for machine, want := range map[string]string{ // of https://example.org/debian/x, http://…, https://example.org:8443/debian/x, http://…:8080/debian/x
		"example.org":               "y-y-",
		"example.org/deb":           "y---",
		"example.org/debian":        "y---",
		"example.org/debian/":       "y---",
		"example.org:443":           "----",
		"example.org/deb/":          "----",
		"example.org/ubuntu":        "----",
		"example.orga":              "----",
		"xample.org":                "----",
		"example.net":               "----",
		"example.org:8443":          "--y-",
		"example.org:8443/debian":   "--y-",
		"http://example.org":        "-y-y",
		"http://example.org:8080":   "---y",
		"http://example.org/debian": "-y--",
		"https://example.org":       "y-y-",
		"ftp://example.org":         "----",
	} {
		conf := authConf{entries: netrc.ParsePlain("machine other login a password b\nmachine " + machine + "\n\tlogin u\n password p")}
		got := ""
		for _, u := range []string{"https://example.org/debian/x", "http://example.org/debian/x", "https://example.org:8443/debian/x", "http://example.org:8080/debian/x"} {
			switch login := conf.login(address(t, u)); {
			case login == nil:
				got += "-"
			case login.String() == "u:p":
				got += "y"
			default:
				t.Errorf("%s: %s: got %s", machine, u, login)
			}
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", machine, got, want)
		}
	}
}

func TestAuthConfFiles(t *testing.T) {
	dir := aptHost(t, "", map[string]string{"auth.conf": "machine one.example.org login a password b"})
	if err := os.MkdirAll(filepath.Join(dir, "etc/apt/auth.conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"10.conf": "machine one.example.org login c password d\nmachine two.example.org login e password f",
		"20.conf": "# machine two.example.org login g password h\nmachine two.example.org login g password h",
		"30.bak":  "machine three.example.org login i password j",
	} {
		if err := os.WriteFile(filepath.Join(dir, "etc/apt/auth.conf.d", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	access := accessOf(t, "others")
	for host, want := range map[string]string{"one": "a:b", "two": "e:f", "three": ""} {
		got := ""
		if login := access.Login(address(t, "https://"+host+".example.org/x")); login != nil {
			got = login.String()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
	if access.Proxy != nil || access.TLS != nil {
		t.Error("apt's proxies and certificates are for the host's own sources")
	}
	if want := filepath.Join(dir, "etc/apt/auth.conf"); len(access.LoginFiles) != 1 || access.LoginFiles[0] != want {
		t.Errorf("logins are looked for in %q, want %s", access.LoginFiles, want)
	}
}

func TestHostAccess(t *testing.T) {
	t.Setenv("http_proxy", "http://environment:1")
	t.Setenv("https_proxy", "http://environment:1")
	t.Setenv("no_proxy", "inside.example.org")
	detect := filepath.Join(t.TempDir(), "detect")
	if err := os.WriteFile(detect, []byte("#!/bin/sh\ncase $1 in *detected*) echo http://detected:1;; *strange*) echo DIRECT;; esac\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		conf string
		want map[string]string // address → proxy
	}{
		"environment": {"", map[string]string{"http://h/x": "http://environment:1", "https://h/x": "http://environment:1", "http://inside.example.org/x": ""}},
		"apt's": {`Acquire::http::Proxy "http://apt:1"; Acquire::http::Proxy::direct.example.org "DIRECT"; Acquire::http::Proxy::Special.example.org "http://special:1";`, map[string]string{
			"http://h/x": "http://apt:1", "https://h/x": "http://apt:1", "http://direct.example.org/": "", "https://direct.example.org/": "",
			"http://special.example.org/": "http://special:1", "http://inside.example.org/x": ""}},
		"apt's for https": {`Acquire::http::Proxy "http://apt:1"; Acquire::https::Proxy "http://secure:1";`, map[string]string{"http://h/x": "http://apt:1", "https://h/x": "http://secure:1"}},
		"login":           {`Acquire::http::Proxy "http://proxy.example.org:1";`, map[string]string{"http://h/x": "http://me:pw@proxy.example.org:1"}},
		"own login":       {`Acquire::http::Proxy "http://a:b@proxy.example.org:1";`, map[string]string{"http://h/x": "http://a:b@proxy.example.org:1"}},
		"detected": {`Acquire::http::Proxy-Auto-Detect "` + detect + `"; Acquire::http::Proxy "http://apt:1"; Acquire::http::Proxy::detected.set.org "DIRECT";`, map[string]string{
			"http://detected.org/": "http://detected:1", "http://strange.org/": "", "http://other.org/": "http://apt:1", "http://detected.set.org/": ""}},
		"not an address": {`Acquire::http::Proxy "http://user:secret@[";`, map[string]string{"http://h/x": "error"}},
	} {
		t.Run(name, func(t *testing.T) {
			aptHost(t, c.conf, map[string]string{"auth.conf": "machine http://proxy.example.org login me password pw"})
			access := accessOf(t, "host")
			for from, want := range c.want {
				proxy, err := access.Proxy(address(t, from))
				got := ""
				if proxy != nil {
					got = proxy.String()
				}
				if err != nil {
					got = "error"
					if strings.Contains(err.Error(), "secret") {
						t.Error("the error tells the password:", err)
					}
				}
				if got != want {
					t.Errorf("%s: got %q (%v), want %q", from, got, err, want)
				}
			}
		})
	}
	aptHost(t, `Acquire::https { CaInfo "/all.pem"; SslCert::One.example.org "/one.pem"; SslKey::one.example.org "/one.key"; };`, nil)
	tls := accessOf(t, "host").TLS
	if got, want := tls("one.example.org"), (artifact.TLSFiles{CA: "/all.pem", Certificate: "/one.pem", Key: "/one.key"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := tls("two.example.org"), (artifact.TLSFiles{CA: "/all.pem"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzAuthConf(f *testing.F) {
	f.Add("machine http://h:80/p login u password p\n# x", "http://h:80/p/x")
	f.Fuzz(func(t *testing.T, text, of string) {
		u, err := url.Parse(of)
		if err != nil {
			return
		}
		if login := (authConf{entries: netrc.ParsePlain(text)}).login(u); login != nil && u.Scheme != "https" && !strings.Contains(text, u.Scheme+"://") {
			t.Fatalf("%q gives a login to %s", text, of)
		}
	})
}
