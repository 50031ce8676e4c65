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

// scripts are the files /bootstrap/SET/install.sh: each installs a set out of the
// unpacked image, where this program cannot run.
func (b *Builder) scripts(ctx context.Context, lock *lockfile.Lock) (entries []tarlayer.Entry, err error) {
	for first := 0; first < len(lock.Sets); {
		name := lock.Sets[first].Name
		end := first
		for end < len(lock.Sets) && lock.Sets[end].Name == name {
			end++
		}
		var scripts []layout.Script
		for _, kind := range b.Kinds {
			pins := pinsOf(lock, kind.Name())
			var plans []*artifact.InstallPlan
			for _, set := range lock.Sets[first:end] {
				members := itemsIn(set, pins)
				if len(members) == 0 {
					continue
				}
				installer, err := artifact.Need[artifact.Installer](kind, "be installed on nodes, so sets do not have them")
				if err != nil {
					return nil, fmt.Errorf("set %s: %w", name, err)
				}
				plan, err := installer.PlanInstall(ctx, artifact.InstallRequest{Pins: pins, Architecture: set.Architecture, Set: members})
				if err != nil {
					return nil, fmt.Errorf("set %s: %w", name, err)
				}
				plans = append(plans, plan)
			}
			if installer, able := artifact.Able[artifact.Installer](kind); able && len(plans) > 0 {
				scripts = append(scripts, layout.Script{Kind: kind.Name(), Text: installer.Extra("the set "+name, plans...)[layout.ScriptName]})
			}
		}
		if len(scripts) > 0 {
			for file, text := range layout.Scripts(scripts) {
				entries = append(entries, tarlayer.Entry{Path: path.Join(layout.ScriptRoot, name, file), Mode: 0o755, Data: text})
			}
		}
		first = end
	}
	return entries, nil
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
