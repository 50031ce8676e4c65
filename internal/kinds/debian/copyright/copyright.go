// Package copyright reads machine-readable copyright files, which packages have at /usr/share/doc/PACKAGE/copyright (Debian Policy 12.5,
// copyright-format 1.0, also known as DEP-5), and names their licences as SPDX does.
//
//	copyright file ──Parse──▶ artifact.Licences: an SPDX expression, and the texts of licences that SPDX does not list
package copyright

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// MaxSize is the size of the largest file that is read, in bytes.
const MaxSize = 4 << 20

// formats are what the address in the field Format contains, whose form has changed over the years.
var formats = []string{"copyright-format", "dep5", "/dep/"}

// Parse reads a copyright file. The licences are those of all its paragraphs about files, joined with AND, in the order of the file.
// A file that is not machine-readable, or is damaged, states none.
func Parse(text []byte) artifact.Licences {
	if !hasFormat(text) {
		return artifact.Licences{}
	}
	paragraphs, err := deb822.ParseParagraphs(text)
	if err != nil || len(paragraphs) == 0 || !isFormat(paragraphs[0]) {
		return artifact.Licences{}
	}
	n := names{texts: texts(paragraphs), refs: map[string]artifact.LicenceRef{}}
	var all []string
	for i, p := range paragraphs {
		if i > 0 && !p.Has("Files") {
			continue // a licence's text
		}
		if synopsis, _ := cutLicence(p); synopsis != "" {
			if e := n.expression(synopsis); e != "" && !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return artifact.Licences{Expression: and(all), Refs: n.sorted()}
}

// hasFormat looks for the field before the whole file is parsed: few free texts can be.
func hasFormat(text []byte) bool {
	head := strings.ToLower(string(text[:min(len(text), 4<<10)]))
	return strings.Contains(head, "format") && slices.ContainsFunc(formats, func(f string) bool { return strings.Contains(head, f) })
}

func isFormat(header deb822.Paragraph) bool {
	value := header.Get("Format")
	if value == "" {
		value = header.Get("Format-Specification")
	}
	return slices.ContainsFunc(formats, func(f string) bool { return strings.Contains(strings.ToLower(value), f) })
}

// cutLicence divides the field License into the short names in its first line, and the text, which may be empty.
func cutLicence(p deb822.Paragraph) (synopsis, text string) {
	synopsis, text, _ = strings.Cut(p.Get("License"), "\n")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "." {
			line = ""
		}
		lines = append(lines, line)
	}
	return strings.Join(strings.Fields(synopsis), " "), strings.Trim(strings.Join(lines, "\n"), "\n")
}

// texts are the texts of licences, by short name in lower case: the first one counts.
func texts(paragraphs []deb822.Paragraph) map[string]string {
	all := make(map[string]string)
	for _, p := range paragraphs {
		if name, text := cutLicence(p); name != "" && text != "" && all[strings.ToLower(name)] == "" {
			all[strings.ToLower(name)] = strings.ToValidUTF8(text, "\ufffd")
		}
	}
	return all
}
