// Package rules says which client may have which item, and when: a file of allow and deny
// rules that a server reads at run time. It knows no kind of item: the kinds give it their words.
//
//	rules.yaml ──Parse──▶ Rules ──Apply (items of an image)──▶ Table ──Verdict──▶ allowed or denied, by which rule, why
//
// docs/rules.md describes the format.
package rules

import (
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Kind may be an artifact.Ruler and an artifact.Versioner, which define what rules can match.
type Kind interface{ Name() string }

// Rules are what one file says. They never change and may be used by many goroutines.
type Rules struct {
	// Date is when these rules were made, as they say themselves; zero: they don't. It is for people.
	Date time.Time

	rules      []rule // the last is the default
	kinds      []Kind
	properties []string // of all kinds, sorted; key 2+i is the i-th of them
	columns    [][]int  // by kind and property: the place in the kind's Properties, or -1
	used       bool     // some rule matches on a property
}

// A Verdict is the result of the rules for an item, for one client at one time. Rule is where the rule stands,
// "rules.yaml:7", or DefaultRule; Reason has at most MaxReason bytes.
type Verdict = artifact.Verdict

// DefaultRule is the Verdict.Rule of what no rule decides.
const DefaultRule = "default"

// A rule is one entry of the file. All its conditions must hold.
type rule struct {
	verdict  Verdict
	written  []condition // for people, in the order of the documentation
	kinds    []bool      // by kind: which it may match; nil: all, unknown ones too
	fields   []field     // the first finds the rule, see finder
	versions [][]func(version string) bool
	when     *when // nil: it depends on the item alone
	idle     bool  // it matches nothing, see At
}

// A condition is a key of a rule and its values, of which one must hold.
type condition struct {
	key    string
	values []string
}

// A field is a condition on the text of a key of an item.
type field struct {
	key int
	patterns
}

// Keys of fields; a property's is keyProperty and its place in Rules.properties.
const (
	keyPackage = iota
	keyArchitecture
	keyProperty
)

// Len is how many rules there are, the default aside.
func (r *Rules) Len() int { return len(r.rules) - 1 }

// NeedsProperties reports whether some rule matches on a kind's properties, so that Apply
// needs them.
func (r *Rules) NeedsProperties() bool { return r.used }

// A Listed is a rule, for people.
type Listed struct {
	Position string `json:"rule"`   // as Verdict.Rule
	Action   string `json:"action"` // "allow" or "deny"
	Match    string `json:"match"`  // "package telnet* or rsh-*, client 10.0.0.0/8"
	Reason   string `json:"reason,omitempty"`
}

// List returns the rules in the order of the file, and at the end the default.
func (r *Rules) List() []Listed {
	list := make([]Listed, len(r.rules))
	for i := range r.rules {
		list[i] = r.rules[i].listed()
	}
	return list
}

func (r *rule) listed() Listed {
	l := Listed{r.verdict.Rule, "deny", "everything else", r.verdict.Reason}
	if r.verdict.Allowed {
		l.Action = "allow"
	}
	var parts []string
	for _, c := range r.written {
		parts = append(parts, c.key+" "+strings.Join(c.values, " or "))
	}
	if parts != nil {
		l.Match = strings.Join(parts, ", ")
	}
	return l
}
