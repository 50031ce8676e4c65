package server_test

import (
	"testing"

	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// imagetest's source is http://mirror.example.org/files.
func TestUpstreamsNames(t *testing.T) {
	h := servertest.New(t, server.Options{As: []string{"Mirror.example.org"}}).Handler()
	for _, c := range []struct {
		host, path string
		want       int
	}{
		{"mirror.example.org", "/files/pool/a_1.0.bin", 200}, {"mirror.example.org:80", "/files/pool/a_1.0.bin", 200},
		{"MIRROR.example.org.", "/files/./pool//a_1.0.bin", 200}, {"mirror.example.org", "/healthz", 200},
		{"mirror.example.org", "/files/../etc/passwd", 404}, {"mirror.example.org", "/filesx/pool/a_1.0.bin", 404},
		{"other.example.org", "/files/pool/a_1.0.bin", 200},
	} {
		if got := servertest.Ask(t, h, "GET", c.path, "Host: "+c.host); got.StatusCode != c.want {
			t.Errorf("%s%s: %s", c.host, c.path, got.Status)
		}
	}
	if _, err := server.New(server.Options{Image: servertest.Open(t)["oci"], As: []string{"elsewhere.example.org"}}); err == nil {
		t.Error("a host that nothing comes from: no error")
	}
}
