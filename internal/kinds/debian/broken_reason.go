package debian

import (
	"context"
	"slices"
)

// whyNot says why what is requested cannot be had together from what is left; empty: it can.
func (p *partition) whyNot(ctx context.Context, requests [][]entryID) (string, error) {
	for _, options := range requests {
		if reason := p.whyLost(options); reason != "" {
			return reason, nil
		}
	}
	could, err := p.installable(ctx, p.left, requests)
	if err != nil || could {
		return "", err
	}
	reason := p.left.explainConflict(ctx, p.unit(p.left, requests))
	if denied := p.deniedBelow(requests); denied != "" {
		reason += "; denied: " + denied
	}
	return reason, nil
}

// whyLost says why none of the versions can be had, or nothing when one may. The first is the one
// that was asked for.
func (p *partition) whyLost(versions []entryID) string {
	if slices.ContainsFunc(versions, func(id entryID) bool { return p.lost[id].round == 0 }) {
		return ""
	}
	if p.absent[versions[0]] {
		return "it is denied itself"
	}
	return p.want(versions[0])
}

// want tells what a lost entry needs, down to what is absent: "needs lib, which needs libssl3 (>= 3.0.0), denied". Of
// several alternatives it follows the one with the shortest chain.
func (p *partition) want(id entryID) string {
	clause := p.lost[id].clause
	text := "needs " + p.control(id).depends[clause].String()
	var denied []string
	next := entryID(-1)
	for _, o := range p.whole.links[id].depends[clause] {
		switch {
		case p.absent[o]:
			denied = append(denied, p.whole.label(o))
		case next < 0 || p.lost[o].round < p.lost[next].round:
			next = o
		}
	}
	switch {
	case next < 0:
		return text + ", denied"
	case len(p.whole.links[id].depends[clause]) == 1:
		return text + ", which " + p.want(next)
	case len(denied) > 0:
		text += "; " + list(denied, "and")
		if len(denied) == 1 {
			text += " is denied"
		} else {
			text += " are denied"
		}
		return text + ", and " + p.whole.label(next) + " " + p.want(next)
	}
	return text + "; " + p.whole.label(next) + " " + p.want(next)
}

// deniedBelow names a few of the absent entries that what is requested may need.
func (p *partition) deniedBelow(requests [][]entryID) string {
	var all []entryID
	seen := make(map[entryID]bool)
	add := func(options []entryID) {
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
	var denied []string
	for i := 0; i < len(all); i++ {
		if p.absent[all[i]] {
			denied = append(denied, p.whole.label(all[i]))
			continue
		}
		for _, options := range p.whole.links[all[i]].depends {
			add(options)
		}
	}
	return list(denied, "and")
}
