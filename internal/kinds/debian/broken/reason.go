package broken

import (
	"context"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// whyNot says why what is requested cannot be had together from what is left; empty: it can.
func (r *remainder) whyNot(ctx context.Context, requests [][]resolver.EntryID) (string, error) {
	for _, options := range requests {
		if reason := r.whyLost(options); reason != "" {
			return reason, nil
		}
	}
	could, err := r.installable(ctx, requests)
	if err != nil || could {
		return "", err
	}
	reason := r.node.ExplainConflict(ctx, r.unit(requests))
	denied, passed := r.unavailableBelow(requests)
	if len(denied) > 0 {
		reason += "; denied: " + resolver.Enumerate(denied, "and")
	}
	if len(passed) > 0 {
		reason += "; " + r.after.rather(r.node, passed)
	}
	return reason, nil
}

// whyLost says why none of the versions can be had, or nothing when one may. The first is the one
// that was asked for.
func (r *remainder) whyLost(versions []resolver.EntryID) string {
	if slices.ContainsFunc(versions, func(id resolver.EntryID) bool { return r.lost[id].round == 0 }) {
		return ""
	}
	var texts []string
	var passed []resolver.EntryID
	for i, id := range versions {
		switch {
		case r.absent[id]:
			if i == 0 {
				texts = append(texts, "it is denied itself")
			}
		case r.out[id]:
			passed = append(passed, id)
		case i == 0:
			texts = append(texts, r.want(id))
		default:
			texts = append(texts, r.node.Label(id)+" "+r.want(id))
		}
	}
	if len(passed) > 0 {
		texts = append(texts, r.after.rather(r.node, passed))
	}
	return strings.Join(texts, "; ")
}

// want tells what a lost entry needs, down to what is out: "needs lib, which needs libssl3 (>= 3.0.0), denied". Of
// several alternatives it follows the one with the shortest chain.
func (r *remainder) want(id resolver.EntryID) string {
	clause := r.lost[id].clause
	text := "needs " + r.Control(id).Depends[clause].String()
	options := r.whole.Links[id].Depends[clause]
	var denied []string
	var passed []resolver.EntryID
	next := resolver.EntryID(-1)
	for _, o := range options {
		switch {
		case r.absent[o]:
			denied = append(denied, r.node.Label(o))
		case r.out[o]:
			passed = append(passed, o)
		case next < 0 || r.lost[o].round < r.lost[next].round:
			next = o
		}
	}
	switch {
	case len(denied) == len(options):
		return text + ", denied"
	case next >= 0 && len(options) == 1:
		return text + ", which " + r.want(next)
	}
	var parts []string
	switch len(denied) {
	case 0:
	case 1:
		parts = append(parts, denied[0]+" is denied")
	default:
		parts = append(parts, resolver.Enumerate(denied, "and")+" are denied")
	}
	if len(passed) > 0 {
		parts = append(parts, r.after.rather(r.node, passed))
	}
	if next >= 0 {
		parts = append(parts, r.node.Label(next)+" "+r.want(next))
	}
	return text + "; " + strings.Join(parts, ", and ")
}

// unavailableBelow finds what is out among all that requests may need: labels of what is denied, and what apt passes over where another
// version is denied.
func (r *remainder) unavailableBelow(requests [][]resolver.EntryID) (denied []string, passed []resolver.EntryID) {
	var all []resolver.EntryID
	seen := make(map[resolver.EntryID]bool)
	add := func(options []resolver.EntryID) {
		for _, id := range options {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	for _, options := range requests {
		add(options)
	}
	for i := 0; i < len(all); i++ {
		id := all[i]
		switch {
		case r.absent[id]:
			denied = append(denied, r.node.Label(id))
		case r.out[id]:
			if slices.ContainsFunc(r.ByName.Of(r.Entries[id].Name), func(o resolver.EntryID) bool { return r.absent[o] }) {
				passed = append(passed, id)
			}
		default:
			for _, options := range r.whole.Links[id].Depends {
				add(options)
			}
		}
	}
	return denied, passed
}
