package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// title names the item of a change: "bash (amd64)".
func (c *Change) title() string {
	title := artifact.Title(c.Name, "", c.architecture())
	if c.System != "" {
		title += " for " + c.System
	}
	return line(title)
}

// versions are "1 → 2", or the only version.
func (c *Change) versions() string {
	switch {
	case c.Old == nil:
		return line(c.New.Version)
	case c.New == nil || c.Old.Version == c.New.Version:
		return line(c.Old.Version)
	}
	return line(c.Old.Version + " → " + c.New.Version)
}

// from is where the item comes from: its source and channels, before and after if these differ.
func (c *Change) from() string {
	place := func(s *State) string {
		text := s.Source
		if channels := s.Attributes.Values(channel); channels != nil {
			text += " " + strings.Join(channels, ", ")
		}
		return text
	}
	switch {
	case c.Old == nil:
		return line(place(c.New))
	case c.New == nil:
		return line(place(c.Old))
	case c.What == Moved && place(c.Old) != place(c.New):
		return line(place(c.Old) + " → " + place(c.New))
	}
	return line(place(c.New))
}

// size is the size of the files in B; empty for what is removed.
func (c *Change) size() string {
	if c.New == nil {
		return ""
	}
	return bytesize.MB(c.New.Size)
}

// marks say what else matters.
func (c *Change) marks() string {
	var marks []string
	if c.New != nil && c.New.Security {
		marks = append(marks, "security")
	}
	if c.New != nil && c.New.Requested || c.New == nil && c.Old.Requested {
		marks = append(marks, "requested")
	}
	if c.Old != nil && c.New != nil && c.Old.Attributes.Get("architecture") != c.New.Attributes.Get("architecture") {
		marks = append(marks, line("was "+c.Old.Attributes.Get("architecture")))
	}
	return strings.Join(marks, ", ")
}

// of are the changes of one What.
func (d *Diff) of(what string) (all []*Change) {
	for i := range d.Changes {
		if d.Changes[i].What == what {
			all = append(all, &d.Changes[i])
		}
	}
	return all
}

// summary is a line about all items.
func (d *Diff) summary() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{d.Count.Upgraded, Upgraded}, {d.Count.Downgraded, Downgraded}, {d.Count.Changed, "with another version"}, {d.Count.Replaced, Replaced},
		{d.Count.Added, Added}, {d.Count.Removed, Removed}, {d.Count.Moved, Moved},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if d.Count.Security > 0 {
		parts = append(parts, counted(d.Count.Security, "security update")+" among these")
	}
	if parts == nil {
		parts = []string{"nothing has changed"}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d unchanged", d.Count.Unchanged)), ", ")
}

// toShip is a line about what has to be transferred.
func (d *Diff) toShip() string {
	s := &d.Ship
	if s.By == "files" {
		return fmt.Sprintf("%s of %s: %s new, %s that A has", bytesize.MB(s.Size), bytesize.MB(s.Total), counted(s.New, "file"), counted(s.Kept, "file"))
	}
	text := fmt.Sprintf("%s of %s: %s new, %d kept", bytesize.MB(s.Size), bytesize.MB(s.Total), counted(s.New, "layer"), s.Kept)
	if s.Unused > 0 {
		text += ", with " + bytesize.MB(s.Unused) + " unused"
	}
	return text
}

// is names one of the two for people.
func (a *About) is() string {
	text := fmt.Sprintf("%s %s: %s of %s, %s, %s", a.Type, a.Reference, a.Name, moment(a.Date), counted(a.Items, "item"), bytesize.MB(a.Size))
	return line(text)
}

// what says what happened to a release.
func (r *Release) what() string {
	switch r.What {
	case Added:
		return line(r.Name) + " added, of " + moment(r.New)
	case Removed:
		return line(r.Name) + " removed"
	}
	if r.Old.Equal(r.New) {
		return line(r.Name) + ": another release of " + moment(r.New)
	}
	return line(r.Name) + ": " + moment(r.Old) + " → " + moment(r.New)
}

// what says what happened to a set.
func (s *Set) what() string {
	if s.What == Removed {
		return Removed
	}
	var parts []string
	for _, p := range []struct {
		names []string
		what  string
	}{{s.Updated, "updated"}, {s.Added, Added}, {s.Removed, Removed}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", len(p.names), p.what))
		}
	}
	if s.Size > 0 {
		parts = append(parts, bytesize.MB(s.Size))
	}
	if s.What == Added {
		return "a new set: " + strings.Join(parts, ", ")
	}
	return strings.Join(parts, ", ")
}

func (s *Set) title() string { return line(s.Name + " (" + s.nodes() + ")") }

// what is a line about a layer of B.
func (l *Layer) what() string {
	state := "new"
	if l.Kept {
		state = "kept"
	}
	text := bytesize.MB(l.Size)
	if l.Unused > 0 {
		text += ", " + bytesize.MB(l.Unused) + " unused"
	}
	if !l.Added.IsZero() {
		text += ", since " + l.Added.UTC().Format(time.DateOnly)
	}
	title := l.Title
	if title == "" {
		title = l.Digest
	}
	return line(fmt.Sprintf("%s: %s: %s", state, title, text))
}

// what is a line about a verdict.
func (r *Ruled) what() string {
	text := artifact.Title(r.Name, r.Version, r.Architecture) + ": " + r.New
	if r.Old != "" {
		text += ", was " + r.Old
	}
	if r.Rule != "" {
		text += ", by " + r.Rule + " (" + r.Match + ")"
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return line(text)
}

// title names an origin.
func (o *Origin) title() string {
	text := o.Name
	if o.System != "" {
		text += " for " + o.System
	}
	return line(text + " " + o.Old + " → " + o.New)
}

// note says what is missing of an origin's entries; empty: nothing is.
func (o *Origin) note() string {
	switch {
	case o.Problem != "":
		return "not read: " + line(o.Problem)
	case len(o.Entries) == 0:
		return "the changelog has no entry between these versions"
	case !o.Complete:
		return "the changelog does not go back to the version before: there may be more"
	}
	return ""
}

// line makes untrusted text one line.
func line(text string) string {
	if !strings.ContainsAny(text, "\n\t\r") {
		return text
	}
	var b []byte
	for _, r := range text {
		if slices.Contains([]rune("\n\t\r"), r) {
			b = artifact.AppendEscape(b, r)
		} else {
			b = append(b, string(r)...)
		}
	}
	return string(b)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// counted writes a number of things: "1 item", "2 items".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
