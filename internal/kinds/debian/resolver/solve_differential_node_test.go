//go:build differential

package resolver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// installs tries the packages of a set with apt, and with the model of dpkg in
// the set's order and in the steps of PlanInstall.
func (d *setDifferential) installs(requests []Request, found ClosureSet) bool {
	set := found.Packages
	good := true
	fail := func(format string, args ...any) {
		good = false
		d.Errorf(format, args...)
	}
	root := d.aptNode("set")
	defer os.RemoveAll(root.Dir)
	if d.replaces {
		root.Write("apt.conf", fmt.Appendf(nil, debiantest.AptConf, root.Dir))
	}
	addPackages(root, set)
	root.Update()
	var all []string
	for _, p := range set {
		if d.has(p.Name) != p.Version { // what is requested by name is carried even so
			all = append(all, p.Name+"="+p.Version)
		}
	}
	if len(all) > 0 {
		got, problem := root.Install(false, all...)
		if problem != "" || len(got) != len(all) {
			fail("apt installs %d of %v: %s", len(got), all, problem)
		}
	}

	if !d.replaces { // what goes is in the plan alone
		model := newDpkgModel(d.base)
		for _, p := range set {
			// As a person does who goes by the list alone: configure when unpacking fails.
			if err := model.unpack(p, true); err != nil {
				model.configure()
				if err := model.unpack(p, true); err != nil {
					fail("in the set's order: %v", err)
				}
			}
		}
		if err := model.configure(); err != nil {
			fail("in the set's order: %v", err)
		}
	}
	if err := d.followPlan(requests, found); err != nil {
		fail("in the steps of the plan: %v", err)
	}
	return good
}

// followPlan has the model of dpkg carry out the plan for a set on the node. What
// is requested must be there in the end; of the rest the plan may take less.
func (d *setDifferential) followPlan(requests []Request, set ClosureSet) error {
	req := artifact.InstallRequest{Root: filepath.Join(d.dir, "node")}
	d.full.WriteFile(filepath.Join(req.Root, statusFile), d.status)
	packages := make(map[string]*Package)
	for _, p := range set.Packages {
		a, err := p.Item("host", func(string) []string { return nil })
		if err != nil {
			return err
		}
		a.Source = "host"
		packages[a.ID()] = p
		req.Pins.Items = append(req.Pins.Items, a)
		req.Set = append(req.Set, a.ID())
		if slices.Contains(set.Requested, p) {
			req.Requested = append(req.Requested, a.ID())
		}
	}
	req.Pins.Sources = []artifact.Source{{Kind: "debian", Name: "host"}}
	plan, err := PlanInstall(context.Background(), req)
	if err != nil {
		return err
	}
	model := newDpkgModel(d.base)
	for i, step := range plan.Steps {
		model.remove(plan.Removed, i, true)
		var packed []*Package
		for _, a := range step {
			packed = append(packed, packages[a.ID()])
		}
		if err := model.install(packed, true); err != nil {
			return err
		}
		model.remove(plan.Removed, i, false)
	}
	for _, r := range requests {
		if p := model.installed[r.Pattern]; p == nil || !r.admits(p.Version) {
			return fmt.Errorf("%v is requested and not installed: %v", r.text, p)
		}
	}
	return nil
}
