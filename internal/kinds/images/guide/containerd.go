package guide

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	containerdHosts  = "/etc/containerd/certs.d"                       // the folder that config_path names
	containerdScript = "/usr/local/lib/minimirror/containerd-hosts.sh" // sets config_path
)

//go:embed containerd-hosts.sh
var containerdHostsScript string

// containerd is the configuration of containerd 1.6 to 2.x: docs/hosts.md. Each registry has a folder; "server" and "host" both name the
// mirror, so containerd has no other registry to try. containerd reads the folders whenever it pulls; only config_path needs a restart.
func (c *clients) containerd() artifact.Client {
	const authority = "/etc/containerd/minimirror-ca.pem"
	var b strings.Builder
	b.WriteString(c.header())
	trust := ""
	if c.Authority != nil {
		trust = fmt.Sprintf("ca = %q\n", authority)
	}
	fmt.Fprintf(&b, "server = %q\n%s\n[host.%[1]q]\n  capabilities = [\"pull\", \"resolve\"]\n", c.Base, trust)
	if trust != "" {
		b.WriteString("  " + trust)
	}
	client := artifact.Client{Program: "containerd", Refresh: []string{"sh", containerdScript}}
	folders := make([]string, 0, len(c.registries)+1)
	for _, registry := range c.registries {
		folders = append(folders, hostsFolder(registry.Name))
	}
	if c.Prefer {
		folders = append(folders, "_default")
	}
	for _, folder := range folders {
		client.Files = append(client.Files, artifact.ClientFile{Path: containerdHosts + "/" + folder + "/hosts.toml", Data: []byte(b.String())})
	}
	client.Files = append(client.Files, c.authority(authority)...)
	client.Files = append(client.Files, artifact.ClientFile{Path: containerdScript, Data: []byte(containerdHostsScript)})
	return client
}

// hostsFolder is what containerd calls the folder of a registry: "registry.example.org_5000_".
func hostsFolder(registry string) string {
	if host, port, found := strings.Cut(registry, ":"); found {
		return host + "_" + port + "_"
	}
	return registry
}
