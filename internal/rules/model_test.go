package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/rules"
)

// A modelRule is a rule as it is written.
type modelRule struct {
	allow bool
	keys  map[string][]string
}

// A model judges by going through all rules for each question.
type model struct {
	allow bool
	rules []modelRule
}

func (m *model) yaml() string {
	b := strings.Builder{}
	action := map[bool]string{true: "allow", false: "deny"}
	fmt.Fprintf(&b, "default: %s\nrules:\n", action[m.allow])
	for _, r := range m.rules {
		written := map[string]any{}
		for key, values := range r.keys {
			if written[key] = values; len(values) == 1 {
				written[key] = values[0]
			}
		}
		keys, _ := json.Marshal(written)
		fmt.Fprintf(&b, "  - %s: %s\n", action[r.allow], keys)
	}
	return b.String()
}

// static tells whether the conditions on the artifact hold.
func (r *modelRule) static(a *artifact.Item) bool {
	values := map[string][]string{"kind": {a.Kind}, "package": {a.Name}, "architecture": {a.Architecture()}}
	var kind rules.Kind
	for _, k := range bothKinds {
		if k.Name() == a.Kind {
			kind = k
			ruler := k.(artifact.Ruler)
			for i, v := range ruler.PropertiesOf(a) {
				values[ruler.Properties()[i]] = v
			}
		}
	}
	for key, wanted := range r.keys {
		switch key {
		case "client", "time", "from", "until":
			continue
		case "kind", "version":
			if kind == nil { // none that the rules know
				return false
			}
		}
		if key == "version" {
			if !slices.ContainsFunc(wanted, func(w string) bool {
				holds, err := kind.(artifact.Versioner).ParseVersions(w)
				return err == nil && holds(a.Version)
			}) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(wanted, func(w string) bool {
			return slices.ContainsFunc(values[key], func(v string) bool { return modelGlob(w).MatchString(v) })
		}) {
			return false
		}
	}
	return true
}

var modelGlobs = map[string]*regexp.Regexp{}

func modelGlob(pattern string) *regexp.Regexp {
	if modelGlobs[pattern] == nil {
		modelGlobs[pattern] = regexp.MustCompile(`\A` + strings.NewReplacer("*", ".*", "?", ".", "+", `\+`, ".", `\.`).Replace(pattern) + `\z`)
	}
	return modelGlobs[pattern]
}

func (r *modelRule) conditional() bool {
	return r.keys["client"] != nil || r.keys["time"] != nil || r.keys["from"] != nil || r.keys["until"] != nil
}

// dynamic tells whether the conditions on the request hold. Times are whole days, or hours that don't pass midnight.
func (r *modelRule) dynamic(client netip.Addr, now time.Time) bool {
	if wanted := r.keys["client"]; wanted != nil && !slices.ContainsFunc(wanted, func(w string) bool {
		return netip.MustParsePrefix(w).Contains(client.Unmap())
	}) {
		return false
	}
	if wanted := r.keys["time"]; wanted != nil && !slices.ContainsFunc(wanted, func(w string) bool {
		day, hours, _ := strings.Cut(w, " ")
		begin, end, _ := strings.Cut(hours, "-")
		clock := now.Format("15:04")
		return now.Format("Mon") == day && begin <= clock && clock < end
	}) {
		return false
	}
	if from := r.keys["from"]; from != nil && now.Format(time.DateOnly) < from[0] {
		return false
	}
	until := r.keys["until"]
	return until == nil || now.Format(time.DateOnly) <= until[0]
}

func (m *model) verdict(a *artifact.Item, client netip.Addr, now time.Time) (bool, string) {
	for i, r := range m.rules {
		if r.static(a) && r.dynamic(client, now) {
			return r.allow, fmt.Sprintf("rules.yaml:%d", i+3)
		}
	}
	return m.allow, "default"
}

// outcomes walks every path: a conditional rule holds, or it does not.
func (m *model) outcomes(a *artifact.Item, from int) (allow, deny bool) {
	for i := from; i < len(m.rules); i++ {
		r := m.rules[i]
		if !r.static(a) {
			continue
		}
		allow, deny = r.allow, !r.allow
		if r.conditional() {
			allowElse, denyElse := m.outcomes(a, i+1)
			return allow || allowElse, deny || denyElse
		}
		return allow, deny
	}
	return m.allow, !m.allow
}

func randomModel(random *rand.Rand) *model {
	pick := func(n int, from ...string) (list []string) {
		for range 1 + random.IntN(n) {
			list = append(list, from[random.IntN(len(from))])
		}
		return list
	}
	names := []string{"aa", "ab", "abc", "ba", "b+a", "a*", "*a", "a*c", "*b*", "?b", "a?c", "*", "*b*c", "x"}
	m := &model{allow: random.IntN(2) == 0}
	for range 1 + random.IntN(12) {
		keys := map[string][]string{}
		for _, key := range []string{"package", "source", "section", "suite", "architecture", "kind", "version", "client", "time", "from", "until"} {
			if random.IntN(5) != 0 {
				continue
			}
			switch key {
			case "architecture":
				keys[key] = pick(2, "amd64", "a*", "all", "*")
			case "kind":
				keys[key] = pick(2, "debian", "wheel", "*")
			case "client":
				keys[key] = pick(3, "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "0.0.0.0/0")
			case "time":
				keys[key] = pick(2, "Mon 08:00-12:00", "Mon 10:00-18:00", "Sun 00:00-24:00")
			case "from", "until":
				keys[key] = pick(1, "2026-11-22", "2026-11-23")
			case "version":
				keys["kind"] = []string{"debian"}
				keys[key] = pick(2, "<< 2", ">= 2~rc1", "= 1")
				keys["package"] = pick(3, names...)
			case "suite":
				keys[key] = pick(2, "s1", "s*")
			default:
				keys[key] = pick(3, names...)
			}
		}
		if len(keys) == 0 {
			keys["package"] = pick(3, names...)
		}
		if keys["from"] != nil && keys["until"] != nil && keys["from"][0] > keys["until"][0] {
			delete(keys, "from")
		}
		m.rules = append(m.rules, modelRule{random.IntN(2) == 0, keys})
	}
	return m
}

// TestModel compares tables of random rules with the model, from several goroutines at a time.
func TestModel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var carried []artifact.Item
	for range 60 {
		words := []string{"aa", "ab", "abc", "ba", "b+a", "x", "abbc"}
		word := func() string { return words[random.IntN(len(words))] }
		carried = append(carried, deb(t, fmt.Sprintf("%s %s %s %s s%d/main %s", word(), []string{"1", "2~rc1", "2", "1:1"}[random.IntN(4)],
			[]string{"amd64", "all", "arm64"}[random.IntN(3)], []string{"aa", "b/aa", "ba"}[random.IntN(3)], random.IntN(3), word())))
		if random.IntN(5) == 0 {
			carried = append(carried, artifact.Item{Kind: "wheel", Name: word(), Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"any"}}, {Name: "channel", Values: []string{"aa", "x"}}}})
		}
	}
	carried = append(carried, artifact.Item{Kind: "unknown", Name: "aa", Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"all"}}}})
	clients := []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("::ffff:10.2.0.1"), netip.MustParseAddr("2001:db8::1"), {}}
	times := []time.Time{monday, monday.Add(-3 * time.Hour), monday.Add(-24 * time.Hour), monday.Add(24 * time.Hour), monday.Add(-48 * time.Hour)}
	for range 120 {
		m := randomModel(random)
		text := m.yaml()
		r, err := rules.Parse("rules.yaml", []byte(text), bothKinds)
		if err != nil {
			if strings.Contains(err.Error(), "have no s") { // kind: wheel, suite: …
				continue
			}
			t.Fatalf("%v\n%s", err, text)
		}
		table := r.Apply(carried, propertiesOf(bothKinds, carried))
		var allowed, denied, conditional int
		for i := range carried {
			a := &carried[i]
			allow, deny := m.outcomes(a, 0)
			switch {
			case allow && deny:
				conditional++
			case allow:
				allowed++
			default:
				denied++
			}
			if _, ok := table.Conditional(i); table.Absent(i) == allow || ok != (allow && deny) {
				t.Fatalf("%s %v: absent %v, conditional %v\n%s", a.Kind, a, table.Absent(i), ok, text)
			}
		}
		if a, d, c := table.Counts(); a != allowed || d != denied || c != conditional {
			t.Fatal(a, d, c, text)
		}
		type question struct {
			client netip.Addr
			now    time.Time
		}
		got := map[question][]rules.Verdict{}
		var wg sync.WaitGroup
		for _, client := range clients {
			for _, now := range times {
				answers := make([]rules.Verdict, len(carried))
				got[question{client, now}] = answers
				wg.Go(func() {
					for i := range carried {
						answers[i] = table.Verdict(i, client, now)
					}
				})
			}
		}
		wg.Wait()
		for q, answers := range got {
			for i, v := range answers {
				if allow, rule := m.verdict(&carried[i], q.client, q.now); v.Allowed != allow || v.Rule != rule {
					t.Fatalf("%s %v for %v at %v: %+v, want %v by %s\n%s", carried[i].Kind, &carried[i], q.client, q.now, v, allow, rule, text)
				}
			}
		}
	}
}
