package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/rules"
)

const rulesHelp = `usage: minimirror rules check RULES [--image] REFERENCE

Shows what a rules file does to an image, before you use it: what is denied, by
which rule and why; what depends on the client or the time; which rules have no
effect; and which sets and requested packages of the image can no longer be
installed. docs/rules.md describes the file. REFERENCE is as in
"minimirror verify --help".

Packages that are denied only for some clients, or only at some times, stay in the
indexes: apt on a client that is denied selects them, and the download fails.

The exit code is 1 if a set or a requested package breaks. A package is not broken if
a higher version of it, or another package that provides the same, can be installed
instead. If there are several versions of a package, apt selects only one by itself,
according to the priorities of the suites (500; 100 for backports). A package is also
broken if apt could install it before, and would now have to be told which versions to
install.

Examples:
  minimirror rules check rules.yaml oci:out/docker
  minimirror rules check rules.yaml docker://registry.example.org/site/docker:1 --format json
`

func rulesVerb(ctx context.Context, c *command, args []string) error {
	c.imageFlag("image that the rules are for")
	output := c.flags.String("format", "text", "what to print: text or json")
	options := registryFlags(c)
	if err := c.parseImage(args, rulesHelp, 2); err != nil {
		return err
	}
	if word := c.flags.Arg(0); word != "check" {
		return c.wrongUsage("unknown command \"rules %s\"", word)
	}
	if c.imageRef == "" {
		return c.missing("the image")
	}
	if err := format(*output); err != nil {
		return err
	}
	file := c.flags.Arg(1)
	if image.IsReference(file) {
		return artifact.Hint(artifact.Usagef("%s is an image, not a file of rules", file), "the file of rules comes first: minimirror rules check %s %s", c.imageRef, file)
	}
	parsed, err := readRules(ctx, file)
	if err != nil {
		return err
	}
	img, ref, err := c.openReader(ctx, c.imageRef, *options)
	if err != nil {
		return err
	}
	defer img.Close()
	catalog, err := img.Load(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	result, err := checkRules(ctx, parsed, catalog)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if *output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetEscapeHTML(false)
		err = enc.Encode(result)
	} else {
		_, err = io.WriteString(c.stdout, result.text())
	}
	if err != nil {
		return err
	}
	for _, s := range catalog.Sources {
		if s.ServeUpstream && len(result.Denied) > 0 {
			fmt.Fprintf(c.stderr, "warning: upstream's signed indexes of %s are served unchanged: clients that use them see denied items, and their downloads fail\n", s.Name)
		}
	}
	if n := len(result.Broken); n > 0 {
		return fmt.Errorf("%s: %d requested packages or sets can no longer be installed", file, n)
	}
	return nil
}

// A rulesCheck is what "rules check" prints as JSON.
type rulesCheck struct {
	Artifacts   int            `json:"artifacts"` // how many there are
	Denied      []ruledItem    `json:"denied"`
	Conditional []ruledItem    `json:"conditional"` // by the first rule on which it depends, without "reason"
	Unused      []rules.Unused `json:"unused"`      // rules
	Broken      []brokenItem   `json:"broken"`
}

// A ruledItem is what a rule decides.
type ruledItem struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Rule         string `json:"rule"`
	Match        string `json:"match"` // of the rule: "deny package telnet*"
	Reason       string `json:"reason,omitempty"`
}

// A brokenItem is a Breakage with the item's own fields.
type brokenItem struct {
	artifact.Breakage
	Name    string `json:"name"`
	Version string `json:"version"`
}

// checkRules evaluates the rules for a catalog read in full.
func checkRules(ctx context.Context, parsed *rules.Rules, catalog *catalog.Catalog) (*rulesCheck, error) {
	rulers := make(map[string]artifact.Ruler)
	for _, kind := range kinds.All() {
		if ruler, able := artifact.Able[artifact.Ruler](kind); able {
			rulers[kind.Name()] = ruler
		}
	}
	properties := func(i int) [][]string {
		if ruler := rulers[catalog.Items[i].Kind]; ruler != nil {
			return ruler.PropertiesOf(&catalog.Items[i])
		}
		return nil
	}
	now, _ := parsed.At(time.Now())
	table := now.Apply(catalog.Items, properties)
	matches := make(map[string]string)
	for _, l := range parsed.List() {
		matches[l.Position] = l.Action + " " + l.Match
	}
	result := &rulesCheck{Artifacts: len(catalog.Items), Denied: []ruledItem{}, Conditional: []ruledItem{}, Broken: []brokenItem{}}
	result.Unused = append([]rules.Unused{}, table.Unused(catalog.Items, properties)...)
	places := make(map[string]int, len(catalog.Items))
	for i := range catalog.Items {
		a := &catalog.Items[i]
		places[a.ID()] = i
		ruled := ruledItem{ID: a.ID(), Name: a.Name, Version: a.Version, Architecture: a.Architecture()}
		if rule, conditional := table.Conditional(i); conditional {
			ruled.Rule, ruled.Match = rule, matches[rule]
			result.Conditional = append(result.Conditional, ruled)
		} else if table.Absent(i) {
			verdict := table.Verdict(i, netip.Addr{}, time.Time{})
			ruled.Rule, ruled.Match, ruled.Reason = verdict.Rule, matches[verdict.Rule], verdict.Reason
			result.Denied = append(result.Denied, ruled)
		}
	}
	absent := func(id string) bool { return table.Absent(places[id]) }
	for _, kind := range kinds.All() {
		pins, sets := partOf(catalog, kind)
		broken, err := brokenOf(ctx, kind, pins, sets, absent)
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			a := &catalog.Items[places[b.Artifact]]
			result.Broken = append(result.Broken, brokenItem{b, a.Name, a.Version})
		}
	}
	return result, nil
}

