package debian

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// shownFirst are the fields that people look for, in the order to show. Others follow as the
// index has them.
var shownFirst = []string{
	"Version", "Architecture", "Section", "Priority", "Source", "Maintainer", "Homepage", "Installed-Size",
	"Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances",
	"Breaks", "Conflicts", "Replaces", "Provides", "Multi-Arch", "Essential", "Protected", "Important",
}

// relationFields name packages: Policy 7.
var relationFields = []string{"Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Replaces", "Provides"}

// notShown are part of the description, or of no use to people.
var notShown = []string{"Description", "Description-md5"}

// Describe implements artifact.Describer. There is no Text where upstream's index has only the
// first line of each description, as Debian's have.
func (Kind) Describe(a *artifact.Item) artifact.Description {
	var d artifact.Description
	fields := metadataFields(a)
	for _, f := range fields {
		if strings.EqualFold(f.Name, "Description") {
			var rest string
			d.Summary, rest, _ = strings.Cut(f.Value, "\n")
			d.Summary, d.Text = deb822.TrimSpace(d.Summary), descriptionText(rest)
		}
	}
	place := func(f deb822.Field) int {
		at := slices.IndexFunc(shownFirst, func(name string) bool { return strings.EqualFold(name, f.Name) })
		if at < 0 {
			return len(shownFirst)
		}
		return at
	}
	slices.SortStableFunc(fields, func(a, b deb822.Field) int { return place(a) - place(b) })
	for _, f := range fields {
		value := fold(f.Value)
		if value == "" || isOneOf(f.Name, notShown) {
			continue
		}
		parts := []artifact.DescriptionPart{{Text: value}}
		if isOneOf(f.Name, relationFields) {
			parts = relationParts(value)
		} else if strings.EqualFold(f.Name, "Installed-Size") {
			parts[0].Text = humanSize(value)
		}
		d.Fields = append(d.Fields, artifact.DescriptionField{Name: f.Name, Value: parts})
	}
	return d
}

// metadataFields are the fields of an artifact's stanza, each with all its lines as they are.
func metadataFields(a *artifact.Item) []deb822.Field {
	fields := []deb822.Field{{Name: "Version", Value: a.Version}, {Name: "Architecture", Value: a.Architecture()}}
	continues := false
	for _, line := range a.Metadata {
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if continues {
				fields[len(fields)-1].Value += "\n" + deb822.ReadableText(line)
			}
			continue
		}
		var name string
		var colon int
		if name, colon = deb822.FieldName(line); colon == 0 {
			continues = false
			continue
		}
		continues = true
		fields = slices.DeleteFunc(fields, func(f deb822.Field) bool { return strings.EqualFold(f.Name, name) }) // the last one counts
		fields = append(fields, deb822.Field{Name: deb822.ReadableText(name), Value: deb822.ReadableText(deb822.TrimSpace(line[colon+1:]))})
	}
	return fields
}

func isOneOf(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// fold joins the lines of a folded field: Policy 5.1.
func fold(value string) string {
	lines := strings.Split(value, "\n")
	for i := range lines {
		lines[i] = deb822.TrimSpace(lines[i])
	}
	return deb822.TrimSpace(strings.Join(lines, " "))
}

// descriptionText undoes the formatting of an extended description: Policy 5.6.13. Lines that begin with
// one space are paragraphs to be wrapped, with more spaces they stay as they are, and a lone "."
// is an empty line.
func descriptionText(lines string) string {
	var b strings.Builder
	wrapping := false
	for line := range strings.SplitSeq(lines, "\n") {
		if line == "" {
			continue
		}
		line = strings.TrimRight(line[1:], " \t\r")
		verbatim := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case line == "." || line == "":
			line, verbatim = "", true
			fallthrough
		case verbatim || !wrapping:
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
		default:
			b.WriteByte(' ')
		}
		b.WriteString(line)
		wrapping = !verbatim
	}
	return strings.Trim(b.String(), "\n")
}

// relationParts cuts the value of a relation field (Policy 7.1) into names of packages and what
// stands between them. Joined they are the value, whatever that is.
func relationParts(value string) (parts []artifact.DescriptionPart) {
	add := func(text, name string) {
		if n := len(parts); text != "" && n > 0 && name == "" && parts[n-1].Name == "" {
			parts[n-1].Text += text
		} else if text != "" {
			parts = append(parts, artifact.DescriptionPart{Text: text, Name: name})
		}
	}
	for value != "" {
		begin := len(value) - len(strings.TrimLeft(value, " \t,|"))
		add(value[:begin], "")
		value = value[begin:]
		end := strings.IndexAny(value+" ", " \t,|(:[<")
		if name := value[:end]; deb822.ValidPackageName(name) {
			add(name, name)
		} else {
			add(name, "")
		}
		value = value[end:]
		if end = strings.IndexAny(value, ",|"); end < 0 {
			end = len(value)
		}
		add(value[:end], "")
		value = value[end:]
	}
	return parts
}

// humanSize writes the value of Installed-Size, which is in units of 1024 bytes (Policy 5.6.20).
func humanSize(value string) string {
	kib, err := strconv.ParseInt(value, 10, 64)
	if err != nil || kib < 0 || kib > math.MaxInt64/1024 {
		return value
	}
	return bytesize.Text(kib * 1024)
}
