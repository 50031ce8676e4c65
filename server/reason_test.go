package server

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/rules"
)

func TestDenialPhrase(t *testing.T) {
	const place = "rules.yaml:7"
	for _, c := range []struct{ rule, reason, want string }{
		{place, "policy 4.2", "Denied: policy 4.2 (rules.yaml:7)"},
		{place, "", "Denied (rules.yaml:7)"},
		{rules.DefaultRule, "", "Denied: no rule allows it"},
		{place, "für Größe: naïve – “Łódź”…", `Denied: fur Grosse: naive - "Lodz"... (rules.yaml:7)`},
		{place, "禁止 4.2 禁止", "Denied: ... 4.2 ... (rules.yaml:7)"},
		{place, "禁止使用", "Denied (rules.yaml:7)"},
		{place, "禁止 / 使用!", "Denied (rules.yaml:7)"},
		{place, "см. PLAT-7", "Denied: .... PLAT-7 (rules.yaml:7)"},
		{place, "한글", "Denied (rules.yaml:7)"},
		{place, "e\u0301 o\u0308", "Denied: e o (rules.yaml:7)"},
		{"правила.yaml:7", "no", "Denied: no (....yaml:7)"},
		{strings.Repeat("r", 250) + ".yaml:12345", "no", "Denied: no (..." + strings.Repeat("r", 46) + ".yaml:12345)"},
		{place, strings.Repeat("a", 500), "Denied: " + strings.Repeat("a", 157) + "... (rules.yaml:7)"},
		// Rules have no such reasons; it would be safe if they had.
		{place, "a\r\nX: y\x00\x1b[1m\u202eb", "Denied: a X: y...[1m...b (rules.yaml:7)"},
	} {
		got := denialPhrase(rules.Verdict{Rule: c.rule, Reason: c.reason})
		if got != c.want {
			t.Errorf("%q, %q:\n%s, want\n%s", c.rule, c.reason, got, c.want)
		}
	}
}

// Whatever rules say, the phrase is one line of printable ASCII that apt does not cut.
func FuzzDenialPhrase(f *testing.F) {
	f.Add("rules.yaml:7", "policy 4.2")
	f.Add("\xff", "\u0340\x00ﷺ")
	f.Fuzz(func(t *testing.T, rule, reason string) {
		got := denialPhrase(rules.Verdict{Rule: rule, Reason: reason})
		if len(got) > 250 || !strings.HasPrefix(got, "Denied") || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q, %q: %q", rule, reason, got)
		}
	})
}
