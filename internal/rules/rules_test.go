package rules_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/rules"
)

// wheel is a second kind, with a property of the first and one of its own.
type wheel struct{}

func (wheel) Name() string         { return "wheel" }
func (wheel) Properties() []string { return []string{"tag", "section"} }
func (wheel) PropertiesOf(a *artifact.Item) [][]string {
	return [][]string{a.Attributes.Values("channel"), {"python"}}
}
func (wheel) ParseVersions(condition string) (func(string) bool, error) {
	want, ok := strings.CutPrefix(condition, "~=")
	if !ok {
		return nil, fmt.Errorf("version %q: want ~=", condition)
	}
	return func(v string) bool { return strings.HasPrefix(v, want) }, nil
}

var (
	onlyDebian = []rules.Kind{debian.Kind{}}
	bothKinds  = []rules.Kind{debian.Kind{}, wheel{}}
)

// deb makes an artifact of "name version architecture section suite/component source".
func deb(t testing.TB, line string) artifact.Item {
	t.Helper()
	f := strings.Fields(line)
	if len(f) < 6 {
		t.Fatal(line)
	}
	return artifact.Item{Kind: "debian", Source: "debian", Name: f[0], Version: f[1], Metadata: []string{"Section: " + f[3], "Source: " + f[5]}, Attributes: artifact.Attributes{{Name: "architecture", Values: []string{f[2]}}, {Name: "channel", Values: f[4:5]}}}
}

func propertiesOf(kinds []rules.Kind, artifacts []artifact.Item) func(int) [][]string {
	return func(i int) [][]string {
		for _, k := range kinds {
			if k.Name() == artifacts[i].Kind {
				return k.(artifact.Ruler).PropertiesOf(&artifacts[i])
			}
		}
		return nil
	}
}

