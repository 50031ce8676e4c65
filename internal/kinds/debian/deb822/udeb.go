package deb822

import (
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// udebType is the attribute "type" of items that are packages of an installer: "Package-Type: udeb".
const udebType = "udeb"

// udebFolder is the folder of a component with the indexes of its udebs. Archives write it as a component: "main/debian-installer".
const udebFolder = "debian-installer"

// IsUdeb reports whether an item is a package of the installer, which no node can install.
func IsUdeb(i *artifact.Item) bool { return i.Attributes.Get("type") == udebType }

// AsUdeb are the attributes of a package when it is a udeb.
func AsUdeb(architecture string, channels []string) artifact.Attributes {
	return artifact.NewAttributes(map[string][]string{"architecture": {architecture}, "channel": channels, "type": {udebType}})
}

// UdebComponent is what archives call the udebs of a component.
func UdebComponent(component string) string { return path.Join(component, udebFolder) }

// UdebIndex is the name of the index of a component's udebs, below the suite's folder.
func UdebIndex(component, architecture string) string {
	return path.Join(UdebComponent(component), "binary-"+architecture, "Packages")
}

// IsUdebIndex reports whether an index lists udebs, by its name below the suite's folder, in any encoding.
func IsUdebIndex(name string) bool {
	folder := path.Dir(path.Dir(name))
	return path.Base(folder) == udebFolder && strings.HasPrefix(path.Base(path.Dir(name)), "binary-")
}

// IsUdebComponent reports whether a component consists of udebs, as some lists of sources have it.
func IsUdebComponent(component string) bool { return path.Base(component) == udebFolder }
