package builder

import (
	"cmp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// A Change is how a new lock changes one name of one kind, system and architecture.
type Change struct {
	System       string `json:"system,omitempty"`
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Old          *Pin   `json:"old"` // nil: added
	New          *Pin   `json:"new"` // nil: removed
}

// A Pin is one side of a Change.
type Pin struct {
	Source   string `json:"source"`
	Version  string `json:"version"`
	Size     int64  `json:"size"`     // bytes
	SHA256   string `json:"sha256"`   // of its file; of several, of the list as sha256sum writes it
	Security bool   `json:"security"` // a security channel lists it
}

// Changes are the differences between two locks, sorted by system, kind, name and
// architecture. What has other content under the same ID is one change; otherwise, if a name has several versions, the first
// removed version is paired with the first added one.
func Changes(before, after *lockfile.Lock) []Change {
	type key struct{ system, kind, name, architecture string }
	old, kept := make(map[key][]*artifact.Item), make(map[string]bool)
	identity := func(a *artifact.Item) string { return a.ID() + " " + digestOf(a) }
	for i := range before.Items {
		kept[identity(&before.Items[i])] = false
	}
	var come []*artifact.Item
	for i := range after.Items {
		a := &after.Items[i]
		if _, had := kept[identity(a)]; had {
			kept[identity(a)] = true
		} else {
			come = append(come, a)
		}
	}
	systems := make(map[string]string) // by the name of the source
	for _, s := range slices.Concat(before.Sources, after.Sources) {
		systems[s.Name] = s.System
	}
	keyOf := func(a *artifact.Item) key { return key{systems[a.Source], a.Kind, a.Name, a.Architecture()} }
	for i := range before.Items {
		if a := &before.Items[i]; !kept[identity(a)] {
			old[keyOf(a)] = append(old[keyOf(a)], a)
		}
	}
	var changes []Change
	add := func(k key, o, n *artifact.Item) {
		changes = append(changes, Change{k.system, k.kind, k.name, k.architecture, pinOf(o), pinOf(n)})
	}
	come = slices.DeleteFunc(come, func(n *artifact.Item) bool {
		k := keyOf(n)
		at := slices.IndexFunc(old[k], func(o *artifact.Item) bool { return o.ID() == n.ID() })
		if at >= 0 {
			add(k, old[k][at], n)
			old[k] = slices.Delete(old[k], at, at+1)
		}
		return at >= 0
	})
	for _, n := range come {
		k := keyOf(n)
		if gone := old[k]; len(gone) > 0 {
			add(k, gone[0], n)
			old[k] = gone[1:]
			continue
		}
		add(k, nil, n)
	}
	for k, gone := range old {
		for _, o := range gone {
			add(k, o, nil)
		}
	}
	slices.SortFunc(changes, compareChanges)
	return changes
}

func compareChanges(a, b Change) int {
	version := func(p *Pin) string {
		if p == nil {
			return ""
		}
		return p.Source + " " + p.Version
	}
	return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture),
		cmp.Compare(version(a.Old), version(b.Old)), cmp.Compare(version(a.New), version(b.New)))
}

func pinOf(a *artifact.Item) *Pin {
	if a == nil {
		return nil
	}
	return &Pin{a.Source, a.Version, a.Size(), digestOf(a), a.Security}
}

// digestOf identifies the bytes of an item: the SHA-256 of its file, or of the list of theirs.
func digestOf(a *artifact.Item) string {
	if len(a.Files) == 1 {
		return a.Files[0].SHA256
	}
	var list strings.Builder
	for i := range a.Files {
		list.WriteString(a.Files[i].SHA256 + "  " + a.Files[i].Path + "\n")
	}
	return strings.TrimPrefix(lockfile.Digest([]byte(list.String())), "sha256:")
}