func parse(t testing.TB, text string, kinds []rules.Kind) *rules.Rules {
	t.Helper()
	r, err := rules.Parse("/etc/minimirror/rules.yaml", []byte(text), kinds)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

var monday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestVerdict(t *testing.T) {
	carried := []artifact.Item{
		deb(t, "telnet 0.17 all net bookworm/main inetutils"),
		deb(t, "telnetd 0.17 amd64 net bookworm/main inetutils"),
		deb(t, "openssh-sftp-server 1:9.2 amd64 net bookworm/main openssh"),
		deb(t, "openssl 3.0.14-1~deb12u1 amd64 utils bookworm/main openssl"),
		deb(t, "openssl 3.0.15-1~deb12u1 arm64 utils bookworm-security/main openssl"),
		deb(t, "linux-image-amd64 6.1.90-1 amd64 kernel bookworm/main linux"),
		deb(t, "frozen-bubble 2.2 amd64 contrib/games bookworm/contrib frozen-bubble"),
		deb(t, "bash-dbgsym 5.2 amd64 debug bookworm-debug/main bash"),
		{Kind: "wheel", Name: "requests", Version: "2.31", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"any"}}, {Name: "channel", Values: []string{"py3", "py2"}}}},
	}
	for _, c := range []struct{ name, rules, denied string }{
		{"no rules", "rules: []", ""},
		{"only a default", "default: deny", "telnet telnetd openssh-sftp-server openssl openssl linux-image-amd64 frozen-bubble bash-dbgsym requests"},
		{"a glob", "rules: [{deny: {package: telnet*}}]", "telnet telnetd"},
		{"whole names", "rules: [{deny: {package: [telnet, ftp, sftp]}}]", "telnet"},
		{"no substrings", "rules: [{deny: {package: [elne, '*elne', 'elne*']}}]", ""},
		{"suffix", `rules: [{deny: {package: "*-dbgsym"}}]`, "bash-dbgsym"},
		{"middle", `rules: [{deny: {package: "*-image-*"}}]`, "linux-image-amd64"},
		{"class", `rules: [{deny: {package: "[!-z]*"}}]`, "error"},
		{"class, right", `rules: [{deny: {package: "[^a-p]*"}}]`, "telnet telnetd requests"},
		{"question mark", `rules: [{deny: {package: "telnet?"}}]`, "telnetd"},
		{"case counts", "rules: [{deny: {package: Telnet}}]", ""},
		{"version", `rules: [{deny: {kind: debian, package: openssl, version: "<< 3.0.15-1~deb12u1"}}]`, "openssl"},
		{"one of the versions", `rules: [{deny: {package: "*", version: ["<< 0.18", ">= 1:9"], kind: debian}}]`, "telnet telnetd openssh-sftp-server"},
		{"version of one kind", `rules: [{deny: {package: "*", kind: wheel, version: ~=2}}]`, "requests"},
		{"version of no kind", `rules: [{deny: {package: "*", version: "<< 0.18"}}]`, "telnet telnetd"},
		{"version in words of one kind", `rules: [{deny: {package: "*", version: ~=2}}]`, "error"},
		{"source", `rules: [{deny: {source: [linux, "openss?"]}}]`, "openssh-sftp-server openssl openssl linux-image-amd64"},
		{"and", "rules: [{deny: {source: inetutils, architecture: amd64}}]", "telnetd"},
		{"section", "rules: [{deny: {section: games}}]", "frozen-bubble"},
		{"section with its area", "rules: [{deny: {section: contrib/*}}]", "frozen-bubble"},
		{"property of two kinds", "rules: [{deny: {section: [games, python]}}]", "frozen-bubble requests"},
		{"property of two kinds, one named", "rules: [{deny: {section: [games, python], kind: wheel}}]", "requests"},
		{"properties of no common kind", "rules: [{deny: {suite: x, tag: y}}]", "error"},
		{"property with several values", "rules: [{deny: {tag: py2}}]", "requests"},
		{"any value", `rules: [{deny: {tag: "*"}}]`, "requests"},
		{"suite", "rules: [{deny: {suite: bookworm-*}}]", "openssl bash-dbgsym"},
		{"component", "rules: [{deny: {component: [contrib, non-free*]}}]", "frozen-bubble"},
		{"kind", "rules: [{deny: {kind: wheel}}]", "requests"},
		{"kinds", "rules: [{deny: {kind: ['w*', debian], architecture: [all, any]}}]", "telnet requests"},
		{"first match wins", "rules: [{allow: {package: telnetd}}, {deny: {package: telnet*}}, {allow: {package: telnet}}]", "telnet"},
		{"allow list", "default: deny\nrules: [{allow: {kind: debian}}]", "requests"},
		{"a client of the network", "rules: [{deny: {package: telnet*, client: 10.0.0.0/8}}]", "telnet telnetd"},
		{"a client of another network", "rules: [{deny: {package: telnet*, client: [10.9.0.0/16, '2001:db8::/32']}}]", ""},
		{"within the time", "rules: [{deny: {package: telnet*, time: Mon-Fri 08:00-18:00}}]", "telnet telnetd"},
		{"outside the time", "rules: [{deny: {package: telnet*, time: [Tue-Sun, 13:00-11:59]}}]", ""},
		{"within the dates", "rules: [{deny: {package: telnet*, from: 2026-11-23, until: 2026-11-23}}]", "telnet telnetd"},
		{"before from", "rules: [{deny: {package: telnet*, from: 2026-11-24}}]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := rules.Parse("rules.yaml", []byte(c.rules), bothKinds)
			if c.denied == "error" {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var denied []string
			table := r.Apply(carried, propertiesOf(bothKinds, carried))
			for i := range carried {
				if v := table.Verdict(i, netip.MustParseAddr("::ffff:10.1.2.3"), monday); !v.Allowed {
					denied = append(denied, carried[i].Name)
				}
			}
			if got := strings.Join(denied, " "); got != c.denied {
				t.Errorf("denied %q, want %q", got, c.denied)
			}
		})
	}
}

// TestOnce holds what is easily counted twice, or taken for a match.
func TestOnce(t *testing.T) {
	carried := []artifact.Item{deb(t, "a 1 amd64 s bookworm/main a"), {Kind: "debian", Name: "b", Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"all"}}}}}
	r := parse(t, `rules:
  - deny: { package: [a, a*, "*a"], client: 10.0.0.0/8 }
  - deny: { section: "*" }
`, onlyDebian)
	table := r.Apply(carried, propertiesOf(onlyDebian, carried))
	if got := fmt.Sprint(table.Decides()); got != "[1 1 1]" {
		t.Error(got)
	}
	if !table.Absent(0) || table.Absent(1) {
		t.Error("a package without section matches a condition on sections")
	}
}

