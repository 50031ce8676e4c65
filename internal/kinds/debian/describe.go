package debian

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
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
		if strings.EqualFold(f.name, "Description") {
			var rest string
			d.Summary, rest, _ = strings.Cut(f.value, "\n")
			d.Summary, d.Text = trimSpace(d.Summary), descriptionText(rest)
		}
	}
	place := func(f field) int {
		at := slices.IndexFunc(shownFirst, func(name string) bool { return strings.EqualFold(name, f.name) })
		if at < 0 {
			return len(shownFirst)
		}
		return at
	}
	slices.SortStableFunc(fields, func(a, b field) int { return place(a) - place(b) })
	for _, f := range fields {
		value := fold(f.value)
		if value == "" || isOneOf(f.name, notShown) {
			continue
		}
		parts := []artifact.DescriptionPart{{Text: value}}
		if isOneOf(f.name, relationFields) {
			parts = relationParts(value)
		} else if strings.EqualFold(f.name, "Installed-Size") {
			parts[0].Text = humanSize(value)
		}
		d.Fields = append(d.Fields, artifact.DescriptionField{Name: f.name, Value: parts})
	}
	return d
}

// metadataFields are the fields of an artifact's stanza, each with all its lines as they are.
func metadataFields(a *artifact.Item) []field {
	fields := []field{{name: "Version", value: a.Version}, {name: "Architecture", value: a.Architecture()}}
	continues := false
	for _, line := range a.Metadata {
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if continues {
				fields[len(fields)-1].value += "\n" + readableText(line)
			}
			continue
		}
		var name string
		var colon int
		if name, colon = fieldName(line); colon == 0 {
			continues = false
			continue
		}
		continues = true
		fields = slices.DeleteFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name) }) // the last one counts
		fields = append(fields, field{name: readableText(name), value: readableText(trimSpace(line[colon+1:]))})
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
		lines[i] = trimSpace(lines[i])
	}
	return trimSpace(strings.Join(lines, " "))
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
		if name := value[:end]; validPackageName(name) {
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
