//go:build tools

// Package quadlet pins podman's own generator of systemd units for the tests. It is a module of its own
// so that its dependencies stay out of miniMirror's.
package quadlet

import _ "github.com/containers/podman/v5/cmd/quadlet"