func TestUnused(t *testing.T) {
	carried := []artifact.Item{deb(t, "a 1 amd64 s bookworm/main a"), deb(t, "a 2 amd64 s bookworm/main a"), deb(t, "b 1 amd64 s bookworm/main b")}
	r := parse(t, `rules:
  - deny: { package: a }
  - allow: { source: [a, x] }
  - deny: { package: aa, client: 10.0.0.0/8 }
  - deny: { package: a, version: "<< 2" }
  - allow: { package: b, until: 2026-11-22 }
  - allow: { package: b, until: 2026-11-23 }
`, onlyDebian)
	properties := propertiesOf(onlyDebian, carried)
	table := r.Apply(carried, properties)
	got := table.Unused(carried, properties)
	if len(got) != 3 || got[0].Position != "rules.yaml:3" || got[0].Matches != 2 || got[0].Before != "rules.yaml:2" ||
		got[1].Matches != 0 || got[1].Before != "" || got[2].Matches != 1 {
		t.Errorf("unused: %+v", got)
	}
	at, _ := r.At(monday)
	got = at.Apply(carried, properties).Unused(carried, properties)
	if len(got) != 4 || got[0].Idle || got[3].Position != "rules.yaml:6" || !got[3].Idle || got[3].Matches != 1 || got[3].Before != "" {
		t.Errorf("unused on a day: %+v", got)
	}
}

func TestTable(t *testing.T) {
	carried := []artifact.Item{
		deb(t, "a 1 amd64 s bookworm/main a"), deb(t, "b 1 amd64 s bookworm/main b"),
		deb(t, "c 1 amd64 s bookworm/main c"), deb(t, "d 1 amd64 s bookworm/main d"),
	}
	r := parse(t, `date: 2026-11-21T10:00:00Z
default: allow
rules:
  - deny: { package: a, client: 10.0.0.0/8, reason: not from there }
  - deny: { package: [a, b] }
  - allow: { package: c, client: 10.1.0.0/16 }
  - deny:
      package: c
      reason: "only the lab"
  - deny: { package: b }
`, onlyDebian)
	if !r.Date.Equal(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)) || r.Len() != 5 || r.NeedsProperties() {
		t.Fatal(r.Date, r.Len(), r.NeedsProperties())
	}
	table := r.Apply(carried, nil)
	lab, other := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("192.0.2.1")
	for i, want := range []struct {
		lab, other  rules.Verdict
		absent      bool
		conditional string
	}{
		{rules.Verdict{Allowed: false, Rule: "rules.yaml:4", Reason: "not from there"}, rules.Verdict{Allowed: false, Rule: "rules.yaml:5", Reason: ""}, true, ""},
		{rules.Verdict{Allowed: false, Rule: "rules.yaml:5", Reason: ""}, rules.Verdict{Allowed: false, Rule: "rules.yaml:5", Reason: ""}, true, ""},
		{rules.Verdict{Allowed: true, Rule: "rules.yaml:6", Reason: ""}, rules.Verdict{Allowed: false, Rule: "rules.yaml:7", Reason: "only the lab"}, false, "rules.yaml:6"},
		{rules.Verdict{Allowed: true, Rule: "default", Reason: ""}, rules.Verdict{Allowed: true, Rule: "default", Reason: ""}, false, ""},
	} {
		if v := table.Verdict(i, lab, monday); v != want.lab {
			t.Errorf("%d: lab: %+v, want %+v", i, v, want.lab)
		}
		if v := table.Verdict(i, other, monday); v != want.other {
			t.Errorf("%d: other: %+v, want %+v", i, v, want.other)
		}
		if table.Absent(i) != want.absent {
			t.Errorf("%d: absent is %v", i, !want.absent)
		}
		if rule, ok := table.Conditional(i); rule != want.conditional || ok != (want.conditional != "") {
			t.Errorf("%d: conditional: %q, want %q", i, rule, want.conditional)
		}
	}
	if allowed, denied, conditional := table.Counts(); allowed != 1 || denied != 2 || conditional != 1 {
		t.Error(allowed, denied, conditional)
	}
	if got := fmt.Sprint(table.Decides()); got != "[1 2 1 1 0 1]" {
		t.Error(got)
	}
	if got := table.Unused(carried, nil); len(got) != 1 || got[0].Position != "rules.yaml:10" || got[0].Matches != 1 || got[0].Before != "rules.yaml:5" {
		t.Error(got)
	}
	want := []rules.Listed{
		{"rules.yaml:4", "deny", "package a, client 10.0.0.0/8", "not from there"},
		{"rules.yaml:5", "deny", "package a or b", ""},
		{"rules.yaml:6", "allow", "package c, client 10.1.0.0/16", ""},
		{"rules.yaml:7", "deny", "package c", "only the lab"},
		{"rules.yaml:10", "deny", "package b", ""},
		{"default", "allow", "everything else", ""},
	}
	if got := r.List(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { table.Verdict(0, lab, monday); table.Verdict(2, other, monday) }); n != 0 {
		t.Errorf("a verdict allocates %v times", n)
	}
}
