package vulns

import (
	"errors"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ErrFound is the error for a report with findings for which a pipeline must fail.
var ErrFound = errors.New("there are known vulnerabilities")

// A Threshold says which findings a pipeline must fail for.
type Threshold struct {
	least   artifact.Urgency   // this urgency and more urgent ones; empty: none
	words   []artifact.Urgency // these urgencies
	any     bool               // all affected, unimportant ones too
	fixable bool               // only if a version mends it
	// undetermined: also if nobody knows whether it is affected
	undetermined bool
}

// levels are the urgencies that form a scale.
var levels = []artifact.Urgency{artifact.UrgencyCritical, artifact.UrgencyHigh, artifact.UrgencyMedium, artifact.UrgencyLow}

// ThresholdWords are the words of a Threshold.
var ThresholdWords = []string{"critical", "high", "medium", "low", "unknown", "end-of-life", "any", "fixable", Undetermined}

// ParseThreshold reads words: critical, high, medium or low mean that urgency and more urgent ones; unknown and end-of-life mean these; any means all that is
// affected. fixable restricts these to what a later version mends; alone, it means all of that. undetermined means what nobody knows to be affected or
// not, whatever its urgency. The error is artifact.ErrUsage.
func ParseThreshold(words []string) (t Threshold, err error) {
	for _, word := range words {
		u := artifact.Urgency(word)
		switch {
		case slices.Contains(levels, u):
			if slices.Index(levels, u) > slices.Index(levels, t.least) {
				t.least = u
			}
		case u == artifact.UrgencyUnknown || u == artifact.UrgencyEndOfLife:
			t.words = append(t.words, u)
		case word == "any":
			t.any = true
		case word == Undetermined:
			t.undetermined = true
		case word == "fixable":
			t.fixable = true
		default:
			return t, artifact.Hint(artifact.Usagef("%q is not an urgency", word), "write one or more, with commas: %s", strings.Join(ThresholdWords, ", "))
		}
	}
	if t.fixable && t.least == "" && len(t.words) == 0 {
		t.any = true
	}
	return t, nil
}

// Exceeded returns the findings for which a pipeline must fail.
func (t Threshold) Exceeded(r *Report) (all []*Finding) {
	for i := range r.Findings {
		if f := &r.Findings[i]; t.matches(f) {
			all = append(all, f)
		}
	}
	return all
}

func (t *Threshold) matches(f *Finding) bool {
	if f.Status == Undetermined {
		return t.undetermined
	}
	if f.Status != Affected || t.fixable && f.Fixed == "" {
		return false
	}
	at := slices.Index(levels, f.Urgency)
	return t.any || slices.Contains(t.words, f.Urgency) || at >= 0 && t.least != "" && at <= slices.Index(levels, t.least)
}

// Undetermined reports whether the threshold counts what nobody knows to be affected or not.
func (t *Threshold) Undetermined() bool { return t.undetermined }
