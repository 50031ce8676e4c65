package inspect

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

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

// field is a line with the name of a value before it; without a value there is none.
func (p *printer) field(name, value string) {
	if value != "" {
		p.line("%-11s %s", name, value)
	}
}

// Text is the summary for people.
func (s *Summary) Text(w io.Writer) error {
	p := &printer{w: w}
	p.field("name", s.Name)
	p.field(s.Type, s.Reference)
	p.field("digest", s.Digest)
	p.field("index", s.Index)
	platform := s.Platform
	if others := slices.DeleteFunc(slices.Clone(s.Platforms), func(name string) bool { return name == s.Platform }); len(others) > 0 {
		platform += " (there are images for " + strings.Join(others, " and ") + ", too)"
	}
	p.field("platform", platform)
	if s.Type == "image" {
		p.field("lock", s.Lock)
	} else {
		p.field("digest", s.Lock)
	}
	p.field("date", moment(s.Date))
	for _, key := range s.Keys {
		p.field("signed by", key.String())
	}
	if s.noKey != nil {
		p.field("signed by", "a key that cannot be read: "+s.noKey.Error())
	}
	items := fmt.Sprintf("%s (%d requested", counted(s.Count.Items, "item"), s.Count.Requested)
	if s.Count.Security > 0 {
		items += ", " + counted(s.Count.Security, "security update")
	}
	if s.Architecture != "" {
		items += ", only those for " + s.Architecture
	}
	p.field("holds", fmt.Sprintf("%s), %s, %s", items, counted(s.Count.Files, "file"), bytesize.MB(s.Size)))
	if s.Unused != nil {
		p.field("unused", fmt.Sprintf("%s, %s, of layers that earlier images have, too", counted(int(s.Unused.Files), "file"), bytesize.MB(s.Unused.Size)))
	}
	for i := range s.Sources {
		s.Sources[i].text(p)
	}
	if len(s.Sets) > 0 {
		p.line("\nsets")
	}
	for _, set := range s.Sets {
		p.line("  %s (%s): %s, %s: %s", set.Name, set.nodes(), counted(set.Items, "item"), bytesize.MB(set.Size), strings.Join(set.Requested, ", "))
	}
	if len(s.Layers) > 0 {
		p.line("\nlayers")
	}
	for i, layer := range s.Layers {
		size := "compressed"
		if layer.Size >= 0 {
			size = bytesize.MB(layer.Size)
		}
		if !layer.Added.IsZero() {
			size += ", since " + layer.Added.UTC().Format(time.DateOnly)
		}
		p.line("  %d: %s: %s", i, cmp.Or(layer.Title, layer.Digest), size)
	}
	return p.err
}

func (s *Source) text(p *printer) {
	p.line("\nsource %s (%s): %s, %s", s.Name, s.Kind, counted(s.Items, "item"), bytesize.MB(s.Size))
	for _, u := range s.URLs {
		p.line("  from %s", u)
	}
	for _, r := range s.Releases {
		how := ""
		if r.Undated {
			how = " (the time of the signature)"
		}
		by := "not signed"
		if len(r.SignedBy) == 0 && r.Undated {
			p.line("  %s, without a date, not signed", r.Name)
			continue
		}
		if len(r.SignedBy) > 0 {
			by = "signed by " + strings.Join(r.SignedBy, ", ")
		}
		p.line("  %s, %s%s, %s", r.Name, moment(r.Date), how, by)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if values := s.Attributes[name]; !areDigests(values) {
			p.line("  %s: %s", name, counts(values))
		}
	}
	switch s.Upstream {
	case "carry":
		p.line("  with what upstream signed")
	case "serve":
		p.line("  with what upstream signed, for clients too")
	}
}

// areDigests reports whether all values are digests, which identify items and do not group them.
func areDigests(values map[string]int) bool {
	for value := range values {
		if digest.Digest(value).Validate() != nil {
			return false
		}
	}
	return true
}

