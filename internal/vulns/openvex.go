package vulns

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"time"
)

// OpenVEX documents, https://github.com/openvex/spec, version 0.2.0.
type vexDocument struct {
	Context    string         `json:"@context"`
	ID         string         `json:"@id"`
	Author     string         `json:"author"`
	Timestamp  time.Time      `json:"timestamp"`
	Version    int            `json:"version"`
	Tooling    string         `json:"tooling"`
	Statements []vexStatement `json:"statements"`
}

type vexStatement struct {
	Vulnerability   vexVulnerability `json:"vulnerability"`
	Timestamp       time.Time        `json:"timestamp"`
	Products        []vexProduct     `json:"products"`
	Status          string           `json:"status"`
	StatusNotes     string           `json:"status_notes,omitempty"`
	ImpactStatement string           `json:"impact_statement,omitempty"`
	ActionStatement string           `json:"action_statement,omitempty"`
}

type vexVulnerability struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Aliases     []string `json:"aliases,omitempty"`
}

type vexProduct struct {
	ID          string            `json:"@id"`
	Identifiers map[string]string `json:"identifiers"`
}

// vexStatuses are OpenVEX's words.
var vexStatuses = map[string]string{Affected: "affected", Fixed: "fixed", NotAffected: "not_affected", Undetermined: "under_investigation"}

// OpenVEX writes the findings as an OpenVEX document. Products are package URLs; items without one are left out. The time of each statement is the date of what is known, not
// that of the run: the same knowledge gives the same document.
func (r *Report) OpenVEX(w io.Writer) error {
	doc := vexDocument{Context: "https://openvex.dev/ns/v0.2.0", Author: "minimirror vulns", Version: 1, Tooling: "minimirror", Statements: []vexStatement{}, Timestamp: r.Date.UTC()}
	dates := make(map[string]time.Time)
	for _, k := range r.Knowledge {
		dates[k.Source] = k.Date
		if k.Date.After(doc.Timestamp) {
			doc.Timestamp = k.Date
		}
	}
	for i := range r.Findings {
		if s, some := r.Findings[i].vex(dates); some {
			doc.Statements = append(doc.Statements, s)
		}
	}
	text, err := json.Marshal(doc.Statements)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte(r.Name+"\n"+r.Digest+"\n"+doc.Timestamp.Format(time.RFC3339)+"\n"), text...))
	doc.ID = "https://openvex.dev/docs/minimirror/vex-" + hex.EncodeToString(sum[:])
	return writeJSON(w, doc)
}

func (f *Finding) vex(dates map[string]time.Time) (s vexStatement, some bool) {
	s = vexStatement{Vulnerability: vexVulnerability{f.ID, f.Summary, f.Aliases}, Timestamp: dates[f.Source].UTC(), Status: vexStatuses[f.Status]}
	for _, item := range f.Items {
		if item.PackageURL == "" || slices.ContainsFunc(s.Products, func(p vexProduct) bool { return p.ID == item.PackageURL }) {
			continue
		}
		s.Products = append(s.Products, vexProduct{item.PackageURL, map[string]string{"purl": item.PackageURL}})
	}
	said := f.Source + " says of " + f.Name + " " + f.Version + ": " + f.Advice()
	switch f.Status {
	case Affected:
		s.ActionStatement = "none is known yet"
		if f.Fixed != "" {
			s.ActionStatement = "update to " + f.Name + " " + f.Fixed + " or later"
		}
		s.StatusNotes = said + "; urgency: " + string(f.Urgency)
	case NotAffected:
		s.ImpactStatement = said
	default:
		s.StatusNotes = said
	}
	return s, len(s.Products) > 0
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
