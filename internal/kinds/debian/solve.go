package debian

import (
	"context"
	"errors"
)

// Options change what Resolve takes.
type Options struct {
	// Recommends takes what packages recommend, where it can be had.
	Recommends bool
	// Prefer names the pins of the lock before. They win over higher versions
	// and over other alternatives as long as the requests allow them.
	Prefer func(*Package) bool
}

// A Closure is a result of Resolve.
type Closure struct {
	// Packages are what was asked for and all it needs, sorted by name, version
	// and architecture. Each requested package can be installed from them alone.
	Packages []*Package
	// Sets are the packages that install each set on a bare node, sorted; those
	// of one architecture can be installed together.
	Sets map[string][]*Package
	// Warnings are for the user: what was left out or replaced, and why.
	Warnings []string
}

// Resolve finds the closure of requests and sets.
func (u *Universe) Resolve(ctx context.Context, requests []Request, sets map[string][]Request, opt Options) (*Closure, error) {
	return nil, errors.ErrUnsupported
}
