package diff

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Markdown writes the difference for a change request: CommonMark with the tables of GitHub Flavored Markdown. Untrusted text is escaped.
func (d *Diff) Markdown(w io.Writer) error {
	p := &printer{w: w}
	name := d.B.Name
	if d.A.Name != d.B.Name {
		name = d.A.Name + " → " + d.B.Name
	}
	p.line("# Update of %s", escape(name))
	p.line("\n|   | from | to |\n|---|---|---|")
	p.line("| date | %s | %s |", moment(d.A.Date), moment(d.B.Date))
	p.line("| %s | %s | %s |", typesOf(d), escape(d.A.Reference), escape(d.B.Reference))
	if d.A.Digest+d.B.Digest != "" {
		p.line("| digest | %s | %s |", escape(d.A.Digest), escape(d.B.Digest))
	}
	p.line("| lock | %s | %s |", escape(d.A.Lock), escape(d.B.Lock))
	p.line("\n- Items: %s", escape(d.summary()))
	p.line("- To ship: %s", escape(d.toShip()))
	for _, note := range d.Notes {
		p.line("- Note: %s", escape(note))
	}
	for _, what := range order {
		changes := d.of(what)
		if len(changes) == 0 {
			continue
		}
		p.line("\n## %s%s\n\n| item | version | from | size | |\n|---|---|---|--:|---|", strings.ToUpper(what[:1]), what[1:])
		for _, c := range changes {
			p.line("| %s | %s | %s | %s | %s |", escape(c.title()), escape(c.versions()), escape(c.from()), escape(c.size()), escape(c.marks()))
		}
	}
	p.section("## Sources\n", len(d.Sources), func(i int) {
		s := &d.Sources[i]
		p.line("- %s%s", escape(s.Name), map[string]string{Added: ": added", Removed: ": removed"}[s.What])
		for r := range s.Releases {
			p.line("  - %s", escape(s.Releases[r].what()))
		}
	})
	p.section("## Sets\n", len(d.Sets), func(i int) {
		s := &d.Sets[i]
		p.line("- %s: %s", escape(s.title()), escape(s.what()))
		for _, list := range []struct {
			what  string
			names []string
		}{{"updated", s.Updated}, {Added, s.Added}, {Removed, s.Removed}} {
			if len(list.names) > 0 {
				p.line("  - %s: %s", list.what, escape(strings.Join(list.names, ", ")))
			}
		}
	})
	p.section("## Layers\n", len(d.Layers), func(i int) { p.line("- %s", escape(d.Layers[i].what())) })
	if d.Rules != nil {
		p.line("\n## Rules\n\n%s:\n", escape(d.Rules.File))
		for _, list := range []struct {
			what  string
			items []Ruled
		}{{"newly denied", d.Rules.Newly}, {"no longer denied", d.Rules.NoLonger}} {
			p.line("- %s: %d", list.what, len(list.items))
			for i := range list.items {
				p.line("  - %s", escape(list.items[i].what()))
			}
		}
	}
	if d.History != nil {
		d.History.markdown(p)
	}
	return p.err
}

func typesOf(d *Diff) string {
	if d.A.Type == d.B.Type {
		return d.A.Type
	}
	return d.A.Type + ", " + d.B.Type
}

func (h *History) markdown(p *printer) {
	p.line("\n## Changelogs")
	if len(h.Issues) > 0 {
		p.line("\nVulnerabilities that the entries name: %s", strings.Join(h.Issues, ", "))
	}
	if len(h.Origins) == 0 {
		p.line("\nNothing was upgraded.")
	}
	for i := range h.Origins {
		o := &h.Origins[i]
		p.line("\n### %s\n\n%s", escape(o.title()), escape(strings.Join(o.Items, ", ")))
		if len(o.Issues) > 0 {
			p.line("\n%s", strings.Join(o.Issues, ", "))
		}
		if note := o.note(); note != "" {
			p.line("\n%s", escape(note))
		}
		for _, e := range o.Entries {
			text := line(e.Title) + "\n\n" + e.Text
			if e.Footer != "" {
				text += "\n\n -- " + line(e.Footer)
			}
			fence := fenceFor(text)
			p.line("\n%s\n%s\n%s", fence, text, fence)
		}
	}
}

// fenceFor is a code fence that the text does not contain: CommonMark 4.5.
func fenceFor(text string) string {
	longest, run := 2, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}

// blockMarker is what begins a list item, or is a break or an underline, at the beginning of a line: CommonMark 4.1, 4.3 and 5.2.
var blockMarker = regexp.MustCompile(`^(?:[-+]|[0-9]+[.)])(?:\s|$)|^[-=]+\s*$`)

// escape makes text that means itself, on one line, also in a cell of a table: punctuation that may be markup is escaped with a backslash
// (CommonMark 2.4), and so is what makes a link or mentions somebody by itself on GitHub and GitLab.
func escape(text string) string {
	links := strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "www.")
	var b strings.Builder
	text = strings.TrimSpace(line(text))
	marker := len(strings.TrimSpace(blockMarker.FindString(text))) - 1
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "=") {
		marker = min(marker, 0)
	}
	for i, r := range text {
		switch {
		case i == marker:
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune("\\`*_{}[]<>#|~!$&^", r), links && (r == ':' || r == '.'):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@':
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
