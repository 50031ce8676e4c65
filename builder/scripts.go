package builder

import (
	"context"
	"fmt"
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// scripts are the files /bootstrap/SET/install.sh: each installs a set from the
// unpacked image on machines where this program cannot run. Those of a set for several systems are /bootstrap/SET/SYSTEM/install.sh.
func (b *Builder) scripts(ctx context.Context, lock *lockfile.Lock) (entries []tarlayer.Entry, err error) {
	for first := 0; first < len(lock.Sets); {
		name, system := lock.Sets[first].Name, lock.Sets[first].System
		end := first
		for end < len(lock.Sets) && lock.Sets[end].Name == name && lock.Sets[end].System == system {
			end++
		}
		scripts, err := b.scriptsOf(ctx, lock, lock.Sets[first:end])
		if err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
		if len(scripts) > 0 {
			for file, text := range layout.Scripts(scripts) {
				entries = append(entries, tarlayer.Entry{Path: path.Join(layout.ScriptRoot, name, system, file), Mode: 0o755, Data: text})
			}
		}
		first = end
	}
	return entries, nil
}

// scriptsOf makes the scripts of all kinds for one set; sets has it for each architecture.
func (b *Builder) scriptsOf(ctx context.Context, lock *lockfile.Lock, sets []artifact.Set) (scripts []layout.Script, err error) {
	title := "the set " + sets[0].Name
	if sets[0].System != "" {
		title += " for " + sets[0].System
	}
	for _, kind := range b.Kinds {
		pins := pinsOf(lock, kind.Name()).ForSystem(sets[0].System)
		var plans []*artifact.InstallPlan
		for _, set := range sets {
			members := itemsIn(set, pins)
			if len(members) == 0 {
				continue
			}
			installer, err := artifact.Need[artifact.Installer](kind, "be installed on nodes, so sets do not have them")
			if err != nil {
				return nil, err
			}
			plan, err := installer.PlanInstall(ctx, artifact.InstallRequest{Pins: pins, Architecture: set.Architecture, Set: members})
			if err != nil {
				return nil, err
			}
			plans = append(plans, plan)
		}
		if installer, able := artifact.Able[artifact.Installer](kind); able && len(plans) > 0 {
			scripts = append(scripts, layout.Script{Kind: kind.Name(), Text: installer.Extra(title, plans...)[layout.ScriptName]})
		}
	}
	return scripts, nil
}

// itemsIn are the members of a set that belong to some pins.
func itemsIn(set artifact.Set, pins artifact.Pins) (ids []string) {
	have := make(map[string]bool, len(pins.Items))
	for i := range pins.Items {
		have[pins.Items[i].ID()] = true
	}
	for _, id := range set.Items {
		if have[id] {
			ids = append(ids, id)
		}
	}
	return ids
}
