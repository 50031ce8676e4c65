package buildkit

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://

	"github.com/minimirror/minimirror/internal/artifact"
)

// TLS says how to authenticate a daemon and the client to it: the fields are buildctl's
// flags --tlscacert, --tlscert, --tlskey and --tlsservername. All are files except
// ServerName; if it is empty, it is the host of the address. The zero value is no TLS.
type TLS struct {
	CACert, Cert, Key string
	ServerName        string
}

// TLSFromDir finds the files in dir, under the names that buildctl's --tlsdir
// knows: ca.pem or ca.crt, cert.pem or tls.crt, key.pem or tls.key.
func TLSFromDir(dir string) (TLS, error) {
	var t TLS
	for file, names := range map[*string][2]string{
		&t.CACert: {"ca.pem", "ca.crt"}, &t.Cert: {"cert.pem", "tls.crt"}, &t.Key: {"key.pem", "tls.key"},
	} {
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				*file = filepath.Join(dir, name)
				break
			}
		}
		if *file == "" {
			return TLS{}, fmt.Errorf("%s: contains neither %s nor %s", dir, names[0], names[1])
		}
	}
	return t, nil
}

// schemes are the supported schemes of a daemon's address.
var schemes = []string{"unix", "tcp", "docker-container", "kube-pod"}

// connect returns a client of the daemon, after the daemon has answered.
func connect(ctx context.Context, o Options) (*client.Client, error) {
	scheme, _, found := strings.Cut(o.Addr, "://")
	if !found || !slices.Contains(schemes, scheme) {
		return nil, artifact.Hint(artifact.Usagef("buildkit: %q is not an address", o.Addr),
			"write unix:///FILE, tcp://HOST:PORT, docker-container://NAME or kube-pod://NAME")
	}
	options, err := o.TLS.options(o.Addr)
	if err != nil {
		return nil, err
	}
	c, err := client.New(ctx, o.Addr, options...)
	if err != nil {
		return nil, fmt.Errorf("buildkit: %s: %w", o.Addr, err)
	}
	info, err := c.Info(ctx)
	if err != nil {
		c.Close()
		hint := "start buildkitd there, or leave the address out to bake without a daemon"
		if containsAny(err.Error(), "handshake", "server preface: EOF") {
			hint = "check the TLS files and the server's name: the daemon wants others, or none"
		}
		return nil, artifact.Hint(fmt.Errorf("buildkit: no daemon answers at %s: %w", o.Addr, reason(err)), "%s", hint)
	}
	o.Log.Debug("buildkit", "address", o.Addr, "version", info.BuildkitVersion.Version)
	return c, nil
}

func (t TLS) options(addr string) ([]client.ClientOpt, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	name := t.ServerName
	if name == "" {
		u, err := url.Parse(addr)
		if err != nil {
			return nil, artifact.Usagef("%q: %w", addr, err)
		}
		name = u.Hostname()
	}
	options := []client.ClientOpt{client.WithServerConfigSystem(name)}
	if t.CACert != "" {
		options[0] = client.WithServerConfig(name, t.CACert)
	}
	if t.Cert != "" || t.Key != "" {
		options = append(options, client.WithCredentials(t.Cert, t.Key))
	}
	return options, nil
}
