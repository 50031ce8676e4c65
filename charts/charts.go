// Package charts holds the Helm chart inside the program, so that it travels with every image.
package charts

import "embed"

// MiniMirror is the folder minimirror, as "helm package" takes it.
//
//go:embed all:minimirror
var MiniMirror embed.FS
