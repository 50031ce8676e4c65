// Package inventory answers what visitors ask about a mirror: what it is, which names it carries, all that is known of one, why it
// is carried and what needs it, the rules in force, and what clients have asked for.
//
//	catalog, kinds, rules, audit ──▶ Inventory ──▶ people (package pages), programs (package api)
//
// Once somebody has asked why an item is carried, it keeps the graph of needs, and so it does with the sizes; for anything else it reads the image's catalog.
// Types with JSON keys are parts of the API's answers, which server/api/openapi.json describes.
package inventory

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/needs"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/internal/vulns"
)

// Options are what an Inventory takes its answers from. All but Version are required.
type Options struct {
	Image   *image.Image
	Kinds   []artifact.Kind // that describe the items
	Version string          // of the program
	Started time.Time       // of the server
	Keys    []signing.Info  // that clients trust; none: they are not known

	Rules func() RulesState // those in force
	// Decide makes a function that says what the rules decide about items for the client of a request.
	Decide func(*http.Request) (func(*artifact.Item) Decision, error)
	Report func(rows int) *audit.Report // what clients have asked for since the start, with so many rows in each table
	// Activities are what clients have asked for of the items with some IDs, in the order of the IDs.
	Activities func(ids []string) []audit.Activity
	// Missed is told which name a request has looked up in vain. The kind is one of Kinds, or empty: any.
	Missed func(r *http.Request, kind, name string)
}

// An Inventory answers what visitors ask.
type Inventory struct {
	Options
	graph           lazy[needs.Graph]
	sizes           lazy[Sizes]
	vulnerabilities lazy[vulns.Report]
}

// New makes an Inventory. It reads nothing before it is asked.
func New(o Options) *Inventory { return &Inventory{Options: o} }

// A Summary is what the mirror is.
type Summary struct {
	Name      string     `json:"name"`
	Version   string     `json:"version"` // of the program
	Date      time.Time  `json:"date"`    // of the lock
	Lock      string     `json:"lock"`
	Digest    string     `json:"digest,omitempty"` // of the image
	Started   time.Time  `json:"started"`
	Artifacts int        `json:"artifacts"`
	Bytes     int64      `json:"bytes"` // of all items
	Sources   []Upstream `json:"sources"`
	// Keys are those that clients trust. What is generated is signed by all of them, or by one at least.
	Keys []signing.Info `json:"signing_keys"`
}

// An Upstream is a source, with its addresses at upstream.
type Upstream struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name"`
	System string   `json:"system,omitempty"` // of the nodes that it is for; empty: for all
	URLs   []string `json:"urls"`
}

// Summary says what the mirror is.
func (v *Inventory) Summary() Summary {
	c := v.Image.Catalog
	sum := Summary{
		Name: c.Name, Version: v.Version, Date: c.Date, Lock: c.Lock, Digest: v.Image.Digest,
		Started: v.Started.UTC().Truncate(time.Second), Artifacts: len(c.Items), Sources: []Upstream{}, Keys: orNone(v.Keys),
	}
	for _, source := range c.Sources {
		sum.Sources = append(sum.Sources, Upstream{source.Kind, source.Name, source.System, orNone(source.URLs)})
	}
	for i := range c.Items {
		sum.Bytes += c.Items[i].Size()
	}
	return sum
}

// orNone makes an empty list of none, which JSON would call null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
