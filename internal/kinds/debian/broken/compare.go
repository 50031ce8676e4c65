package broken

import (
	"context"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// A comparison is of what a node can take of an image before and after something is absent.
type comparison struct {
	*partition
	before, after *remainder
	affected      []bool // by entry: something that it may need is in one of the two only
}

// compare says what cannot be taken before and after.
func (p *partition) compare(before, after []bool) *comparison {
	return &comparison{p, p.newRemainder(before), p.newRemainder(after), p.affected(func(id resolver.EntryID) bool { return before[id] != after[id] })}
}

// comparisons are the one of all versions and, where some are passed over, the one of those that apt takes by itself.
func (p *partition) comparisons() []*comparison {
	all := []*comparison{p.compare(make([]bool, len(p.Entries)), p.absent)}
	if before, after := p.before.passedOver(p.whole), p.after.passedOver(p.whole); slices.Contains(before, true) {
		all = append(all, p.compare(before, after))
	}
	return all
}

// broken tells what breaks and has not been told.
func (c *comparison) broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, told map[[2]string]bool) (all []artifact.Breakage, err error) {
	for _, set := range sets {
		if set.Architecture != c.Architectures[c.whole.Native] || told[[2]string{set.Name}] {
			continue
		}
		broken, err := c.brokenSet(ctx, set)
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			told[[2]string{set.Name}], told[[2]string{"", b.Artifact}] = true, true
		}
		all = append(all, broken...)
	}
	for _, a := range c.requested(pins, sets) {
		if told[[2]string{"", a.ID()}] {
			continue
		}
		reason, err := c.brokenItem(ctx, a)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			told[[2]string{"", a.ID()}] = true
			all = append(all, artifact.Breakage{Artifact: a.ID(), Architecture: c.Architectures[c.whole.Native], Reason: reason})
		}
	}
	return all, nil
}

// concerned reports whether one of the versions is affected.
func (c *comparison) concerned(versions []resolver.EntryID) bool {
	return slices.ContainsFunc(versions, func(id resolver.EntryID) bool { return c.affected[id] })
}

// brokenItem asks for one item by itself. It returns why that cannot be had any more; empty: it can, or could not
// be had before.
func (c *comparison) brokenItem(ctx context.Context, a *artifact.Item) (reason string, err error) {
	request := [][]resolver.EntryID{c.versions(c.entryOf[a.ID()])}
	if !c.concerned(request[0]) {
		return "", nil
	}
	if slices.ContainsFunc(request[0], func(o resolver.EntryID) bool { return c.after.good[o] }) {
		return "", nil
	}
	if reason, err = c.after.whyNot(ctx, request); err != nil || reason == "" {
		return "", err
	}
	if could, err := c.before.installable(ctx, request); err != nil || !could {
		return "", err
	}
	return reason, nil
}

// brokenSet asks for what a set was made for, as PlanInstall does. A breakage names what cannot be had, or else the
// first that cannot be had beside those before it.
func (c *comparison) brokenSet(ctx context.Context, set artifact.Set) ([]artifact.Breakage, error) {
	requested := set.Requested
	if len(requested) == 0 {
		requested = set.Items
	}
	var wanted []string // IDs
	var options [][]resolver.EntryID
	affected := false
	for _, name := range requested {
		id, known := c.entryOf[name]
		if !known {
			return nil, artifact.Verifyf("the set %s names %s, which is not there", set.Name, name)
		}
		if c.Visible(id, c.whole.Index) { // what is foreign comes with what needs it
			wanted, options = append(wanted, name), append(options, c.versions(id))
			affected = affected || c.concerned(options[len(options)-1])
		}
	}
	if !affected {
		return nil, nil
	}
	if could, err := c.before.installable(ctx, options); err != nil || !could {
		return nil, err
	}
	var all []artifact.Breakage
	add := func(i int, reason string) {
		all = append(all, artifact.Breakage{Set: set.Name, Artifact: wanted[i], Architecture: set.Architecture, Reason: reason})
	}
	for i := range wanted {
		if reason := c.after.whyLost(options[i]); reason != "" {
			add(i, reason)
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	could, err := c.after.installable(ctx, options)
	for i := 0; err == nil && !could && i < len(wanted); i++ {
		var reason string
		if reason, err = c.after.whyNot(ctx, options[:i+1]); reason != "" {
			add(i, reason)
			break
		}
	}
	return all, err
}
