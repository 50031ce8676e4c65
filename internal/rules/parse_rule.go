package rules

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/minimirror/minimirror/internal/artifact"
)

// keysOfAll are the keys that rules of every kind have; those of the properties come before "client".
var keysOfAll = []string{"kind", "package", "version", "architecture", "client", "time", "from", "until", "reason"}

// entry reads one entry of the list: its action, and what it is about.
func (p *parser) entry(s artifact.Section) error {
	keys := append(slices.Clone(keysOfAll), p.properties...)
	if s.IsText() {
		return artifact.Hint(s.Errorf("want allow or deny, and what"), "%s", example)
	}
	parts, err := s.Keys(append([]string{"allow", "deny"}, keys...))
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
	if parts, err = body.Keys(keys); err != nil {
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
			return artifact.Hint(parts[property].Errorf("artifacts of %s have no %s", p.kindNames(meant), property), "make a rule for each kind")
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

// fields reads the conditions on text. The one that names fewest artifacts, as a rule, comes first.
func (p *parser) fields(r *rule, parts map[string]artifact.Section) error {
	add := func(name string, key int) error {
		s := parts[name]
		if s == nil {
			return nil
		}
		f := field{key: key}
		texts, err := p.each(s, func(text string) error {
			if strings.HasPrefix(text, "!") {
				return artifact.Hint(fmt.Errorf("%s %q: there are no exceptions", name, text), "put a rule that decides it before this one")
			}
			if err := f.add(text); err != nil {
				return fmt.Errorf("%s %q: %w", name, text, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !f.any || key >= keyProperty { // "*" asks that there be the property
			r.fields = append(r.fields, f)
		}
		r.written = append(r.written, condition{name, texts})
		return nil
	}
	if err := add("package", keyPackage); err != nil {
		return err
	}
	for i, property := range p.properties {
		if parts[property] != nil {
			p.used = true
		}
		if err := add(property, keyProperty+i); err != nil {
			return err
		}
	}
	return add("architecture", keyArchitecture)
}

// version reads conditions in the words of each kind that the rule may be about.
func (p *parser) version(r *rule, parts map[string]artifact.Section) error {
	s := parts["version"]
	if s == nil {
		return nil
	}
	if parts["package"] == nil && !slices.ContainsFunc(p.properties, func(name string) bool { return parts[name] != nil }) {
		return artifact.Hint(s.Errorf("a version, but not of what"), "add package: NAME, or package: \"*\" if versions of all are meant")
	}
	r.versions = make([][]func(string) bool, len(p.kinds))
	texts, err := p.each(s, func(text string) error {
		var wrong error
		var right []string
		for i, k := range p.kinds {
			if r.kinds != nil && !r.kinds[i] {
				continue
			}
			holds, err := k.ParseVersions(text)
			if err == nil {
				right = append(right, k.Name())
				r.versions[i] = append(r.versions[i], holds)
			} else if wrong == nil {
				wrong = err
			}
		}
		if wrong != nil && right != nil {
			return artifact.Hint(fmt.Errorf("version %q is one for %s only", text, strings.Join(right, ", ")), "add kind: %s", right[0])
		}
		return wrong
	})
	r.written = append(r.written, condition{"version", texts})
	return err
}

// whenOf reads the conditions on the request.
func (p *parser) whenOf(r *rule, parts map[string]artifact.Section) error {
	w := when{zone: p.zone}
	var clients []netip.Prefix
	if s := parts["client"]; s != nil {
		texts, err := p.each(s, func(text string) error {
			n, err := parseNetwork(text)
			clients = append(clients, n)
			return err
		})
		if err != nil {
			return err
		}
		w.clients = makeNetworks(clients)
		r.written = append(r.written, condition{"client", texts})
	}
	if s := parts["time"]; s != nil {
		texts, err := p.each(s, func(text string) error {
			part, err := parseWindow(text)
			w.windows = append(w.windows, part)
			return err
		})
		if err != nil {
			return err
		}
		r.written = append(r.written, condition{"time", texts})
	}
	if err := p.dates(r, &w, parts); err != nil {
		return err
	}
	if w.clients != nil || w.windows != nil || !w.from.IsZero() || !w.until.IsZero() {
		r.when = &w
	}
	return nil
}

// dates reads from when until when a rule is in force: whole days, or times, of which the last is outside.
func (p *parser) dates(r *rule, w *when, parts map[string]artifact.Section) (err error) {
	read := func(key string) error {
		s := parts[key]
		if s == nil {
			return nil
		}
		text, err := one(s, func(text string) (string, error) {
			t, isDay, err := parseMoment(text, p.zone)
			if key == "from" {
				w.from = t
			} else if w.until = t; isDay {
				w.until = t.AddDate(0, 0, 1)
			}
			return text, err
		})
		if err != nil {
			return err
		}
		r.written = append(r.written, condition{key, []string{text}})
		return nil
	}
	if err = read("from"); err == nil {
		err = read("until")
	}
	if err == nil && !w.from.IsZero() && !w.until.IsZero() && !w.from.Before(w.until) {
		err = parts["until"].Errorf("until is not after from")
	}
	return err
}
