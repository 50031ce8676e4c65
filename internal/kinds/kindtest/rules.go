package kindtest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
)

// byName is a condition on the item that the fixture names.
func (m *mirror) byName(item *artifact.Item) string {
	return fmt.Sprintf("kind: %q, package: %q", item.Kind, item.Name)
}

// denied shows what becomes of an item that the rules deny to everybody: no list has it, and its files are refused by
// address, with the reason.
func (m *mirror) denied(t *testing.T) {
	item := m.item(t)
	rule := "deny: { " + m.byName(item) + ", reason: policy 4.2 }"
	s := m.serve(t, rule)
	for f := range item.Files {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := s.ask(t, someClient, method, s.address(item, f))
			a.is(t, method+" of what is denied", http.StatusForbidden, audit.Denied)
			a.names(t, item)
			if !strings.HasSuffix(a.audit.Rule, "rules.yaml:2") || a.audit.Reason != "policy 4.2" {
				t.Errorf("the audit trail names the rule %q, %q", a.audit.Rule, a.audit.Reason)
			}
			if method == http.MethodGet && !strings.Contains(string(a.body), "policy 4.2") {
				t.Errorf("a denial without its reason: %q", a.body)
			}
		}
	}
	if m.About != "" {
		a := s.get(t, m.About)
		if a.names(t, item); a.StatusCode/100 != 4 || a.audit.Verdict != audit.Denied || !strings.HasSuffix(a.audit.Rule, "rules.yaml:2") {
			t.Errorf("%s: %d, %+v", m.About, a.StatusCode, a.audit)
		}
		a = m.serve(t).get(t, m.About)
		a.is(t, m.About, http.StatusOK, audit.Allowed)
		a.names(t, item)
	}
	list := s.get(t, m.List)
	list.is(t, m.List, http.StatusOK, audit.Metadata)
	if strings.Contains(string(list.body), m.Listed) {
		t.Errorf("%s lists what is denied:\n%s", m.List, list.body)
	}
	if again := m.serve(t, rule).get(t, m.List); !bytes.Equal(again.body, list.body) {
		t.Errorf("another server with these rules has another %s", m.List)
	}
	for _, other := range m.items() {
		if other.Name != m.Item && !s.allowed(t, someClient, other) {
			t.Errorf("%s is denied by a rule about %s", other, item)
		}
	}
}

// deniedToClient shows that rules on clients hold for these, whether they see the item listed or not.
func (m *mirror) deniedToClient(t *testing.T) {
	item := m.item(t)
	s := m.serve(t, fmt.Sprintf("deny: { %s, client: %s, reason: not for you }", m.byName(item), otherClient))
	if !s.allowed(t, someClient, item) {
		t.Errorf("%s is denied to a client that no rule is about", item)
	}
	if s.allowed(t, otherClient, item) {
		t.Errorf("%s is allowed to the client that it is denied to", item)
	}
	for client, want := range map[string]bool{someClient: true, otherClient: !m.ListedByClient} {
		list := s.ask(t, client, http.MethodGet, m.List)
		list.is(t, m.List, http.StatusOK, audit.Metadata)
		if got := strings.Contains(string(list.body), m.Listed); got != want {
			t.Errorf("for %s, %s lists %s: %t, want %t", client, m.List, item, got, want)
		}
	}
	// What depends on the client is not for caches that clients share.
	if kept := s.ask(t, someClient, http.MethodGet, s.address(item, 0)).Header.Get("Cache-Control"); !strings.Contains(kept, "private") && !strings.Contains(kept, "no-store") {
		t.Errorf("Cache-Control: %s", kept)
	}
}

// properties shows that a rule on each property that the kind has denies the items with that value, and no others.
func (m *mirror) properties(t *testing.T) {
	ruler, able := artifact.Able[artifact.Ruler](m.Kind)
	if !able {
		return
	}
	for at, property := range ruler.Properties() {
		values := map[string]bool{}
		for _, item := range m.items() {
			for _, value := range ruler.PropertiesOf(item)[at] {
				values[value] = true
			}
		}
		if len(values) == 0 {
			t.Errorf("no item of the fixture has the property %s", property)
		}
		for value := range values {
			s := m.serve(t, fmt.Sprintf("deny: { %s: %q }", property, value))
			m.each(t, s, property+": "+value, func(item *artifact.Item) bool {
				return !slices.Contains(ruler.PropertiesOf(item)[at], value)
			})
		}
	}
}

// each checks of each item whether a client may have it. What is at an address may be had by whoever may have one of its items.
func (m *mirror) each(t *testing.T, s *site, what string, want func(*artifact.Item) bool) {
	t.Helper()
	may := map[string]bool{}
	for _, item := range m.items() {
		for f := range item.Files {
			may[s.address(item, f)] = may[s.address(item, f)] || want(item)
		}
	}
	for _, item := range m.items() {
		for f := range item.Files {
			address := s.address(item, f)
			if a := s.get(t, address); (a.audit.Verdict == audit.Allowed) != may[address] {
				t.Errorf("%s: %s is %s", what, address, a.audit.Verdict)
			}
		}
	}
}

// versions shows that rules compare versions as the kind does.
func (m *mirror) versions(t *testing.T) {
	item := m.item(t)
	if _, able := artifact.Able[artifact.Versioner](m.Kind); !able {
		return // see missingAbilities
	}
	for condition, holds := range m.Versions(item.Version) {
		s := m.serve(t, fmt.Sprintf("deny: { %s, version: %q }", m.byName(item), condition))
		m.each(t, s, "version "+condition, func(other *artifact.Item) bool { return other.Name != item.Name || !holds })
	}
	if _, err := m.start(t, fmt.Sprintf("deny: { %s, version: \"\\t\" }", m.byName(item))); err == nil {
		t.Error("a rule with a version that is none is taken")
	}
}

// missingAbilities shows that what a kind is not able to do is said, and not ignored.
func (m *mirror) missingAbilities(t *testing.T) {
	item, kind := m.item(t), m.Kind.Name()
	says := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s: %v, want an error that names the kind %s", what, err, kind)
		}
	}
	if _, able := artifact.Able[artifact.Versioner](m.Kind); !able {
		_, err := m.start(t, fmt.Sprintf("deny: { %s, version: %q }", m.byName(item), item.Version))
		says("a rule on versions", err)
	}
	if _, able := artifact.Able[artifact.Ruler](m.Kind); !able {
		for _, other := range m.Program {
			ruler, able := artifact.Able[artifact.Ruler](other)
			if able && len(ruler.Properties()) > 0 {
				_, err := m.start(t, fmt.Sprintf("deny: { kind: %q, %s: x }", kind, ruler.Properties()[0]))
				says("a rule on another kind's property", err)
			}
		}
	}
	if _, able := artifact.Able[artifact.Installer](m.Kind); !able {
		r, err := image.OpenReader(t.Context(), m.reference, image.Options{})
		must(t, err)
		defer r.Close()
		_, err = bootstrap.Select(t.Context(), r, m.Program, bootstrap.Request{Names: []string{item.Name}, Architecture: "amd64"})
		says("bootstrap", err)
	}
	if _, able := artifact.Able[artifact.Explainer](m.Kind); !able {
		_, err := builder.Why(m.definition, m.Program, item.Name)
		says("why", err)
	} else if reasons, err := builder.Why(m.definition, m.Program, item.Name); err != nil || len(reasons) == 0 || len(reasons[0].Chain) == 0 {
		t.Errorf("why %s: %v, %v", item.Name, reasons, err)
	}
}
