package diff

import (
	"net/netip"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/rules"
)

// Rules says for which items of B rules decide otherwise than for what they replace.
type Rules struct {
	File string `json:"file"`
	// Newly are the items that rules deny, or deny for some clients or at times, though they did not deny what
	// the items replace.
	Newly []Ruled `json:"newly_denied"`
	// NoLonger are the items that rules do not deny, or less than what the items replace.
	NoLonger []Ruled `json:"no_longer_denied"`
}

// Verdicts.
const (
	Allowed     = "allowed"
	Conditional = "conditional" // denied for some clients, or at times
	Denied      = "denied"
)

// A Ruled is an item of B that rules decide about.
type Ruled struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Old          string `json:"old,omitempty"` // verdict on what the item replaces; empty: it is new
	New          string `json:"new"`
	Rule         string `json:"rule"`             // the position of the rule
	Match        string `json:"match"`            // what the rule says
	Reason       string `json:"reason,omitempty"` // that the rule gives
}

// Judge applies rules to both sides, at a time.
func (d *Diff) Judge(file string, parsed *rules.Rules, a, b *Side, kinds []artifact.Kind, at time.Time) {
	now, _ := parsed.At(at)
	old, new := newJudge(now, a, kinds), newJudge(now, b, kinds)
	matches := make(map[string]string)
	for _, l := range parsed.List() {
		matches[l.Position] = l.Action + " " + l.Match
	}
	before := make(map[string]*artifact.Item) // what an item of B replaces, by ID
	known := make(map[string]bool)
	for i := range d.Changes {
		if c := &d.Changes[i]; c.New != nil {
			known[c.New.ID] = true
			if c.old != nil && before[c.New.ID] == nil {
				before[c.New.ID] = c.old
			}
		}
	}
	d.Rules = &Rules{File: file, Newly: []Ruled{}, NoLonger: []Ruled{}}
	for i := range b.Catalog.Items {
		item := &b.Catalog.Items[i]
		r := Ruled{ID: item.ID(), Name: item.Name, Version: item.Version, Architecture: item.Architecture()}
		if replaced := before[r.ID]; replaced != nil {
			r.Old, _ = old.verdict(replaced.ID())
		} else if !known[r.ID] {
			r.Old, _ = old.verdict(r.ID)
		}
		var verdict rules.Verdict
		r.New, verdict = new.verdict(r.ID)
		r.Rule, r.Match, r.Reason = verdict.Rule, matches[verdict.Rule], verdict.Reason
		switch was, is := severity(r.Old), severity(r.New); {
		case is > was:
			d.Rules.Newly = append(d.Rules.Newly, r)
		case is < was:
			d.Rules.NoLonger = append(d.Rules.NoLonger, r)
		}
	}
}

func severity(verdict string) int {
	switch verdict {
	case Denied:
		return 2
	case Conditional:
		return 1
	}
	return 0
}

// A judge has the verdicts on the items of one side.
type judge struct {
	table *rules.Table
	at    map[string]int // by ID
}

func newJudge(r *rules.Rules, s *Side, kinds []artifact.Kind) *judge {
	rulers := make(map[string]artifact.Ruler)
	for _, kind := range kinds {
		if ruler, able := artifact.Able[artifact.Ruler](kind); able {
			rulers[kind.Name()] = ruler
		}
	}
	items := s.Catalog.Items
	j := &judge{at: make(map[string]int, len(items))}
	for i := range items {
		j.at[items[i].ID()] = i
	}
	j.table = r.Apply(items, func(i int) [][]string {
		if ruler := rulers[items[i].Kind]; ruler != nil {
			return ruler.PropertiesOf(&items[i])
		}
		return nil
	})
	return j
}

// verdict is the verdict on an item, and the rule that decides, or the first on which it depends.
func (j *judge) verdict(id string) (string, rules.Verdict) {
	i, has := j.at[id]
	if !has {
		return "", rules.Verdict{}
	}
	if rule, conditional := j.table.Conditional(i); conditional {
		return Conditional, rules.Verdict{Rule: rule}
	}
	verdict := j.table.Verdict(i, netip.Addr{}, time.Time{})
	if j.table.Absent(i) {
		return Denied, verdict
	}
	return Allowed, verdict
}
