package repository

import (
	"bytes"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// commands is a list of the commands of packages, for command-not-found: a stanza about the index, then one for each package.
var commands = headed(splitStanzas, "name", "\n\n", "\n")

// appStream is a file of AppStream metadata (DEP-11): YAML documents, the first about the file, the others about packages.
var appStream = headed(splitDocuments, "Package", "\n", "---\n")

// headed is a format of records with a field that names the package; those without it stay in any case.
func headed(split func(data []byte, atEOF bool) (int, []byte, error), field, end, empty string) format {
	about := func(record string, some names) bool {
		name := deb822.StanzaField(record, field)
		return name == "" || some[name]
	}
	return format{
		split: split,
		take: func(b *bytes.Buffer, record string, carried names) {
			if about(record, carried) {
				b.WriteString(strings.TrimRight(record, "\r\n"))
				b.WriteString(end)
			}
		},
		stays: about,
		empty: empty,
	}
}

// splitDocuments is a bufio.SplitFunc: a YAML document with the line "---" that begins it.
func splitDocuments(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := bytes.Index(data, []byte("\n---")); end >= 0 {
		return end + 1, data[:end+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
