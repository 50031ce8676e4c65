package advisories

import (
	"encoding/json"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/minimirror/minimirror/internal/artifact"
)

// urgency is what OSV says of one name: a word of the database, or else the highest CVSS base score.
func (o *osvAdvisory) urgency(affected *osvAffected) artifact.Urgency {
	for _, raw := range []json.RawMessage{affected.Specific, o.Database} {
		var words struct {
			Severity string `json:"severity"`
			Urgency  string `json:"urgency"`
		}
		if json.Unmarshal(raw, &words) != nil {
			continue
		}
		for _, word := range []string{words.Urgency, words.Severity} {
			switch word := strings.ToLower(word); word {
			case "critical":
				return artifact.UrgencyCritical
			case "moderate":
				return artifact.UrgencyMedium
			default:
				if u := urgency(word); u != artifact.UrgencyUnknown {
					return u
				}
			}
		}
	}
	best := 0.0
	for _, list := range [][]osvSeverity{affected.Severity, o.Severity} {
		for _, s := range list {
			best = max(best, score(s.Score))
		}
		if best > 0 {
			break
		}
	}
	return rating(best)
}

// score is the base score of a CVSS vector; 0: it is none, or has no impact.
func score(vector string) float64 {
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		if v, err := gocvss40.ParseVector(vector); err == nil {
			return v.Score()
		}
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		if v, err := gocvss31.ParseVector(vector); err == nil {
			return v.BaseScore()
		}
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		if v, err := gocvss30.ParseVector(vector); err == nil {
			return v.BaseScore()
		}
	default:
		if v, err := gocvss20.ParseVector(vector); err == nil {
			return v.BaseScore()
		}
	}
	return 0
}

// rating is the qualitative severity rating scale of CVSS 3.1, section 5.
func rating(score float64) artifact.Urgency {
	switch {
	case score >= 9:
		return artifact.UrgencyCritical
	case score >= 7:
		return artifact.UrgencyHigh
	case score >= 4:
		return artifact.UrgencyMedium
	case score > 0:
		return artifact.UrgencyLow
	}
	return artifact.UrgencyUnknown
}
