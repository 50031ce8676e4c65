package requirements

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A logicalLine is one or more lines of a file that belong together, without comments and white space around it.
type logicalLine struct {
	number int // of the first, from 1
	text   string
}

var (
	comment  = regexp.MustCompile(`(^|[\s\v\x1c-\x1f\x{85}\p{Z}]+)#.*$`)
	variable = regexp.MustCompile(`\$\{[A-Z0-9_]+\}`)
)

func hasVariable(text string) bool { return variable.MatchString(text) }

// logicalLines joins lines that end in a backslash, and leaves out comments and empty lines, as pip does.
func logicalLines(data []byte) (all []logicalLine, err error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	text := string(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("the file is not UTF-8")
	}
	var joined []string
	begin := 0
	finish := func(number int, line string) {
		if loc := comment.FindStringIndex(line); loc != nil {
			line = line[:loc[0]]
		}
		if line = strings.TrimFunc(line, isSpace); line != "" {
			all = append(all, logicalLine{number, line})
		}
	}
	for i, line := range splitLines(text) {
		isComment := strings.HasPrefix(strings.TrimLeftFunc(line, isSpace), "#")
		if strings.HasSuffix(line, `\`) && !isComment {
			if len(joined) == 0 {
				begin = i + 1
			}
			joined = append(joined, strings.Trim(line, `\`))
			continue
		}
		if isComment {
			line = " " + line // so that it is one after joining, too
		}
		if len(joined) == 0 {
			finish(i+1, line)
			continue
		}
		finish(begin, strings.Join(joined, "")+line)
		joined = nil
	}
	if len(joined) > 0 {
		finish(begin, strings.Join(joined, ""))
	}
	return all, nil
}

// splitLines splits at all that ends a line for Python's str.splitlines.
func splitLines(text string) []string {
	var lines []string
	for text != "" {
		end := strings.IndexFunc(text, isLineEnd)
		if end < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:end])
		_, size := utf8.DecodeRuneInString(text[end:])
		if strings.HasPrefix(text[end:], "\r\n") {
			size = 2
		}
		text = text[end+size:]
	}
	return lines
}

func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// isSpace reports what Python takes for white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
