package debian

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

	// Priority of the suite, as in apt_preferences(5): of two versions the one
	// with the higher priority wins. 0 means 500; apt gives 100 to suites that are
	// NotAutomatic and ButAutomaticUpgrades, and 1 to those that are NotAutomatic
	// only. What has a negative priority is not installed.
	Priority int
	// TakePhased takes updates that upstream has not phased in completely:
	// Phased-Update-Percentage, apt_preferences(5).
	TakePhased bool
}

// file is the place of the index, below the source.
func (o Origin) file() string {
	if o.Architecture == "" {
		return path.Join(dists(o.Suite), "Packages")
	}
	return path.Join(dists(o.Suite), o.Component, "binary-"+o.Architecture, "Packages")
}

// dists is the folder of a suite's metadata, relative to the repository. A flat
// repository has it at the suite's own path.
func dists(suite string) string {
	if flat(suite) {
		return path.Clean("./" + suite)
	}
	return path.Join("dists", suite)
}

func flat(suite string) bool { return strings.HasSuffix(suite, "/") }

// channel names a component of a suite in Artifact.Channels.
func channel(suite, component string) string {
	if component == "" {
		return suite
	}
	return suite + "/" + component
}

// kindName is the name of the kind whose items this format describes.
const kindName = "debian"

// cutChannel is the reverse of channel.
func cutChannel(c string) (suite, component string) {
	slash := strings.LastIndexByte(c, '/')
	if slash < 0 || flat(c) {
		return c, ""
	}
	return c[:slash], c[slash+1:]
}

// releasePriority is apt's for a Release, apt_preferences(5): backports and
// experimental are taken only where nothing else will do.
func releasePriority(header paragraph) int {
	yes := func(name string) bool { return strings.EqualFold(header.get(name), "yes") }
	switch {
	case yes("NotAutomatic") && yes("ButAutomaticUpgrades"):
		return 100
	case yes("NotAutomatic"):
		return 1
	}
	return 500
}
