package aptconf

import (
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// An aptEntry is one binary source of sources.list(5), in either format.
type aptEntry struct {
	line          int
	where         string
	uris          []string
	suites        []string
	components    []string
	architectures []string
	signedBy      string
	options       map[string]string // the others; names in lower case, as in one-line files
	skip          string            // why the entry can't be mirrored, if so
}

func (e *aptEntry) option(name string) string { return strings.ToLower(e.options[name]) }

// enabled reads an option that is on or off, in any of apt's words; what is neither leaves it as it is otherwise.
func (e *aptEntry) enabled(name string, otherwise bool) bool {
	switch e.option(name) {
	case "yes", "true", "with", "on", "enable", "1":
		return true
	case "no", "false", "without", "off", "disable", "0":
		return false
	}
	return otherwise
}

// check marks entries of a scheme that no mirror can be fetched through.
func (e *aptEntry) check() {
	for _, u := range e.uris {
		if scheme, _, _ := strings.Cut(u, ":"); scheme == "cdrom" {
			e.skip = "cdrom: can't be fetched"
		}
	}
}

// parseSourcesFile reads the deb822 format.
func parseSourcesFile(data []byte) ([]aptEntry, error) {
	paragraphs, err := deb822.ParseParagraphs(data)
	if err != nil {
		return nil, err
	}
	var entries []aptEntry
	for _, p := range paragraphs {
		line := p[0].Line
		if isNo(p.Get("Enabled")) || !hasWord(p.List("Types"), "deb") {
			continue
		}
		e := aptEntry{
			line: line, uris: p.List("URIs"), suites: p.List("Suites"), components: p.List("Components"),
			architectures: p.List("Architectures"), signedBy: strings.TrimSpace(p.Get("Signed-By")),
			options: make(map[string]string),
		}
		for _, name := range []string{"Trusted", "Check-Valid-Until", "Check-Date"} {
			e.options[strings.ToLower(name)] = normal(p.Get(name))
		}
		if len(e.uris) == 0 || len(e.suites) == 0 {
			return nil, fmt.Errorf("line %d: URIs or Suites is missing", line)
		}
		e.check()
		entries = append(entries, e)
	}
	return entries, nil
}

// parseSourcesList reads the one-line format: deb [options] uri suite components.
func parseSourcesList(data []byte) ([]aptEntry, error) {
	var entries []aptEntry
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		if kind == "" || kind == "deb-src" {
			continue
		}
		if kind != "deb" {
			return nil, fmt.Errorf("line %d: %q: want deb or deb-src", number, kind)
		}
		e := aptEntry{line: number, options: make(map[string]string)}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, closed := strings.Cut(rest[1:], "]")
			if !closed {
				return nil, fmt.Errorf("line %d: \"[\" without \"]\"", number)
			}
			for _, option := range strings.Fields(options) {
				name, value, _ := strings.Cut(option, "=")
				e.setOption(strings.ToLower(name), value)
			}
			rest = after
		}
		words := strings.Fields(rest)
		if len(words) < 2 {
			return nil, fmt.Errorf("line %d: want: deb URI SUITE [COMPONENT...]", number)
		}
		// A cdrom's name stands in brackets and may have spaces: nothing to split.
		e.uris, e.suites, e.components = words[:1], words[1:2], words[2:]
		e.check()
		entries = append(entries, e)
	}
	return entries, nil
}

func (e *aptEntry) setOption(name, value string) {
	switch name {
	case "arch":
		e.architectures = strings.Split(value, ",")
	case "signed-by":
		e.signedBy = value
	default:
		e.options[name] = normal(value)
	}
}

// normal writes apt's booleans as yes and no.
func normal(value string) string {
	switch strings.ToLower(value) {
	case "yes", "true", "with", "on", "enable", "1":
		return "yes"
	case "no", "false", "without", "off", "disable", "0":
		return "no"
	}
	return value
}

func isNo(value string) bool { return normal(value) == "no" }

func hasWord(words []string, want string) bool {
	for _, w := range words {
		if w == want {
			return true
		}
	}
	return false
}
