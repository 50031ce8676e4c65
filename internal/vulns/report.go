// Package vulns compares what an image carries, or what nodes have installed, with advisories: which items have known vulnerabilities, which version mends
// them, and whether the image has it. Kinds say what advisories call an item (artifact.Advised), and read advisories
// (artifact.Advisor). It stands between an opened image or lock and minimirror vulns, and the server's page.
package vulns

import (
	"cmp"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Report is what is known.
type Report struct {
	Reference string      `json:"reference"`
	Name      string      `json:"name"`             // of the definition
	Digest    string      `json:"digest,omitempty"` // of the image
	Date      time.Time   `json:"date"`             // of the lock
	Knowledge []Knowledge `json:"knowledge"`
	Nodes     []string    `json:"nodes,omitempty"` // files of nodes, if those were checked instead of the image
	Items     int         `json:"items"`           // checked
	Compared  int         `json:"compared"`        // subjects of advisories among these
	Findings  []Finding   `json:"findings"`        // the most urgent first
	Unknown   []Unknown   `json:"unknown"`         // what no advisory can speak of
	// Silent are releases of which no advisory speaks, although items belong to them: "ECOSYSTEM RELEASE".
	Silent []string `json:"silent,omitempty"`
}

// Knowledge is a source of advisories.
type Knowledge struct {
	Source string    `json:"source"`
	Date   time.Time `json:"date"` // of what it knows
	URL    string    `json:"url"`
	SHA256 string    `json:"sha256"` // of upstream's file
}

// Age is how old knowledge is, in whole days; below 0: the clock is behind it.
func (k *Knowledge) Age(now time.Time) int {
	age := now.Sub(k.Date)
	if age < 0 && age > -time.Hour {
		age = 0
	}
	days := int(age / (24 * time.Hour))
	if age < 0 {
		days = min(days, -1)
	}
	return days
}

// What a Finding says.
const (
	Affected     = "affected"
	Fixed        = "fixed"
	NotAffected  = "not-affected"
	Undetermined = "undetermined"
)

// A Finding is one vulnerability in one version of what an advisory speaks of.
type Finding struct {
	ID        string           `json:"id"`
	Aliases   []string         `json:"aliases,omitempty"`
	Status    string           `json:"status"`
	Urgency   artifact.Urgency `json:"urgency"`
	Ecosystem string           `json:"ecosystem"`
	Release   string           `json:"release,omitempty"`
	Name      string           `json:"name"`    // as the advisory has it
	Version   string           `json:"version"` // likewise
	Items     []Affects        `json:"items"`
	// Fixed is the first version that is not affected; empty: none is known.
	Fixed string `json:"fixed,omitempty"`
	// Carried reports whether the image has that version, or a later one.
	Carried  bool   `json:"carried"`
	Deferred string `json:"deferred,omitempty"` // why there is no update for this alone
	Note     string `json:"note,omitempty"`
	Summary  string `json:"summary,omitempty"`
	Source   string `json:"source"` // of the advisory
}

// Affects is an item that a Finding is about.
type Affects struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Architecture string   `json:"architecture,omitempty"`
	ID           string   `json:"id,omitempty"` // of the item of the image
	PackageURL   string   `json:"purl,omitempty"`
	Nodes        []string `json:"nodes,omitempty"` // files of the nodes that have it
}

// Unknown is items that no advisory speaks of.
type Unknown struct {
	Why   string   `json:"why"`
	Items []string `json:"items"` // names, sorted
}

// ranks order urgencies, the most urgent first.
var ranks = map[artifact.Urgency]int{
	artifact.UrgencyCritical: 0, artifact.UrgencyHigh: 1, artifact.UrgencyMedium: 2, artifact.UrgencyUnknown: 3, artifact.UrgencyEndOfLife: 4,
	artifact.UrgencyLow: 5, artifact.UrgencyUnimportant: 6,
}

// statuses order findings.
var statuses = []string{Affected, Undetermined, Fixed, NotAffected}

// Urgencies are all urgencies, the most urgent first.
func Urgencies() []artifact.Urgency {
	all := make([]artifact.Urgency, len(ranks))
	for u, rank := range ranks {
		all[rank] = u
	}
	return all
}

func (r *Report) sort() {
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(slices.Index(statuses, a.Status)-slices.Index(statuses, b.Status), ranks[a.Urgency]-ranks[b.Urgency],
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Release, b.Release), cmp.Compare(a.Ecosystem, b.Ecosystem))
	})
}

// Open are the findings to do something about: affected, and neither unimportant nor known only to be undetermined.
func (f *Finding) Open() bool {
	return f.Status == Affected && f.Urgency != artifact.UrgencyUnimportant
}
