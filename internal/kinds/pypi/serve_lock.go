package pypi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A lock is a lock file that the mirror serves: what is carried for one target, or for all.
type lock struct {
	environments []string // markers; sorted
	packages     []locked
}

// A locked is a version of a project in a lock file.
type locked struct {
	project *project
	version string
	marker  string // where it is installed; empty: in all environments
	files   []*file
}

// mainLock is the lock file for all targets. The others are pylock.TARGET.toml, where TARGET has no dots: PEP 751.
const mainLock = "pylock.toml"

func lockName(target string) string {
	return "pylock." + strings.ReplaceAll(target, ".", "") + ".toml"
}

func isLock(name string) bool {
	return name == mainLock || strings.HasPrefix(name, "pylock.") && strings.HasSuffix(name, ".toml")
}

// newLocks makes the lock files of an index, by name. The one for all targets is left out if markers cannot tell these apart, such as two C libraries,
// and they have different versions of a project.
func newLocks(projects []*project) map[string]*lock {
	targets := make(map[string]*target)
	for _, p := range projects {
		for _, f := range p.files {
			for _, name := range f.item.Attributes.Values(attributeTarget) {
				if targets[name] == nil {
					targets[name] = parseTargetName(name)
				}
			}
		}
	}
	maps.DeleteFunc(targets, func(_ string, t *target) bool { return t == nil })
	all := make(map[string]*lock)
	for name, t := range targets {
		all[lockName(name)], _ = newLock(projects, map[string]*target{name: t})
	}
	if whole, ok := newLock(projects, targets); ok && len(targets) > 0 {
		all[mainLock] = whole
	}
	return all
}

// newLock makes a lock file for targets, by name. It is not ok if two versions of a project have a marker in common.
func newLock(projects []*project, targets map[string]*target) (l *lock, ok bool) {
	l = &lock{environments: markers(targets)}
	for _, p := range projects {
		byVersion := make(map[string][]*file)
		where := make(map[string]map[string]*target) // by version
		var order []string
		for _, f := range p.files {
			version := f.item.Version
			for _, name := range f.item.Attributes.Values(attributeTarget) {
				if targets[name] == nil {
					continue
				}
				if where[version] == nil {
					where[version] = make(map[string]*target)
					order = append(order, version)
				}
				where[version][name] = targets[name]
				if !slices.Contains(byVersion[version], f) {
					byVersion[version] = append(byVersion[version], f)
				}
			}
		}
		seen := make(map[string]bool)
		for _, version := range order {
			one := locked{project: p, version: version, files: byVersion[version]}
			these := markers(where[version])
			if !slices.Equal(these, l.environments) {
				one.marker = strings.Join(these, " or ")
			}
			for _, m := range these {
				if seen[m] {
					return l, false
				}
				seen[m] = true
			}
			l.packages = append(l.packages, one)
		}
	}
	return l, true
}

// markers are those of targets, sorted.
func markers(targets map[string]*target) (all []string) {
	for _, t := range targets {
		all = append(all, t.marker())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The format of lock files: PEP 751.
type (
	lockFile struct {
		Version      string        `toml:"lock-version"`
		Environments []string      `toml:"environments,multiline"`
		CreatedBy    string        `toml:"created-by"`
		Packages     []lockPackage `toml:"packages"`
	}
	lockPackage struct {
		Name           string        `toml:"name"`
		Version        string        `toml:"version"`
		Marker         string        `toml:"marker,omitempty"`
		RequiresPython string        `toml:"requires-python,omitempty"`
		Index          string        `toml:"index"`
		Sdist          *lockedFile   `toml:"sdist,omitempty"`
		Wheels         []*lockedFile `toml:"wheels,omitempty"`
	}
	lockedFile struct {
		Name   string            `toml:"name"`
		URL    string            `toml:"url"`
		Size   int64             `toml:"size"`
		Hashes map[string]string `toml:"hashes,inline"`
	}
)

// lock answers with a lock file, whose addresses are the mirror's. One that is not complete would install less than what was locked: if the client may
// not have a package of it, the answer is 403 with the reason.
func (h *handler) lock(w http.ResponseWriter, r *http.Request, e *endpoint) {
	l := h.index.locks[e.lock]
	if l == nil {
		h.absent(w, r)
		return
	}
	base := h.site.Base(r)
	all := lockFile{Version: "1.0", Environments: l.environments, CreatedBy: "minimirror"}
	for _, p := range l.packages {
		allowed := h.allowed(r, p.files)
		if len(allowed) == 0 {
			h.refuseLock(w, r, p.files[0].item)
			return
		}
		one := lockPackage{Name: p.project.name, Version: p.version, Marker: p.marker, RequiresPython: requiredPython(allowed), Index: indexAt(e.source, base)}
		for _, f := range allowed {
			file := &lockedFile{Name: f.name, URL: base + "/" + e.source + "/" + packagesFolder + "/" + p.project.name + "/" + escaped(f.name),
				Size: f.item.Files[0].Size, Hashes: map[string]string{"sha256": f.item.Files[0].SHA256}}
			if isWheel(f.item) {
				one.Wheels = append(one.Wheels, file)
			} else {
				one.Sdist = file
			}
		}
		all.Packages = append(all.Packages, one)
	}
	data, err := toml.Marshal(all)
	if err != nil { // it is texts and numbers
		panic(err)
	}
	send(w, r, format{contentType: "application/toml"}, newPage(data))
}

// requiredPython is what all the files require; empty if they differ.
func requiredPython(files []*file) string {
	for _, f := range files[1:] {
		if f.RequiresPython != files[0].RequiresPython {
			return ""
		}
	}
	return files[0].RequiresPython
}

// refuseLock answers that a package of a lock file is denied.
func (h *handler) refuseLock(w http.ResponseWriter, r *http.Request, item *artifact.Item) {
	verdict := h.site.Decide(r, item)
	h.site.Ask(r, item, verdict)
	text := fmt.Sprintf("this lock file has %s %s, which is denied by this mirror's rules", item.Name, item.Version)
	if verdict.Reason != "" {
		text += ": " + verdict.Reason
	}
	write(w, r, http.StatusForbidden, text+"\nrule: "+verdict.Rule+"\n")
}
