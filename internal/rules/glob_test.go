package rules

import (
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{"*", "a a/b é -", ""},
		{"telnet", "telnet", "telnetd xtelnet TELNET"},
		{"telnet*", "telnet telnetd telnet/x", "xtelnet"},
		{"*-dbgsym", "-dbgsym a-dbgsym", "a-dbgsym1 dbgsym"},
		{"lib*-dev", "lib-dev libx-dev lib-dev-dev", "lib-de libdev lib-dev1"},
		{"a*a", "aa aba aaa", "a ab"},
		{"*b*", "b abc", "ac"},
		{"*ab*bc*", "abbc xabxbcx", "abc bcab"},
		{"a*b*c*d", "abcd axbxcxd abcbcd", "abd acbd"},
		{"a?c", "abc a/c aéc", "ac abbc"},
		{"?*", "a ab", ""},
		{"[a-c0-9]x", "ax cx 5x", "dx x [x"},
		{"[^a-c]", "d é", "a ab"},
		{`\*x\?`, "*x?", "ax?"},
		{`[\]\-\^]`, "] - ^", `\ a`},
		{"contrib/*", "contrib/games contrib/a/b", "contrib games"},
		{"*/games", "contrib/games", "games"},
		{"**a**", "a bab", "b"},
		{"g++-*", "g++-12", "gg-12 g-12"},
		{"lib[a-m]*[0-9]", "libc6 libbz2-1", "libx6 libc libc6-dev"},
		{"ab?*b", "abxb abbb", "abb"},
		{"?é*x", "aéx bébbx", "éx aex"},
	} {
		g, err := parseGlob(c.pattern)
		if err != nil {
			t.Fatal(c.pattern, err)
		}
		for _, s := range strings.Fields(c.yes) {
			if !g.match(s) {
				t.Errorf("%q does not match %q", c.pattern, s)
			}
		}
		for _, s := range append(strings.Fields(c.no), "") {
			if g.match(s) && c.pattern != "*" {
				t.Errorf("%q matches %q", c.pattern, s)
			}
		}
	}
}

// FuzzGlob holds globs against path.Match, which knows slashes.
func FuzzGlob(f *testing.F) {
	for _, pattern := range []string{"a*b", "*a*", "[^a-c]?*x", `\*[\]a]`, "a[", "[a-]", "*ab*ab", "lib[0-9]*-?dev"} {
		f.Add(pattern, "libab-xdev")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		g, err := parseGlob(pattern)
		want, wantErr := path.Match(pattern, text)
		switch {
		case err == nil && wantErr != nil:
			t.Fatalf("%q is accepted", pattern)
		case err != nil || strings.Contains(pattern+text, "/"):
		case g.match(text) != want:
			t.Fatalf("%q on %q: %v", pattern, text, !want)
		}
	})
}

// TestGlobEffort matches a pattern on which backtracking over every star would not end.
func TestGlobEffort(t *testing.T) {
	g, err := parseGlob(strings.Repeat("*a?", 150))
	if err != nil {
		t.Fatal(err)
	}
	if g.match(strings.Repeat("a", 5000) + "b" + strings.Repeat("a", 299)) {
		return // either answer will do
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct{ window, inside, outside string }{
		{"Mon-Fri 08:00-18:00", "Mon 08:00,Fri 17:59", "Mon 07:59,Fri 18:00,Sat 12:00,Sun 12:00"},
		{"Fri-Mon", "Fri 00:00,Sat 12:00,Sun 12:00,Mon 23:59", "Tue 00:00,Thu 23:59"},
		{"sat,SUN", "Sat 00:00,Sun 23:59", "Fri 23:59,Mon 00:00"},
		{"Mon,Wed-Thu,Sat", "Mon 1:00,Wed 1:00,Thu 1:00,Sat 1:00", "Tue 1:00,Fri 1:00,Sun 1:00"},
		{"22:00-6:00", "Mon 22:00,Tue 05:59,Sun 00:00", "Mon 06:00,Mon 21:59"},
		{"Fri 22:00-06:00", "Fri 22:00,Sat 05:59", "Fri 05:59,Sat 06:00,Sat 22:00,Sun 01:00"},
		{"Sun 22:00-00:00", "Sun 22:00,Sun 23:59", "Mon 00:00,Sun 21:59"},
		{"Sun 20:00-24:00", "Sun 20:00,Sun 23:59", "Mon 00:00,Sun 00:00"},
		{"00:00-24:00", "Mon 00:00,Sun 23:59", ""},
		{"Sat 23:00-01:00", "Sat 23:00,Sun 00:59", "Sat 00:30,Sun 23:00"},
		{"  Mon   08:00-09:00 ", "Mon 08:30", "Tue 08:30"},
	} {
		w, err := parseWindow(c.window)
		if err != nil {
			t.Fatal(c.window, err)
		}
		for want, moments := range map[bool]string{true: c.inside, false: c.outside} {
			for moment := range strings.SplitSeq(moments, ",") {
				if moment == "" {
					continue
				}
				day, clock, _ := strings.Cut(moment, " ")
				at, err := time.Parse("15:04", clock)
				number, dayErr := parseDay(day)
				if err != nil || dayErr != nil {
					t.Fatal(err, dayErr)
				}
				if w.holds(time.Weekday(number), at.Hour()*60+at.Minute()) != want {
					t.Errorf("%q at %s: %v", c.window, moment, !want)
				}
			}
		}
	}
}
