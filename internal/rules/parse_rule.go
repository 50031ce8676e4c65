package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/minimirror/minimirror/internal/artifact"
)

// keysOfAll are the keys of rules, beside those of the kinds' properties.
var keysOfAll = []string{"kind", "package", "version", "architecture", "client", "time", "from", "until", "reason"}

// entry reads one entry of the list: its action, and what it is about.
func (p *parser) entry(s artifact.Section) error {
	if s.IsText() {
		return artifact.Hint(s.Errorf("want allow or deny, and what"), "%s", example)
	}
	parts, err := s.Keys(p.entryKeys)
	if err != nil {
		return err
	}
	allow, deny := parts["allow"], parts["deny"]
	delete(parts, "allow")
	delete(parts, "deny")
	switch {
	case allow != nil && deny != nil:
		return artifact.Hint(s.Errorf("both allow and deny in one rule"), "begin each with its own dash")
	case allow == nil && deny == nil:
		return artifact.Hint(s.Errorf("neither allow nor deny"), "%s", example)
	case len(parts) > 0:
		return artifact.Hint(s.Errorf("%s is not part of the rule", slices.Sorted(maps.Keys(parts))[0]), "indent it further than allow or deny")
	}
	body, allowed := deny, false
	if allow != nil {
		body, allowed = allow, true
	}
	if body.IsText() {
		return artifact.Hint(body.Errorf("want keys and values, not text"), "write { package: … }")
	}
	if parts, err = body.Keys(p.ruleKeys); err != nil {
		return err
	}
	position := s.Position()
	r := rule{verdict: Verdict{Allowed: allowed, Rule: p.base + position[strings.LastIndexByte(position, ':'):]}}
	if err := p.rule(&r, parts); err != nil {
		return err
	}
	if len(r.written) == 0 {
		return artifact.Hint(body.Errorf("a rule about everything"), "what no rule decides follows the default; package: \"*\" stands for every package")
	}
	p.rules = append(p.rules, r)
	return nil
}

// rule reads the conditions and the reason.
func (p *parser) rule(r *rule, parts map[string]artifact.Section) error {
	if s := parts["reason"]; s != nil {
		reason, err := one(s, parseReason)
		if err != nil {
			return err
		}
		r.verdict.Reason = reason
	}
	for _, step := range []func(*rule, map[string]artifact.Section) error{p.kind, p.fields, p.version, p.whenOf} {
		if err := step(r, parts); err != nil {
			return err
		}
	}
	return nil
}

func parseReason(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("the reason is empty")
	case len(text) > MaxReason:
		return "", fmt.Errorf("the reason has %d bytes, more than %d", len(text), MaxReason)
	case hasControls(text):
		return "", errors.New("the reason must be one line without control characters")
	}
	return text, nil
}

// hasControls reports whether a text has characters that a terminal or a log would not just show.
func hasControls(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// kind reads which kinds are meant, by name and by the properties that the rule has.
func (p *parser) kind(r *rule, parts map[string]artifact.Section) error {
	meant := make([]bool, len(p.kinds))
	for i := range meant {
		meant[i] = true
	}
	if s := parts["kind"]; s != nil {
		named := make([]bool, len(p.kinds))
		texts, err := p.each(s, func(text string) error {
			var pattern patterns
			if err := pattern.add(text); err != nil {
				return fmt.Errorf("kind %q: %w", text, err)
			}
			found := false
			for i, k := range p.kinds {
				if pattern.match([]string{k.Name()}) {
					named[i], found = true, true
				}
			}
			if !found {
				return artifact.Hint(fmt.Errorf("there is no kind %q", text), "kinds are %s", p.kindNames(meant))
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.kinds, meant = named, named
		r.written = append(r.written, condition{"kind", texts})
	}
	for at, property := range p.properties {
		if parts[property] == nil {
			continue
		}
		having := make([]bool, len(p.kinds))
		for i := range having {
			having[i] = meant[i] && p.columns[i][at] >= 0
		}
		if !slices.Contains(having, true) {
			return artifact.Hint(parts[property].Errorf("items of %s have no %s", p.kindNames(meant), property), "make a rule for each kind")
		}
		r.kinds, meant = having, having
	}
	return nil
}

func (p *parser) kindNames(which []bool) string {
	var names []string
	for i, k := range p.kinds {
		if which[i] {
			names = append(names, k.Name())
		}
	}
	return strings.Join(names, ", ")
}
