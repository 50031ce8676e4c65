package diff

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes the difference for people.
func (d *Diff) Text(w io.Writer) error {
	p := &printer{w: w}
	p.line("A        %s", d.A.is())
	p.line("B        %s", d.B.is())
	p.line("items    %s", d.summary())
	p.line("to ship  %s", d.toShip())
	for _, note := range d.Notes {
		p.line("note     %s", line(note))
	}
	for _, what := range order {
		changes := d.of(what)
		if len(changes) == 0 {
			continue
		}
		p.line("\n%s", what)
		p.table(len(changes), func(i int) []string {
			c := changes[i]
			return []string{c.title(), c.versions(), c.from(), c.size(), c.marks()}
		})
	}
	p.section("sources", len(d.Sources), func(i int) {
		s := &d.Sources[i]
		p.line("  %s (%s)%s", line(s.Name), line(s.Kind), map[string]string{Added: ": added", Removed: ": removed"}[s.What])
		for r := range s.Releases {
			p.line("    %s", s.Releases[r].what())
		}
	})
	p.section("sets", len(d.Sets), func(i int) {
		s := &d.Sets[i]
		p.line("  %s: %s", s.title(), s.what())
		for _, list := range []struct {
			what  string
			names []string
		}{{"updated", s.Updated}, {Added, s.Added}, {Removed, s.Removed}} {
			if len(list.names) > 0 {
				p.line("    %s: %s", list.what, line(strings.Join(list.names, ", ")))
			}
		}
	})
	p.section("layers", len(d.Layers), func(i int) { p.line("  %s", d.Layers[i].what()) })
	if d.Rules != nil {
		p.line("\nrules %s", line(d.Rules.File))
		for _, list := range []struct {
			what  string
			items []Ruled
		}{{"newly denied", d.Rules.Newly}, {"no longer denied", d.Rules.NoLonger}} {
			p.line("  %s: %d", list.what, len(list.items))
			for i := range list.items {
				p.line("    %s", list.items[i].what())
			}
		}
	}
	if d.History != nil {
		d.History.text(p)
	}
	return p.err
}

func (h *History) text(p *printer) {
	p.line("\nchangelogs")
	for i := range h.Origins {
		o := &h.Origins[i]
		p.line("\n%s: %s", o.title(), line(strings.Join(o.Items, ", ")))
		if len(o.Issues) > 0 {
			p.line("  %s", strings.Join(o.Issues, ", "))
		}
		if note := o.note(); note != "" {
			p.line("  %s", note)
		}
		for _, e := range o.Entries {
			p.line("\n  %s", line(e.Title))
			for text := range strings.SplitSeq(e.Text, "\n") {
				p.line("%s", strings.TrimRight("  "+text, " "))
			}
			if e.Footer != "" {
				p.line("\n   -- %s", line(e.Footer))
			}
		}
	}
	if len(h.Origins) == 0 {
		p.line("  nothing was upgraded")
	}
	if len(h.Issues) > 0 {
		p.line("\nvulnerabilities that these entries name: %s", strings.Join(h.Issues, ", "))
	}
}

// A printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// section writes a title before n things; nothing if there are none.
func (p *printer) section(title string, n int, each func(i int)) {
	if n > 0 {
		p.line("\n%s", title)
	}
	for i := range n {
		each(i)
	}
}

// table writes n rows with aligned cells. Empty cells at the end are left out, so no line ends with spaces.
func (p *printer) table(n int, row func(i int) []string) {
	if p.err != nil {
		return
	}
	w := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for i := range n {
		cells := row(i)
		for len(cells) > 0 && cells[len(cells)-1] == "" {
			cells = cells[:len(cells)-1]
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
	}
	p.err = w.Flush()
}
