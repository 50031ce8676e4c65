package strictyaml

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// parserErrors are those of the library's errors whose line it counts from 0. Of all others it counts from 1.
var parserErrors = []string{
	"did not find expected <document start>", "did not find expected node content", "did not find expected key",
	"did not find expected '-' indicator", "did not find expected ',' or ']'", "did not find expected ',' or '}'",
	"found undefined tag handle", "found duplicate %TAG directive", "found duplicate %YAML directive", "found incompatible YAML document",
}

var lineOf = regexp.MustCompile(`^line (\d+): `)

// syntaxError is the library's error with file and line.
func syntaxError(file string, data []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if found := lineOf.FindStringSubmatch(text); found != nil {
		text = text[len(found[0]):]
		line, _ = strconv.Atoi(found[1])
	}
	switch {
	case slices.Contains(parserErrors, text):
		line++
	case line == 0: // on the first line, or an error that has none
		line = 1 + bytes.Count(data[:max(unreadable(data, text), 0)], []byte("\n"))
	}
	if bytes.IndexByte(lineAt(data, line), '\t') >= 0 && strings.Contains(text, "cannot start any token") {
		text += ": indent with spaces, not with tabs"
	}
	if name, found := strings.CutPrefix(text, "unknown anchor '"); found {
		name = "*" + strings.TrimSuffix(name, "' referenced")
		return artifact.Hint(fmt.Errorf("%s:%d: %s without quotes", file, line, name), "a pattern that begins with * must be in quotes: %q", name)
	}
	return hinted(fmt.Errorf("%s:%d: %s", file, line, text), text)
}

// hinted adds what the library does not say of mistakes that patterns and lists invite.
func hinted(err error, text string) error {
	switch {
	case strings.Contains(text, "alphabetic or numeric"):
		return artifact.Hint(err, "a pattern that begins with * or with [ must be in quotes: \"*-dbgsym\"")
	case strings.HasSuffix(text, "cannot start any token"):
		return artifact.Hint(err, "text that begins with a special character must be in quotes")
	case strings.Contains(text, "did not find expected"):
		return artifact.Hint(err, "look for a bracket, brace or quote that is not closed, here or on the line below; a pattern with ? or [ must be in quotes")
	}
	return err
}

// unreadable is where the library could not go on, of errors that have no line; -1: not known.
func unreadable(data []byte, text string) int {
	if name, found := strings.CutPrefix(text, "unknown anchor '"); found {
		name, _, _ = strings.Cut(name, "'")
		return bytes.Index(data, []byte("*"+name))
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0x7f {
			return i
		}
		i += size
	}
	return -1
}

// lineAt is a line of the document, counted from 1; nil: there is none.
func lineAt(data []byte, line int) []byte {
	if lines := bytes.Split(data, []byte("\n")); line <= len(lines) {
		return lines[line-1]
	}
	return nil
}
