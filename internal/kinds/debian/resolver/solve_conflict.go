package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// explain says why a unit cannot be installed: first for want of a package, else
// by the first conflict that the preferred choices lead to.
func (n *Node) explain(ctx context.Context, u *Unit) error {
	what := "set " + u.Set + " cannot be installed"
	if u.Set == UnnamedSet {
		what = "this node cannot have it"
	}
	if u.Set == "" {
		what = n.Label(u.Asks[0].Options[0]) + " cannot be installed"
	}
	what = u.Asks[0].wishes[0].position() + what
	if len(n.U.Nodes) > 1 {
		what += " on " + n.U.Architectures[n.Native]
	}
	if why := n.explainBroken(u); why != "" {
		return fmt.Errorf("%s: %s", what, why)
	}
	return fmt.Errorf("%s: %s", what, n.ExplainConflict(ctx, u))
}

// Label names an entry in a chain: "foo 1.0".
func (n *Node) Label(id EntryID) string {
	e := &n.U.Entries[id]
	return n.U.Names[e.Name] + " " + e.Version
}

// ExplainConflict follows the preferred choices until no alternative is left of
// a need, and says why of each.
func (n *Node) ExplainConflict(ctx context.Context, u *Unit) string {
	const most = 1000 // dead ends; after that many any of them will do
	s := NewSearch(n, u.Asks)
	s.stepwise = true
	reasons := make(map[EntryID]string) // of the dead
	for deadEnds := 0; ; {
		text := ""
		if at := s.propagate(); at >= 0 {
			d := s.needs[at]
			if d.owner == inBase {
				return "the nodes have " + n.Label(d.options[0]) + ", which must stay, but " + s.obstacles(d.options, reasons)
			}
			c := n.U.Control(d.owner).Depends[d.clause]
			text = "needs " + c.String() + ", but "
			if text += s.obstacles(d.options, reasons); len(d.options) == 0 {
				text += n.whatExists(c)
			}
			if deadEnds++; s.levels[len(s.levels)-1].unit != nil || deadEnds > most || ctx.Err() != nil {
				return s.chain(d.owner) + " → " + text
			}
			text = n.Label(d.owner) + " " + text
		} else if done, refused := s.decide(); done {
			return "its packages cannot be had together"
		} else if refused == nil {
			continue
		} else {
			return s.obstacles(s.asks[s.turn].Options, reasons)
		}
		choice := s.levels[len(s.levels)-1].choice
		s.backtrack()
		reasons[choice] = text
	}
}

// chain tells why a chosen entry is there: "a 1.0 (requested) → b 2".
func (s *Search) chain(id EntryID) string {
	text := ""
	for {
		at := s.why[slices.Index(s.Trail, id)]
		if at < 0 {
			return s.Label(id) + " (requested)" + text
		}
		if s.needs[at].owner == inBase {
			return s.Label(id) + " (the nodes have it)" + text
		}
		text = " → " + s.Label(id) + text
		id = s.needs[at].owner
	}
}

// obstacles says of a few options why each cannot be chosen.
func (s *Search) obstacles(options []EntryID, reasons map[EntryID]string) string {
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

func (s *Search) obstacle(id EntryID, reasons map[EntryID]string) string {
	if err := s.Link(id).err; err != nil {
		return s.Label(id) + ": " + err.Error()
	}
	for _, other := range s.Link(id).conflicts {
		if s.chosen[other] {
			return s.clash(id, id, other)
		}
	}
	for _, other := range s.Trail {
		if slices.Contains(s.Link(other).conflicts, id) {
			return s.clash(id, other, id)
		}
	}
	if reason := reasons[id]; reason != "" && s.dead[id] {
		if strings.HasPrefix(reason, s.Label(id)+" ") {
			return reason
		}
		return "with " + s.Label(id) + ", " + reason
	}
	return s.Label(id) + " cannot be installed beside the rest"
}

// clash says that by declares a conflict with against; id is the one that is not
// chosen.
func (s *Search) clash(id, by, against EntryID) string {
	there := against
	if id == against {
		there = by
	}
	if s.U.Entries[by].Name == s.U.Entries[against].Name {
		return s.Label(id) + " excludes " + s.chain(there)
	}
	text := s.Label(by) + " conflicts with " + s.Label(against)
	if why := s.why[slices.Index(s.Trail, there)]; why >= 0 && s.needs[why].owner == inBase && there == s.needs[why].options[0] {
		if reason := s.U.mustStay(there); reason != "" {
			return fmt.Sprintf("%s; the nodes have %s, which is %s", text, s.Label(there), reason)
		}
		if !s.replaces(id, there) {
			return fmt.Sprintf("%s; the nodes have %s, which %s does not replace", text, s.Label(there), s.Label(id))
		}
	}
	if s.why[slices.Index(s.Trail, there)] >= 0 {
		return text + ", which comes from " + s.chain(there)
	}
	if there == against {
		return text + " (requested)"
	}
	return text
}
