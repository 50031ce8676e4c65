package deb822

import (
	"path"
	"strings"
)

// An Origin says which index lists a package.
type Origin struct {
	Source       string // name of the source
	Suite        string
	Alias        string // another name of the suite: its codename where Suite is none, or the reverse
	Component    string // empty in a flat repository
	Architecture string // of the index; empty when it is for every architecture, as in a flat repository
	Udebs        bool   // the index lists packages of the installer

	// Priority of the suite, as in apt_preferences(5): of two versions the one
	// with the higher priority wins. 0 means 500; apt gives 100 to suites that are
	// NotAutomatic and ButAutomaticUpgrades, and 1 to those that are NotAutomatic
	// only. What has a negative priority is not installed.
	Priority int
	// TakePhased takes updates that upstream has not phased in completely:
	// Phased-Update-Percentage, apt_preferences(5).
	TakePhased bool
}

// KindName is the name of the kind whose items this format describes.
const KindName = "debian"

// file is the place of the index, below the source.
func (o Origin) file() string {
	switch o.Architecture {
	case "":
		return path.Join(Dists(o.Suite), "Packages")
	case SourceArchitecture:
		return path.Join(Dists(o.Suite), o.Component, "source/Sources")
	}
	if o.Udebs {
		return path.Join(Dists(o.Suite), UdebIndex(o.Component, o.Architecture))
	}
	return path.Join(Dists(o.Suite), o.Component, "binary-"+o.Architecture, "Packages")
}

// Dists is the folder of a suite's metadata, relative to the repository. A flat
// repository has it at the suite's own path.
func Dists(suite string) string {
	if IsFlat(suite) {
		return path.Clean("./" + suite)
	}
	return path.Join("dists", suite)
}

// IsFlat reports whether a suite is a flat repository, which has its indexes beside its packages: its name ends in "/", as in
// sources.list(5).
func IsFlat(suite string) bool { return strings.HasSuffix(suite, "/") }

// Channel names a component of a suite, SUITE/COMPONENT, in the attribute "channel" of items.
func Channel(suite, component string) string {
	if component == "" {
		return suite
	}
	return suite + "/" + component
}

// CutChannel is the reverse of Channel.
func CutChannel(c string) (suite, component string) {
	slash := strings.LastIndexByte(c, '/')
	if slash < 0 || IsFlat(c) {
		return c, ""
	}
	return c[:slash], c[slash+1:]
}

// ReleasePriority is apt's for a Release, apt_preferences(5): backports and
// experimental are taken only where nothing else will do.
func ReleasePriority(header Paragraph) int {
	yes := func(name string) bool { return strings.EqualFold(header.Get(name), "yes") }
	switch {
	case yes("NotAutomatic") && yes("ButAutomaticUpgrades"):
		return 100
	case yes("NotAutomatic"):
		return 1
	}
	return 500
}
