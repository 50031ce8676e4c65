// Package kinds lists the kinds of item that miniMirror carries. A new
// kind is a folder beside this file and one line in it.
package kinds

import (
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/advisories"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/kinds/files"
	"github.com/minimirror/minimirror/internal/kinds/images"
	"github.com/minimirror/minimirror/internal/kinds/pypi"
)

// All returns every kind.
func All() []artifact.Kind {
	return []artifact.Kind{
		debian.Kind{},
		files.Kind{},
		images.Kind{},
		pypi.Kind{},
		advisories.Kind{},
	}
}