// brokenOf is what can no longer be installed of a kind. If items of the kind need nothing else, these are the requested items that are denied.
func brokenOf(ctx context.Context, kind artifact.Kind, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) (broken []artifact.Breakage, err error) {
	if finder, able := artifact.Able[artifact.BreakageFinder](kind); able {
		return finder.Broken(ctx, pins, sets, absent)
	}
	const denied = "it is denied itself"
	for _, set := range sets {
		for _, id := range set.Items {
			if absent(id) {
				broken = append(broken, artifact.Breakage{Set: set.Name, Artifact: id, Architecture: set.Architecture, Reason: denied})
			}
		}
	}
	for i := range pins.Items {
		if a := &pins.Items[i]; a.Requested && absent(a.ID()) {
			broken = append(broken, artifact.Breakage{Artifact: a.ID(), Architecture: a.Architecture(), Reason: denied})
		}
	}
	return broken, nil
}

// partOf is what a catalog has of one kind.
func partOf(catalog *catalog.Catalog, kind artifact.Kind) (pins artifact.Pins, sets []artifact.Set) {
	pins.Date = catalog.Date
	for _, s := range catalog.Sources {
		if s.Kind == kind.Name() {
			pins.Sources = append(pins.Sources, s)
		}
	}
	mine := make(map[string]bool)
	for i := range catalog.Items {
		if a := &catalog.Items[i]; a.Kind == kind.Name() {
			pins.Items = append(pins.Items, *a)
			mine[a.ID()] = true
		}
	}
	only := func(ids []string) (kept []string) {
		for _, id := range ids {
			if mine[id] {
				kept = append(kept, id)
			}
		}
		return kept
	}
	for _, s := range catalog.Sets {
		if s.Requested, s.Items = only(s.Requested), only(s.Items); len(s.Items) > 0 {
			sets = append(sets, s)
		}
	}
	return pins, sets
}

// text is the check for people.
func (r *rulesCheck) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("denied: %d of %d items", len(r.Denied), r.Artifacts)
	for _, d := range r.Denied {
		reason := ""
		if d.Reason != "" {
			reason = ": " + d.Reason
		}
		line("  %s: %s%s", d.Rule, artifact.Title(d.Name, d.Version, d.Architecture), reason)
	}
	if len(r.Conditional) > 0 {
		line("denied for some clients, or at times: %d; they stay in the index, and the download fails with 403", len(r.Conditional))
	}
	for _, d := range r.Conditional {
		line("  %s: %s: %s", d.Rule, artifact.Title(d.Name, d.Version, d.Architecture), d.Match)
	}
	if len(r.Unused) > 0 {
		line("rules without effect: %d", len(r.Unused))
	}
	for _, u := range r.Unused {
		why := "nothing matches it"
		switch {
		case u.Idle:
			why = "it does not hold at this time"
		case u.Matches > 0:
			why = fmt.Sprintf("what it matches is decided before it, by %s", u.Before)
		}
		line("  %s: %s %s: %s", u.Position, u.Action, u.Match, why)
	}
	if len(r.Broken) == 0 {
		line("every set and every requested item can be installed as before")
		return b.String()
	}
	line("cannot be installed any more: %d", len(r.Broken))
	for _, x := range r.Broken {
		set := ""
		if x.Set != "" {
			set = "set " + x.Set + ": "
		}
		on := ""
		if x.Architecture != "" {
			on = " on " + x.Architecture
		}
		line("  %s%s%s: %s", set, artifact.Title(x.Name, x.Version, ""), on, x.Reason)
	}
	return b.String()
}
