package kit

import (
	"strings"

	"github.com/minimirror/minimirror/internal/image/layout"
)

// Pulled reports that a runtime can fetch the image from a registry.
func (k *Kit) Pulled() bool { return !strings.HasPrefix(k.Image, layout.LocalRegistry+"/") }

// Repository is the image's name without tag and digest.
func (k *Kit) Repository() string {
	name, _, _ := strings.Cut(k.Image, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon]
	}
	return name
}

// Tag is the image's tag, or empty.
func (k *Kit) Tag() string {
	name, _, _ := strings.Cut(k.Image, "@")
	return strings.TrimPrefix(strings.TrimPrefix(name, k.Repository()), ":")
}

// Pinned is the digest in the image's name, or empty.
func (k *Kit) Pinned() string {
	_, digest, _ := strings.Cut(k.Image, "@")
	return digest
}

// LowPort reports that only a privileged program may listen on the port itself.
func (k *Kit) LowPort() bool { return len(k.Port()) < 4 || k.Port() < "1024" && len(k.Port()) == 4 }

// PodPort is the port in the pod.
func (k *Kit) PodPort() string {
	if k.LowPort() {
		return "8080"
	}
	return k.Port()
}
