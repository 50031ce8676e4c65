// Package guide makes programs that pull images clients of the mirror: containerd, Docker, podman and those that share their configuration. It knows
// the addresses of the mirror and of registries, and nothing of what is carried.
package guide

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Registry is a registry whose images the mirror carries.
type Registry struct {
	Name   string // as clients name it: "registry.example.org:5000"
	Folder string // its repositories' names on the mirror begin with this: "registry.example.org_5000"
}

// Usage tells people how to use the mirror at an address. There must be at least one registry.
func Usage(registries []Registry, base string) string {
	c := newClients(registries, artifact.ClientOptions{Base: base})
	var b strings.Builder
	b.WriteString("Container images, for containerd, Docker, podman, helm and others, by the mirror's names:\n\n")
	for _, registry := range c.registries {
		fmt.Fprintf(&b, "  %s/%s/NAME:TAG\n", c.host, registry.Folder)
	}
	plain := ""
	if !c.secure {
		plain = " --plain-http"
	}
	fmt.Fprintf(&b, "\nHelm charts: helm pull oci://%s/REGISTRY/NAME --version VERSION%s\n", c.host, plain)
	fmt.Fprintf(&b, "To use the registries' own names: minimirror kit IMAGE --address %s writes the configuration of containerd, Docker, podman, CRI-O, k3s and RKE2.\n", base)
	return b.String()
}

// clients make the configuration of every program that pulls images.
type clients struct {
	artifact.ClientOptions
	host       string // of the mirror, with the port if it has one
	secure     bool   // by HTTPS
	registries []Registry
}

func newClients(registries []Registry, o artifact.ClientOptions) *clients {
	c := &clients{ClientOptions: o, registries: registries}
	if u, err := url.Parse(o.Base); err == nil {
		c.host, c.secure = u.Host, u.Scheme == "https"
	}
	if !c.secure {
		c.Authority = nil
	}
	return c
}

// authority is the file, at a path, with the authority of the mirror's certificate; none if clients need none.
func (c *clients) authority(path string) []artifact.ClientFile {
	if c.Authority == nil {
		return nil
	}
	return []artifact.ClientFile{{Path: path, Data: c.Authority}}
}

// header begins a file of configuration.
func (c *clients) header() string {
	return fmt.Sprintf("# Images from the mirror %s. Written by \"minimirror kit\".\n", c.Base)
}

// Clients are the clients for artifact.Guide, one for each program. If an image is denied or absent, the client reports the mirror's error and does
// not try the registry itself, except for programs that cannot be configured so: see Note. To prefer the mirror means to use it for all registries, carried or not.
func Clients(registries []Registry, o artifact.ClientOptions) []artifact.Client {
	c := newClients(registries, o)
	all := []artifact.Client{c.containerd(), c.docker(), c.podman(), c.rancher("k3s"), c.rancher("rke2")}
	return slices.DeleteFunc(all, func(c artifact.Client) bool { return len(c.Files) == 0 })
}
