package debian

import (
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// RequestLists implements artifact.Lister.
func (Kind) RequestLists() []artifact.RequestList {
	return []artifact.RequestList{{Key: "packages", Optional: true}}
}

// RequestName implements artifact.Lister: "nginx" for "nginx (>= 1.22)", "nginx:arm64" for "nginx:arm64=1.22*".
func (Kind) RequestName(request string) (name string, bare bool, err error) {
	r, err := resolver.ParseRequest(request)
	return r.Name(), r.Name() == r.String(), err
}
