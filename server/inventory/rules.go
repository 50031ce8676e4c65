package inventory

import "github.com/minimirror/minimirror/internal/rules"

// A RulesState lists the rules in force, and counts the items that they allow and deny.
type RulesState struct {
	Status      string       `json:"status,omitempty"` // for people; empty: there are no rules
	Generation  int          `json:"generation"`
	Default     string       `json:"default"`
	Allowed     int          `json:"allowed"`
	Denied      int          `json:"denied"`
	Conditional int          `json:"conditional"`
	Rules       []ListedRule `json:"rules"`
}

// A ListedRule is a rule as people read it.
type ListedRule struct {
	rules.Listed
	Artifacts int `json:"artifacts"` // that it decides, or may decide
}
