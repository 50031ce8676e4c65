package requirements

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// What an option does.
const (
	nothing     = iota // it has no meaning for a lock
	includes           // another file
	prereleases        // of all projects
	needsHashes
	hashes // of one requirement
	refused
)

// kinds are the options that pip knows in requirements files, by their long names.
var kinds = map[string]struct {
	short     string // one letter
	value     bool
	does      int
	hint      string
	otherName string
}{
	"--requirement":     {"r", true, includes, "", ""},
	"--constraint":      {"c", true, includes, "", ""},
	"--hash":            {"", true, hashes, "", ""},
	"--pre":             {"", false, prereleases, "", ""},
	"--require-hashes":  {"", false, needsHashes, "", ""},
	"--prefer-binary":   {"", false, nothing, "", ""},
	"--only-binary":     {"", true, nothing, "", ""},
	"--use-feature":     {"", true, nothing, "", ""},
	"--index-url":       {"i", true, refused, hintIndex, "--pypi-url"},
	"--extra-index-url": {"", true, refused, hintIndex, ""},
	"--no-index":        {"", false, refused, hintIndex, ""},
	"--find-links":      {"f", true, refused, hintIndex, ""},
	"--trusted-host":    {"", true, refused, hintIndex, ""},
	"--editable":        {"e", true, refused, "put the package on an index, and write its name", ""},
	"--no-binary":       {"", true, refused, "list the project under sdist in the definition", ""},
	"--install-option":  {"", true, refused, hintBuild, ""},
	"--global-option":   {"", true, refused, hintBuild, ""},
	"--config-settings": {"C", true, refused, hintBuild, "--config-setting"},
}

const (
	hintIndex = "remove the line; the definition says which index packages come from, with its login and certificates"
	hintBuild = "build a wheel with it, and put that on an index"
)

// An option is one of pip's, by its long name.
type option struct{ name, value string }

// splitOptions divides a line before the first word that begins with a dash. Only spaces divide words there.
func splitOptions(line string) (requirement, options string) {
	words := strings.Split(line, " ")
	for i, word := range words {
		if strings.HasPrefix(word, "-") {
			return strings.Join(words[:i], " "), strings.Join(words[i:], " ")
		}
	}
	return line, ""
}

// parseOptions reads options as Python's optparse does: values after a space or "=", long names shortened as long as they are clear.
func parseOptions(text string) (all []option, err error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(words); i++ {
		word := words[i]
		var name, value string
		attached := false
		switch {
		case strings.HasPrefix(word, "--") && len(word) > 2:
			name, value, attached = strings.Cut(word, "=")
			if name, err = longName(name); err != nil {
				return nil, err
			}
		case strings.HasPrefix(word, "-") && len(word) > 1 && word[1] != '-':
			for long, kind := range kinds {
				if kind.short == word[1:2] {
					name = long
				}
			}
			value, attached = word[2:], len(word) > 2
			if name == "" {
				return nil, unknown(word)
			}
		default:
			return nil, artifact.Hint(fmt.Errorf("unexpected %s among options", abridged(word)), "write one requirement a line, and its options after it")
		}
		switch kind := kinds[name]; {
		case kind.value && !attached && i+1 == len(words):
			return nil, artifact.Hint(fmt.Errorf("%s needs a value", name), "write it after a space or =")
		case kind.value && !attached:
			i++
			value = words[i]
		case !kind.value && attached:
			return nil, artifact.Hint(fmt.Errorf("%s takes no value", name), "remove %q", value)
		}
		all = append(all, option{name, value})
	}
	return all, nil
}

// longName completes the name of an option.
func longName(text string) (string, error) {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		other := kinds[name].otherName
		if name == text || other == text {
			return name, nil
		}
		if strings.HasPrefix(name, text) || other != "" && strings.HasPrefix(other, text) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", unknown(text)
	case 1:
		return found[0], nil
	}
	return "", artifact.Hint(fmt.Errorf("option %s may be %s", text, strings.Join(found, " or ")), "write the whole name")
}

func unknown(text string) error {
	return artifact.Hint(fmt.Errorf("unknown option %s", abridged(text)), "requirements files have -r, -c, --hash, --pre and --require-hashes")
}

// splitWords splits as a shell does: white space between words, quotes around them, backslashes before characters.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	begun := false
	quote := rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, artifact.Hint(fmt.Errorf("the quotes in %s are not closed", abridged(text)), "close them, or write the value without quotes")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
