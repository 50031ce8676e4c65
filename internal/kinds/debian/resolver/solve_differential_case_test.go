//go:build differential

package resolver

import (
	"math/rand/v2"
	"slices"
)

// A differentialCase is one list of requests.
type differentialCase struct {
	number     int
	requests   []differentialRequest
	recommends bool
}

type differentialRequest struct {
	name, version string // the version is asked for exactly
	architecture  string // empty: any that has it
	least         string // the least version, which is no hard one
}

// String writes the request as in a definition.
func (r differentialRequest) String() string {
	text := r.name
	if r.architecture != "" {
		text += ":" + r.architecture
	}
	if r.version != "" {
		text += "=" + r.version
	}
	if r.least != "" {
		text += " (>= " + r.least + ")"
	}
	return text
}

// forApt writes it as an argument of apt-get.
func (r differentialRequest) forApt() string {
	if r.version != "" {
		return r.name + "=" + r.version
	}
	return r.name
}

func randomCase(number int, pool []*Package, random *rand.Rand) differentialCase {
	c := differentialCase{number: number, recommends: random.IntN(3) == 0}
	for range 1 + random.IntN(12) {
		p := pool[random.IntN(len(pool))]
		if slices.ContainsFunc(c.requests, func(r differentialRequest) bool { return r.name == p.Name }) {
			continue
		}
		r := differentialRequest{name: p.Name}
		switch random.IntN(8) {
		case 0:
			r.version = p.Version
		case 1:
			r.least = p.Version
		}
		if r.String() != r.name && p.Architecture != "all" {
			r.architecture = p.Architecture // others may have other versions
		}
		c.requests = append(c.requests, r)
	}
	return c
}

// on returns the requests that concern an architecture, for apt.
func (d *differential) on(architecture string, requests []differentialRequest) (names []string) {
	for _, r := range requests {
		if r.architecture != "" && r.architecture != architecture {
			continue
		}
		if index := slices.Index(d.universe.Architectures, architecture); len(d.universe.VersionsOn(slices.Index(d.universe.Nodes, ArchID(index)), d.universe.nameIDs[r.name])) > 0 {
			names = append(names, r.forApt())
		}
	}
	return names
}
