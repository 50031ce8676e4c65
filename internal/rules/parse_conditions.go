package rules

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// fields reads the conditions on text. The one that names fewest items, as a rule, comes first.
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
		f.sort()
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

// relation is a condition that a rule may have without naming a kind, though not every kind can read it: a new kind leaves the rules of a site as
// they are. Of the kinds that cannot, it holds for no version.
var relation = regexp.MustCompile(`^\s*(<<|<=|=|>=|>>)\s*[^\s,|]+\s*$`)

func never(string) bool { return false }

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
		var wrong, unable error
		var right []string
		for i, k := range p.kinds {
			if r.kinds != nil && !r.kinds[i] {
				continue
			}
			versioner, err := artifact.Need[artifact.Versioner](k, "be compared by version")
			if err != nil {
				unable = err
				continue
			}
			holds, err := versioner.ParseVersions(text)
			if err == nil {
				right = append(right, k.Name())
				r.versions[i] = append(r.versions[i], holds)
				continue
			}
			if wrong == nil {
				wrong = err
			}
			r.versions[i] = append(r.versions[i], never)
		}
		if right != nil && r.kinds == nil && relation.MatchString(text) {
			return nil
		}
		if wrong != nil && right != nil {
			return artifact.Hint(fmt.Errorf("version %q is one for %s only", text, strings.Join(right, ", ")), "add kind: %s", right[0])
		}
		if wrong == nil && right == nil {
			return unable
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
