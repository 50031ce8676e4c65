package vulns

import (
	"io"
	"net/url"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// SARIF logs: OASIS, Static Analysis Results Interchange Format 2.1.0.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool      `json:"tool"`
	Language   string         `json:"language"`
	Newlines   []string       `json:"newlineSequences"`
	Results    []sarifResult  `json:"results"`
	Properties map[string]any `json:"properties"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name     string      `json:"name"`
	Version  string      `json:"version,omitempty"`
	Language string      `json:"language"`
	Rules    []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID     string            `json:"ruleId"`
	RuleIndex  int               `json:"ruleIndex"`
	Level      string            `json:"level"`
	Message    sarifText         `json:"message"`
	Locations  []sarifLocation   `json:"locations"`
	Prints     map[string]string `json:"partialFingerprints"`
	Properties map[string]string `json:"properties"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
}

type sarifLogical struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

// sarifLanguage and the sequences of new lines are the defaults of the standard, which not every reader assumes.
const sarifLanguage = "en-US"

// sarifLevels are SARIF's words for urgencies.
var sarifLevels = map[artifact.Urgency]string{artifact.UrgencyCritical: "error", artifact.UrgencyHigh: "error", artifact.UrgencyEndOfLife: "error", artifact.UrgencyLow: "note", artifact.UrgencyUnimportant: "note"}

// SARIF writes the findings that are affected or undetermined as a SARIF log. version is the program's. A result's location is the item's file on the mirror.
func (r *Report) SARIF(w io.Writer, version string) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "minimirror", Version: version, Language: sarifLanguage, Rules: []sarifRule{}}}, Results: []sarifResult{}, Language: sarifLanguage, Newlines: []string{"\r\n", "\n"},
		Properties: map[string]any{"image": r.Reference, "digest": r.Digest, "knowledge": r.Knowledge, "unknown": r.Unknown, "silent": r.Silent}}
	rules := make(map[string]int)
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Status != Affected && f.Status != Undetermined {
			continue
		}
		at, known := rules[f.ID]
		if !known {
			at = len(run.Tool.Driver.Rules)
			rules[f.ID] = at
			text := f.Summary
			if text == "" {
				text = f.ID
			}
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.ID, sarifText{text}})
		}
		run.Results = append(run.Results, f.sarif(at))
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func (f *Finding) sarif(rule int) sarifResult {
	level := sarifLevels[f.Urgency]
	if level == "" {
		level = "warning"
	}
	if f.Status == Undetermined {
		level = "note"
	}
	s := sarifResult{RuleID: f.ID, RuleIndex: rule, Level: level, Message: sarifText{f.ID + " in " + strings.Join(f.names(), ", ") + ": " + f.Name + " " + f.Version + " is " + f.Status + ": " + f.Advice()},
		Prints:     map[string]string{"vulnerability/v1": strings.Join([]string{f.ID, f.Ecosystem, f.Release, f.Name, f.Version}, " ")},
		Properties: map[string]string{"urgency": string(f.Urgency), "fixed": f.Fixed, "source": f.Source}}
	for _, item := range f.Items {
		full := item.PackageURL
		if full == "" {
			full = item.Name
		}
		location := sarifLocation{Logical: []sarifLogical{{item.Name, full, "module"}}}
		if item.ID != "" {
			location.Physical = &sarifPhysical{}
			location.Physical.Artifact.URI = uri(item.ID)
		}
		s.Locations = append(s.Locations, location)
	}
	return s
}

// uri is a path as a relative reference: RFC 3986, section 4.2.
func uri(path string) string { return (&url.URL{Path: path}).String() }
