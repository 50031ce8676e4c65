package artifact

import (
	"context"
	"io"
	"time"
)

// An Advisory is what is known of one vulnerability in one thing that has a name.
type Advisory struct {
	ID      string   `json:"id"`                // such as CVE-2024-1234
	Aliases []string `json:"aliases,omitempty"` // other identifiers of the same vulnerability
	// Ecosystem has its own names and its own order of versions. It is called as in the OSV schema, without a release: "PyPI".
	Ecosystem  string              `json:"-"`
	Name       string              `json:"-"` // in the ecosystem's words
	Summary    string              `json:"summary,omitempty"`
	Statements []AdvisoryStatement `json:"statements"`
}

// An AdvisoryStatement is what an advisory says of one release of a distribution.
type AdvisoryStatement struct {
	Release string  `json:"release,omitempty"` // its codename or number; empty: every release
	Status  string  `json:"status"`            // one of the constants below
	Urgency Urgency `json:"urgency,omitempty"`
	// Fixed is the first version that is not vulnerable, if Status is AdvisoryFixed.
	Fixed string `json:"fixed,omitempty"`
	// Ranges and Versions are vulnerable, if Status is AdvisoryRanges.
	Ranges   []AdvisoryRange `json:"ranges,omitempty"`
	Versions []string        `json:"versions,omitempty"`
	// Deferred is why the distribution does not publish an update for this alone: "ignored", "postponed" or "no advisory".
	Deferred string `json:"deferred,omitempty"`
	Note     string `json:"note,omitempty"` // on that, for people
	// Later means that a fixed version here is also fixed in every other release: this is the one that others come from.
	Later bool `json:"later,omitempty"`
}

// What a statement says of versions.
const (
	AdvisoryOpen         = "open"         // all versions are vulnerable
	AdvisoryFixed        = "fixed"        // those before Fixed are
	AdvisoryNotAffected  = "not-affected" // none is
	AdvisoryUndetermined = "undetermined" // nobody has looked
	AdvisoryRanges       = "ranges"       // those of Ranges and Versions are
)

// An AdvisoryRange is the versions from Introduced ("0": the first) up to, but without, Fixed, or up to and with Last. Without either, it has no end.
type AdvisoryRange struct {
	Introduced string `json:"introduced"`
	Fixed      string `json:"fixed,omitempty"`
	Last       string `json:"last,omitempty"`
}

// An Urgency is how soon a vulnerability should be mended, in the words of who publishes the advisory.
type Urgency string

// Urgencies, the most urgent first. The rank of UrgencyUnknown is that of UrgencyMedium.
const (
	UrgencyCritical    Urgency = "critical"
	UrgencyHigh        Urgency = "high"
	UrgencyMedium      Urgency = "medium"
	UrgencyLow         Urgency = "low"
	UrgencyUnimportant Urgency = "unimportant" // in code that nobody runs, or no security problem in practice
	UrgencyEndOfLife   Urgency = "end-of-life" // no updates are published any more
	UrgencyUnknown     Urgency = "unknown"     // nobody has assigned one
)

// An Advised kind has items that advisories speak of.
type Advised interface {
	// Advised returns what advisories call an item of the source. i has its Metadata. If none can speak of it, why says so in a few words, in
	// the plural, that complete "no advisories speak of …".
	Advised(source *Source, i *Item) (subject AdvisedSubject, why string)
	// AdvisedOn reads which items a node has installed, from a copy of the file in which the node itself keeps that. system is the name of the
	// image's section that the node belongs to, or empty. Items have the attributes of those in pins.
	AdvisedOn(pins Pins, system string, file []byte) ([]InstalledItem, error)
	// CompareAdvised orders versions of an ecosystem of AdvisedSubject.
	CompareAdvised(ecosystem, a, b string) int
}

// An AdvisedSubject is what advisories speak of: several items may be one, such as all that is built from one source.
type AdvisedSubject struct {
	Ecosystem string   // as Advisory.Ecosystem
	Releases  []string // of the distribution: its names, the codename first
	Name      string
	Version   string
}

// An InstalledItem is an item on a node.
type InstalledItem struct {
	Name, Version, Architecture string
	PackageURL                  string
	Subject                     AdvisedSubject
	Why                         string // as of Advised
}

// An Advisor is a kind whose sources are advisories. The date of what a source knows is that of its release.
type Advisor interface {
	// Advisories reads the advisories about what want selects; it calls take for each. pins.Open opens proofs, which have been verified.
	Advisories(ctx context.Context, pins Pins, want func(ecosystem, name string) bool, take func(source string, a *Advisory) error) error
	// ReadAdvisories reads a file of advisories as upstream has it, in the same way, and returns its date, if it has one.
	ReadAdvisories(ctx context.Context, file AdvisoryFile, want func(ecosystem, name string) bool, take func(a *Advisory) error) (AdvisorySummary, error)
}

// An AdvisorySummary says what a file of advisories has.
type AdvisorySummary struct {
	Date       time.Time // of what it knows; zero: it does not say
	Advisories int
	Ecosystems []string // sorted
}

// An AdvisoryFile is a file of advisories, compressed or not.
type AdvisoryFile interface {
	io.ReadSeeker
	io.ReaderAt
}