// counts writes numbers of items by value, the values with most items first.
func counts(values map[string]int) string {
	const most = 12
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(values[b], values[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(most, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %d", name, values[name]))
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// Text is what was found, for people: a line for each item, or all that is known of it.
func (f *Found) Text(w io.Writer) error {
	p := &printer{w: w}
	if len(f.Items) > 0 && f.Items[0].Details != nil {
		for i := range f.Items {
			if i > 0 {
				p.line("")
			}
			f.Items[i].text(p)
		}
	} else {
		p.list(f.Items)
	}
	for i, a := range f.Aliases {
		if i == 0 && len(f.Items) > 0 {
			p.line("")
		}
		p.line("%s: another name for %s", a.Name, strings.Join(a.Of, ", "))
	}
	if n := len(f.Items); n > 1 || n+len(f.Aliases) == 0 {
		p.line("%s, %s", counted(len(f.Items), "item"), bytesize.MB(f.Size))
	}
	return p.err
}

// list writes a line for each item.
func (p *printer) list(items []Item) {
	if p.err != nil || len(items) == 0 {
		return
	}
	table := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	for i := range items {
		item := &items[i]
		var marks []string
		if item.Requested {
			marks = append(marks, "requested")
		}
		if item.Security {
			marks = append(marks, "security")
		}
		// The last cell is not aligned, so no line ends with spaces.
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s", item.Name, item.Version, item.Architecture, item.Source, bytesize.MB(item.Size))
		if len(marks) > 0 {
			fmt.Fprintf(table, "\t%s", strings.Join(marks, ", "))
		}
		fmt.Fprintln(table)
	}
	p.err = table.Flush()
}

// text writes all that is known of an item.
func (i *Item) text(p *printer) {
	const mostNeeding = 20
	p.line("%s", artifact.Title(i.Name, i.Version, i.Architecture))
	if i.Description.Summary != "" {
		p.line("  %s", i.Description.Summary)
	}
	p.line("  kind: %s", i.Kind)
	p.line("  source: %s", i.Source)
	if i.System != "" {
		p.line("  system: %s", i.System)
	}
	for _, a := range i.Attributes {
		if !slices.ContainsFunc(i.Description.Fields, func(f artifact.DescriptionField) bool { return strings.EqualFold(f.Name, a.Name) }) {
			p.line("  %s: %s", a.Name, strings.Join(a.Values, ", "))
		}
	}
	if i.PackageURL != "" {
		p.line("  package URL: %s", i.PackageURL)
	}
	if i.Security {
		p.line("  security update: yes")
	}
	switch {
	case i.Requested:
		p.line("  carried because: it is requested")
	case len(i.Why) > 0:
		p.line("  carried because: %s (requested) needs it: %s", i.Why[0], strings.Join(i.Why, " → "))
	}
	for _, set := range i.Sets {
		role := "needed"
		if set.Requested {
			role = "requested"
		}
		p.line("  set: %s (%s), %s", set.Name, set.nodes(), role)
	}
	if n := len(i.NeededBy); n > 0 {
		more := ""
		if n > mostNeeding {
			more = fmt.Sprintf(" and %d more", n-mostNeeding)
		}
		p.line("  may be needed by: %s%s", strings.Join(i.NeededBy[:min(n, mostNeeding)], ", "), more)
	}
	for f := range i.Files {
		i.Files[f].text(p)
	}
	for _, field := range i.Description.Fields {
		var value strings.Builder
		for _, part := range field.Value {
			value.WriteString(part.Text)
		}
		p.line("  %s: %s", field.Name, strings.ReplaceAll(value.String(), "\n", "\n    "))
	}
	if i.Description.Text != "" {
		p.line("")
		for line := range strings.SplitSeq(i.Description.Text, "\n") {
			p.line("%s", strings.TrimRight("    "+line, " "))
		}
	}
}

func (f *File) text(p *printer) {
	p.line("  file: %s", f.Path)
	size := bytesize.Text(f.Size)
	if f.Size >= 1000 {
		size += fmt.Sprintf(" (%d bytes)", f.Size)
	}
	p.line("    size: %s", size)
	p.line("    sha256: %s", f.SHA256)
	p.line("    address on the mirror: %s", f.Address)
	if f.Place != nil {
		digest := ""
		if f.Digest != "" {
			digest = " (" + f.Digest + ")"
		}
		p.line("    place: layer %d%s, offset %d", f.Layer, digest, f.Offset)
	}
	for _, u := range f.URLs {
		p.line("    from: %s", artifact.Redacted(u))
	}
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// counted writes a number of things: "1 item", "2 items".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
