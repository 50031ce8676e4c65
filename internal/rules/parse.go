package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Limits of a file.
const (
	MaxSize   = 4 << 20   // bytes
	MaxRules  = 100_000   // entries
	MaxReason = 500       // bytes
	maxValues = 1_000_000 // of all conditions, aliases written out
)

const example = "write, for example: rules: [ deny: { package: telnet*, reason: \"policy 4.2\" } ]"

// Parse reads a file of rules. kinds are all that the program knows, whether or not an image has
// items of them. file is the name of the file in errors; its last element is the one
// in Verdict.Rule.
func Parse(file string, data []byte, kinds []Kind) (*Rules, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%s: %d bytes are more than %d", file, len(data), MaxSize)
	}
	if !utf8.Valid(data) {
		return nil, notUTF8(file, data)
	}
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		if strings.HasSuffix(err.Error(), "the file is empty") {
			err = artifact.Hint(err, "%s", example)
		}
		return nil, err
	}
	p := &parser{Rules: newRules(kinds), base: filepath.Base(file)}
	p.ruleKeys = slices.Concat(p.properties, keysOfAll)
	p.entryKeys = slices.Concat(p.ruleKeys, []string{"allow", "deny"})
	if err := p.document(doc); err != nil {
		return nil, err
	}
	return p.Rules, nil
}

func newRules(kinds []Kind) *Rules {
	r := &Rules{kinds: kinds}
	for _, k := range kinds {
		r.properties = append(r.properties, propertiesOf(k)...)
	}
	slices.Sort(r.properties)
	r.properties = slices.Compact(r.properties)
	for _, k := range kinds {
		columns := make([]int, len(r.properties))
		for i, property := range r.properties {
			columns[i] = slices.Index(propertiesOf(k), property)
		}
		r.columns = append(r.columns, columns)
	}
	return r
}

// propertiesOf returns the kind's own properties; a kind may have none.
func propertiesOf(kind Kind) []string {
	if ruler, able := artifact.Able[artifact.Ruler](kind); able {
		return ruler.Properties()
	}
	return nil
}

type parser struct {
	*Rules
	base   string // name of the file
	zone   *time.Location
	values int // so far

	ruleKeys, entryKeys []string // what a rule may have, and what is put into the place of its dash
}

// fileKeys are the keys of a file of rules.
var fileKeys = []string{"date", "default", "zone", "rules"}

func (p *parser) document(doc artifact.Section) error {
	parts, err := doc.Keys(fileKeys)
	if err != nil {
		return err
	}
	if parts["rules"] == nil && parts["default"] == nil {
		return artifact.Hint(doc.Errorf("there are no rules"), "%s", example)
	}
	p.zone = time.UTC
	if s := parts["zone"]; s != nil {
		if p.zone, err = one(s, parseZone); err != nil {
			return err
		}
	}
	if s := parts["date"]; s != nil {
		if p.Date, err = one(s, func(text string) (time.Time, error) {
			t, _, err := parseMoment(text, p.zone)
			return t.UTC(), err
		}); err != nil {
			return err
		}
	}
	last := rule{verdict: Verdict{Allowed: true, Rule: DefaultRule}}
	if s := parts["default"]; s != nil {
		if last.verdict.Allowed, err = one(s, parseAction); err != nil {
			return err
		}
	}
	if s := parts["rules"]; s != nil {
		var entries []artifact.Section
		if err := s.Decode(&entries); err != nil {
			return artifact.Hint(err, "%s", example)
		}
		if len(entries) > MaxRules {
			return s.Errorf("%d rules are more than %d", len(entries), MaxRules)
		}
		p.rules = make([]rule, 0, len(entries)+1)
		for _, e := range entries {
			if err := p.entry(e); err != nil {
				return err
			}
		}
	}
	p.rules = append(p.rules, last)
	return nil
}

func parseAction(text string) (allowed bool, err error) {
	if text != "allow" && text != "deny" {
		return false, artifact.Hint(fmt.Errorf("%q is not a default", text), "write allow or deny")
	}
	return text == "allow", nil
}

// one reads the single text of a section.
func one[T any](s artifact.Section, parse func(string) (T, error)) (T, error) {
	var text strictyaml.Scalar
	if err := s.Decode(&text); err != nil {
		var none T
		return none, err
	}
	v, err := parse(string(text))
	if err != nil {
		err = s.Errorf("%w", err)
	}
	return v, err
}

// each reads a text or a list of texts.
func (p *parser) each(s artifact.Section, f func(text string) error) (texts []string, err error) {
	var list []artifact.Section
	if s.Decode(&list) != nil {
		list = []artifact.Section{s}
	} else if len(list) == 0 {
		return nil, artifact.Hint(s.Errorf("the list is empty"), "leave out the key where any value will do")
	}
	if p.values += len(list); p.values > maxValues {
		return nil, s.Errorf("the file has more than %d values", maxValues)
	}
	for _, item := range list {
		text, err := one(item, func(text string) (string, error) {
			if text == "" || strings.TrimSpace(text) != text || hasControls(text) {
				return "", fmt.Errorf("%q is empty, or has space around it or control characters in it", text)
			}
			return text, f(text)
		})
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// notUTF8 names the line.
func notUTF8(file string, data []byte) error {
	line := 1
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		rest = rest[n:]
	}
	return artifact.Hint(fmt.Errorf("%s:%d: not UTF-8", file, line), "save the file as UTF-8")
}
