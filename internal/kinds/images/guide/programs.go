package guide

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// dockerHub is the only registry for which Docker supports mirrors.
const dockerHub = "docker.io"

// docker is the configuration of Docker: dockerd(8), "daemon.json". Docker asks a mirror only for images of docker.io; those of other registries are
// pulled by the mirror's own names for them.
func (c *clients) docker() artifact.Client {
	var settings struct {
		Mirrors  []string `json:"registry-mirrors,omitempty"`
		Insecure []string `json:"insecure-registries,omitempty"`
	}
	note := "Docker: pull images by the mirror's names for them, such as " + c.host + "/" + c.registries[0].Folder + "/NAME:TAG."
	if slices.ContainsFunc(c.registries, func(r Registry) bool { return r.Name == dockerHub }) {
		settings.Mirrors = []string{c.Base}
		note = "Docker uses the mirror for images of docker.io, and goes on to docker.io for what the mirror does not have."
		if len(c.registries) > 1 {
			note += " Pull images of other registries by the mirror's names: " + c.host + "/REGISTRY/NAME:TAG."
		}
	}
	if !c.secure {
		settings.Insecure = []string{c.host}
	}
	client := artifact.Client{Program: "docker", Note: note}
	if settings.Mirrors != nil || settings.Insecure != nil {
		text, err := json.MarshalIndent(settings, "", "  ")
		if err == nil {
			client.Files = append(client.Files, artifact.ClientFile{Path: "/etc/docker/daemon.json", Data: append(text, '\n'), Shared: true})
		}
		client.Refresh = []string{"sh", "-c", "if pid=$(pidof dockerd); then kill -HUP $pid; fi"}
	}
	client.Files = append(client.Files, c.authority("/etc/docker/certs.d/"+c.host+"/ca.crt")...)
	return client
}

// podman is the configuration of podman, skopeo, buildah and CRI-O: containers-registries.conf.d(5). The mirror's name replaces that of each
// registry, so these programs have no other registry to try.
func (c *clients) podman() artifact.Client {
	var b strings.Builder
	b.WriteString(c.header())
	for _, registry := range c.registries {
		fmt.Fprintf(&b, "\n[[registry]]\nprefix = %q\nlocation = %q\n", registry.Name, c.host+"/"+registry.Folder)
		if !c.secure {
			b.WriteString("insecure = true\n")
		}
	}
	if !c.secure {
		fmt.Fprintf(&b, "\n[[registry]]\nprefix = %[1]q\nlocation = %[1]q\ninsecure = true\n", c.host)
	}
	files := []artifact.ClientFile{{Path: "/etc/containers/registries.conf.d/minimirror.conf", Data: []byte(b.String())}}
	return artifact.Client{Program: "podman", Files: append(files, c.authority("/etc/containers/certs.d/"+c.host+"/ca.crt")...)}
}

// rancher is the configuration of k3s or RKE2, "registries.yaml": from it, they write the configuration of their own containerd at startup.
func (c *clients) rancher(program string) artifact.Client {
	folder := "/etc/rancher/" + program
	authority := folder + "/minimirror-ca.pem"
	var b strings.Builder
	b.WriteString(c.header() + "mirrors:\n")
	registries := slices.Clone(c.registries)
	if c.Prefer {
		registries = append(registries, Registry{Name: "*"})
	}
	for _, registry := range registries {
		fmt.Fprintf(&b, "  %q:\n    endpoint: [%q]\n", registry.Name, c.Base)
	}
	if c.Authority != nil {
		fmt.Fprintf(&b, "configs:\n  %q:\n    tls: {ca_file: %q}\n", c.host, authority)
	}
	files := []artifact.ClientFile{{Path: folder + "/registries.yaml", Data: []byte(b.String()), Shared: true}}
	return artifact.Client{Program: program, Files: append(files, c.authority(authority)...),
		Note: program + " reads this when it starts; with --disable-default-registry-endpoint it does not go on to the registry for what the mirror does not have."}
}
