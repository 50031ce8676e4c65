package vulns

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Text writes the report for people: what it knows and how old that is, the findings, and what it cannot say. With all, findings that need nothing are listed, too.
func (r *Report) Text(w io.Writer, now time.Time, all bool) error {
	var b strings.Builder
	for i := range r.Knowledge {
		fmt.Fprintf(&b, "known from %s\n", r.Knowledge[i].Text(now))
	}
	of := "the image"
	if len(r.Nodes) > 0 {
		of = counted(len(r.Nodes), "node")
	}
	fmt.Fprintf(&b, "checked: %s of %s\n", counted(r.Items, "item"), of)
	shown := false
	for i := range r.Findings {
		if f := &r.Findings[i]; all || f.Open() || f.Status == Undetermined {
			if !shown {
				b.WriteByte('\n')
			}
			shown = true
			f.text(&b)
		}
	}
	b.WriteByte('\n')
	r.limits(&b)
	fmt.Fprintln(&b, r.Summary())
	_, err := io.WriteString(w, b.String())
	return err
}

// Text says what it is and how old, on one line.
func (k *Knowledge) Text(now time.Time) string {
	text := k.Source + ": " + k.Date.UTC().Format("2006-01-02 15:04 MST") + ", "
	switch days := k.Age(now); {
	case days < 0:
		text += "which is in the future: is this machine's clock slow?"
	case days == 0:
		text += "less than a day old"
	default:
		text += counted(days, "day") + " old"
	}
	return text + " (" + k.URL + ")"
}

func (f *Finding) text(b *strings.Builder) {
	urgency := string(f.Urgency)
	if f.Status != Affected {
		urgency = f.Status
	}
	fmt.Fprintf(b, "%-12s %-16s %s %s: %s\n", urgency, f.ID, f.Name, f.Version, f.Advice())
	if f.Summary != "" {
		fmt.Fprintf(b, "             %s\n", f.Summary)
	}
	fmt.Fprintf(b, "             in %s\n", strings.Join(f.names(), ", "))
}

// names are the items' names, each once, with the nodes that have them.
func (f *Finding) names() (names []string) {
	last := ""
	for _, item := range f.Items {
		if item.Name == last {
			continue
		}
		last = item.Name
		name := item.Name
		if len(item.Nodes) > 0 {
			name += " on " + someOf(item.Nodes)
		}
		names = append(names, name)
	}
	return names
}

// Advice says which version mends it, and whether the image has that.
func (f *Finding) Advice() string {
	var text string
	switch {
	case f.Status == Fixed && f.Fixed != "":
		return "fixed since " + f.Fixed
	case f.Status == Fixed:
		return "fixed"
	case f.Status == NotAffected:
		return "not affected"
	case f.Status == Undetermined:
		return "not known whether it is affected"
	case f.Fixed == "" && f.Urgency == artifact.UrgencyEndOfLife:
		text = "no longer supported, and not fixed"
	case f.Fixed == "":
		text = "not fixed yet"
	case f.Carried:
		text = "fixed in " + f.Fixed + ", which the image has"
	default:
		text = "fixed in " + f.Fixed + ", which the image does not have"
	}
	if f.Deferred != "" {
		text += "; no update for this alone (" + f.Deferred
		if f.Note != "" {
			text += ": " + f.Note
		}
		text += ")"
	}
	return text
}

// limits says what the advisories cannot say.
func (r *Report) limits(b *strings.Builder) {
	for _, u := range r.Unknown {
		fmt.Fprintf(b, "no advisories speak of %s: %s\n", u.Why, someOf(u.Items))
	}
	for _, release := range r.Silent {
		fmt.Fprintf(b, "no advisory speaks of %s: nothing is known of what belongs to it\n", release)
	}
}

// someOf lists some names.
func someOf(names []string) string {
	const most = 8
	if more := len(names) - most; more > 1 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// Summary counts the findings in a line.
func (r *Report) Summary() string {
	open, fixable := 0, 0
	urgencies, others := make(map[artifact.Urgency]int), make(map[string]int)
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Status != Affected:
			others[f.Status]++
		case !f.Open():
			others["unimportant"]++
		default:
			open++
			urgencies[f.Urgency]++
			if f.Fixed != "" {
				fixable++
			}
		}
	}
	var parts []string
	for _, u := range Urgencies() {
		if n := urgencies[u]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u))
		}
	}
	text := fmt.Sprintf("%d affected", open)
	if open > 0 {
		text += fmt.Sprintf(" (%s), %d of them fixed in a later version", strings.Join(parts, ", "), fixable)
	}
	for _, status := range []string{"unimportant", Undetermined, Fixed, NotAffected} {
		if n := others[status]; n > 0 {
			text += fmt.Sprintf("; %d %s", n, strings.ReplaceAll(status, "-", " "))
		}
	}
	return text
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
