package debian

import (
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestAuthority tells apt who signed the mirror's certificate, if it has one.
func TestAuthority(t *testing.T) {
	m := artifact.Mirror{Pins: artifact.Pins{Sources: []artifact.Source{{Kind: "debian", Name: "debian"}}}}
	for base, want := range map[string]string{
		"https://mirror.example.org:8443": "Acquire::https::mirror.example.org { CAInfo \"/etc/apt/minimirror-ca.pem\"; };\n",
		"https://[2001:db8::1]:8443":      "Acquire::https { CAInfo \"/etc/apt/minimirror-ca.pem\"; };\n",
		"http://mirror.example.org:8080":  "",
	} {
		files := make(map[string]string)
		for _, c := range (Kind{}).Clients(m, artifact.ClientOptions{Base: base, Authority: []byte("certificate\n")}) {
			for _, f := range c.Files {
				files[f.Path] = string(f.Data)
			}
		}
		if files["/etc/apt/apt.conf.d/80minimirror"] != want || (files["/etc/apt/minimirror-ca.pem"] == "certificate\n") != (want != "") {
			t.Errorf("%s: %q", base, files)
		}
	}
}
