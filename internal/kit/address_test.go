package kit_test

import (
	"errors"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kit"
)

func TestAddress(t *testing.T) {
	for given, want := range map[string]struct{ address, host, port, record, hosts string }{
		"http://10.0.0.1:8080/":           {"http://10.0.0.1:8080", "10.0.0.1", "8080", "A 10.0.0.1", "10.0.0.1 ftp.debian.org\n"},
		"http://10.0.0.1:0080":            {"http://10.0.0.1:80", "10.0.0.1", "80", "A 10.0.0.1", "10.0.0.1 ftp.debian.org\n"},
		"http://[2001:db8::1]":            {"http://[2001:db8::1]", "2001:db8::1", "80", "AAAA 2001:db8::1", "2001:db8::1 ftp.debian.org\n"},
		"https://[2001:db8::1]:8443":      {"https://[2001:db8::1]:8443", "2001:db8::1", "8443", "AAAA 2001:db8::1", "2001:db8::1 ftp.debian.org\n"},
		"HTTPS://mirror.example.org":      {"https://mirror.example.org", "mirror.example.org", "443", "CNAME mirror.example.org.", ""},
		"http://mirror_1.example.org:":    {"http://mirror_1.example.org", "mirror_1.example.org", "80", "CNAME mirror_1.example.org.", ""},
		"http://localhost:8080":           {"http://localhost:8080", "localhost", "8080", "CNAME localhost.", "127.0.0.1 ftp.debian.org\n"},
		"http://1-2.m":                    {"http://1-2.m", "1-2.m", "80", "CNAME 1-2.m.", ""},
		"http://3node":                    {"http://3node", "3node", "80", "CNAME 3node.", ""},
		"http://[::ffff:10.0.0.1]:8080":   {"http://[::ffff:10.0.0.1]:8080", "::ffff:10.0.0.1", "8080", "A 10.0.0.1", "::ffff:10.0.0.1 ftp.debian.org\n"},
		"http://xn--gre-8ka0h.example:81": {"http://xn--gre-8ka0h.example:81", "xn--gre-8ka0h.example", "81", "CNAME xn--gre-8ka0h.example.", ""},
	} {
		k := spec
		k.Address = given
		made, err := kit.New(k)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if made.Address != want.address || made.Host() != want.host || made.Port() != want.port || made.Record() != want.record || made.Hosts() != want.hosts {
			t.Errorf("%s: %q, %q, %q, %q, %q", given, made.Address, made.Host(), made.Port(), made.Record(), made.Hosts())
		}
	}
	for _, address := range []string{
		"", "mirror", "ftp://mirror", "http://", "http://mirror/path", "http://u:p@mirror", "http://mirror?x", "http://mirror#x",
		"http://mirror:0", "http://mirror:65536", "http://mirror:99999", "http://10.0.0.300", "http://mirror.1", "http://0.0.0.0", "http://[::]:80",
		"http://[fe80::1%25eth0]:8080", "http://$(id)", "http://a;id", "http://a'b", `http://a"b`, "http://a<b>", "http://größe.example.org",
		"http://-mirror", "http://mirror-", "http://mirror..org", "http://.mirror", "http://a\nb",
	} {
		k := spec
		k.Address = address
		if _, err := kit.New(k); !errors.Is(err, artifact.ErrUsage) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// FuzzAddress: what is accepted stays as it is when it is read again, and has no letter that a shell or YAML knows.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"http://10.0.0.1:8080", "https://[2001:db8::1]:1", "http://a.example.org", "http://a:080/", "http://[::1%25x]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		k := spec
		k.Address = address
		made, err := kit.New(k)
		if err != nil {
			return
		}
		again, err := kit.New(*made)
		if err != nil || again.Address != made.Address || again.Port() == "" || again.Host() == "" {
			t.Fatalf("%q: %q, then %v", address, made.Address, err)
		}
		for _, r := range made.Address {
			if r <= ' ' || r > '~' || r == '$' || r == '`' || r == '\'' || r == '"' || r == ';' || r == '&' || r == '#' || r == '{' || r == '<' {
				t.Fatalf("%q: %q", address, made.Address)
			}
		}
	})
}
