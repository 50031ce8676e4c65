package debian

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// explain says why a unit cannot be installed: first for want of a package, else
// by the first conflict that the preferred choices lead to.
func (n *node) explain(ctx context.Context, u *unit) error {
	what := "set " + u.set + " cannot be installed"
	if u.set == installing {
		what = "this node cannot have it"
	}
	if u.set == "" {
		what = n.label(u.asks[0].options[0]) + " cannot be installed"
	}
	what = u.asks[0].wishes[0].position() + what
	if len(n.u.nodes) > 1 {
		what += " on " + n.u.architectures[n.native]
	}
	if why := n.explainBroken(u); why != "" {
		return fmt.Errorf("%s: %s", what, why)
	}
	return fmt.Errorf("%s: %s", what, n.explainConflict(ctx, u))
}

// label names an entry in a chain: "foo 1.0".
func (n *node) label(id entryID) string {
	e := &n.u.entries[id]
	return n.u.texts[e.name] + " " + e.version
}

// explainConflict follows the preferred choices until no alternative is left of
// a need, and says why of each.
func (n *node) explainConflict(ctx context.Context, u *unit) string {
	const most = 1000 // dead ends; after that many any of them will do
	s := newSearch(n, u.asks)
	s.stepwise = true
	reasons := make(map[entryID]string) // of the dead
	for deadEnds := 0; ; {
		text := ""
		if at := s.propagate(); at >= 0 {
			d := s.needs[at]
			if d.owner == inBase {
				return "the nodes have " + n.label(d.options[0]) + ", which must stay, but " + s.obstacles(d.options, reasons)
			}
			c := n.u.control(d.owner).depends[d.clause]
			text = "needs " + c.String() + ", but "
			if text += s.obstacles(d.options, reasons); len(d.options) == 0 {
				text += n.whatExists(c)
			}
			if deadEnds++; s.levels[len(s.levels)-1].unit != nil || deadEnds > most || ctx.Err() != nil {
				return s.chain(d.owner) + " → " + text
			}
			text = n.label(d.owner) + " " + text
		} else if done, refused := s.decide(); done {
			return "its packages cannot be had together"
		} else if refused == nil {
			continue
		} else {
			return s.obstacles(s.asks[s.turn].options, reasons)
		}
		choice := s.levels[len(s.levels)-1].choice
		s.retreat()
		reasons[choice] = text
	}
}

// chain tells why a chosen entry is there: "a 1.0 (requested) → b 2".
func (s *search) chain(id entryID) string {
	text := ""
	for {
		at := s.why[slices.Index(s.trail, id)]
		if at < 0 {
			return s.label(id) + " (requested)" + text
		}
		if s.needs[at].owner == inBase {
			return s.label(id) + " (the nodes have it)" + text
		}
		text = " → " + s.label(id) + text
		id = s.needs[at].owner
	}
}

// obstacles says of a few options why each cannot be chosen.
func (s *search) obstacles(options []entryID, reasons map[entryID]string) string {
	const most = 3
	var texts []string
	for i, id := range options {
		if i == most {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, s.obstacle(id, reasons))
	}
	return strings.Join(texts, "; ")
}

func (s *search) obstacle(id entryID, reasons map[entryID]string) string {
	if err := s.link(id).err; err != nil {
		return s.label(id) + ": " + err.Error()
	}
	for _, other := range s.link(id).conflicts {
		if s.chosen[other] {
			return s.clash(id, id, other)
		}
	}
	for _, other := range s.trail {
		if slices.Contains(s.link(other).conflicts, id) {
			return s.clash(id, other, id)
		}
	}
	if reason := reasons[id]; reason != "" && s.dead[id] {
		if strings.HasPrefix(reason, s.label(id)+" ") {
			return reason
		}
		return "with " + s.label(id) + ", " + reason
	}
	return s.label(id) + " cannot be installed beside the rest"
}

// clash says that by declares a conflict with against; id is the one that is not
// chosen.
func (s *search) clash(id, by, against entryID) string {
	there := against
	if id == against {
		there = by
	}
	if s.u.entries[by].name == s.u.entries[against].name {
		return s.label(id) + " excludes " + s.chain(there)
	}
	text := s.label(by) + " conflicts with " + s.label(against)
	if why := s.why[slices.Index(s.trail, there)]; why >= 0 && s.needs[why].owner == inBase && there == s.needs[why].options[0] {
		if reason := s.u.mustStay(there); reason != "" {
			return fmt.Sprintf("%s; the nodes have %s, which is %s", text, s.label(there), reason)
		}
		if !s.replaces(id, there) {
			return fmt.Sprintf("%s; the nodes have %s, which %s does not replace", text, s.label(there), s.label(id))
		}
	}
	if s.why[slices.Index(s.trail, there)] >= 0 {
		return text + ", which comes from " + s.chain(there)
	}
	if there == against {
		return text + " (requested)"
	}
	return text
}
