package builder

import (
	"context"
	"fmt"
	"path"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// scripts are the files /bootstrap/SET/install.sh: each installs a set out of the
// unpacked image, where this program cannot run.
func (b *Builder) scripts(ctx context.Context, lock *lockfile.Lock) (entries []image.Entry, err error) {
	for first := 0; first < len(lock.Sets); {
		name := lock.Sets[first].Name
		end := first
		for end < len(lock.Sets) && lock.Sets[end].Name == name {
			end++
		}
		for _, kind := range b.Kinds {
			pins := pinsOf(lock, kind.Name())
			var plans []*artifact.InstallPlan
			for _, set := range lock.Sets[first:end] {
				plan, err := kind.PlanInstall(ctx, artifact.InstallRequest{Pins: pins, Architecture: set.Architecture, Set: artifactsIn(set, pins)})
				if err != nil {
					return nil, fmt.Errorf("set %s: %w", name, err)
				}
				plans = append(plans, plan)
			}
			entries = append(entries, image.Entry{Path: path.Join(image.ScriptRoot, name, image.ScriptName), Mode: 0o755,
				Data: kind.Extra("the set "+name, plans...)[image.ScriptName]})
		}
		first = end
	}
	return entries, nil
}

// artifactsIn are the members of a set that belong to some pins.
func artifactsIn(set artifact.Set, pins artifact.Pins) (ids []string) {
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
