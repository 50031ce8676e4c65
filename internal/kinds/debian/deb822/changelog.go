package deb822

import (
	"regexp"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// changelogTitle is the first line of an entry: "bash (5.2.15-2) unstable; urgency=medium".
var changelogTitle = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+.-]*[ \t]+\(([^ \t()]+)\)[^;]*;`)

// ParseChangelog reads the entries of a changelog (deb-changelog(5)), in its order. It skips lines outside of entries, such as a history
// in an older format, and entries with an invalid version. Bytes that are not UTF-8 are read as Latin-1.
func ParseChangelog(text string) (entries []artifact.ChangelogEntry) {
	var current *artifact.ChangelogEntry
	var lines []string
	finish := func() {
		if current != nil {
			current.Text = strings.Trim(strings.Join(lines, "\n"), "\n")
			entries = append(entries, *current)
		}
		current, lines = nil, nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(ReadableText(EncodeText(line)), " \t\r")
		if title := changelogTitle.FindStringSubmatch(line); title != nil {
			finish()
			if ValidVersion(title[1]) {
				current = &artifact.ChangelogEntry{Version: title[1], Title: line}
			}
			continue
		}
		switch {
		case current == nil:
		case strings.HasPrefix(line, " -- "):
			current.Footer = strings.TrimSpace(line[len(" --"):])
			finish()
		case line != "" && line[0] != ' ' && line[0] != '\t':
			finish() // neither a change nor a trailer: something else follows
		default:
			lines = append(lines, line)
		}
	}
	finish()
	return entries
}
