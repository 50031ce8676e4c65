package imagelist

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// lines reads a list: an image on each line, such as the output of "kubeadm config images list". A "#" begins a comment.
func (f *finder) lines(name string, data []byte) error {
	if bytes.IndexByte(data, 0) >= 0 {
		return artifact.Hint(fmt.Errorf("%s: not a text", name), "name a chart, manifests in YAML or JSON, a compose file, or a list with an image on each line")
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		text, _, _ := strings.Cut(line, "#")
		text = strings.TrimSpace(text)
		if rest, found := strings.CutPrefix(text, "- "); found { // a list of YAML
			text = strings.Trim(strings.TrimSpace(rest), `"'`)
		}
		if text == "" || text == "---" {
			continue
		}
		at := Place{File: name, Line: number}
		image, reason := parse(withDefaults(text))
		if reason == isUnset {
			f.skip(text, reason, at)
			continue
		}
		if reason != "" {
			return artifact.Hint(fmt.Errorf("%s: %q: %s", at, short(text), reason), "name a chart, manifests in YAML or JSON, a compose file, or a list with an image on each line")
		}
		f.put(image, at)
	}
	return nil
}

// short is the beginning of a text.
func short(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}

// imageLine is a line of YAML with a field for an image, which may be one of several in braces.
var imageLine = regexp.MustCompile(`^\s*(?:- )?(?:\{(?:.*,)?\s*)?"?image"?:\s+(.+?)\s*$`)

// parseLine returns the value of such a line. One that begins a mapping or a block has none.
func parseLine(line string) (text string, is bool) {
	match := imageLine.FindStringSubmatch(line)
	if match == nil {
		return "", false
	}
	text = match[1]
	if !strings.Contains(text, "{{") {
		text, _, _ = strings.Cut(" "+text, " #")
		text, _, _ = strings.Cut(text, ", ")
		text, _, _ = strings.Cut(text, " }")
		text = withDefaults(strings.Trim(strings.TrimSpace(text), `"',`))
	} else if n := len(text); n > 1 && text[0] == text[n-1] && strings.ContainsAny(text[:1], `"'`) {
		text = text[1 : n-1]
	}
	return text, text != "" && !strings.ContainsAny(text[:1], "&*{[|>") || strings.HasPrefix(text, "{{")
}

// templates reads the lines of a template: those that name an image without a template language are taken, the others named.
func (f *finder) templates(name string, data []byte) {
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if text, is := parseLine(line); is {
			f.add(text, Place{File: name, Line: number})
		}
	}
}
