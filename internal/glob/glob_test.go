package glob

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

type example struct{ pattern, yes, no string }

func (c example) check(t *testing.T, parse func(string) (Pattern, error)) {
	t.Helper()
	p, err := parse(c.pattern)
	if err != nil {
		t.Fatal(c.pattern, err)
	}
	for _, s := range strings.Fields(c.yes) {
		if !p.Match(s) {
			t.Errorf("%q does not match %q", c.pattern, s)
		}
	}
	for _, s := range strings.Fields(c.no) {
		if p.Match(s) {
			t.Errorf("%q matches %q", c.pattern, s)
		}
	}
	if p.Match("") != (strings.Trim(c.pattern, "*") == "") {
		t.Errorf("%q on the empty text: %t", c.pattern, p.Match(""))
	}
}

func TestNames(t *testing.T) {
	for _, c := range []example{
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
		{"[^a-c]", "d é /", "a ab"},
		{`\*x\?`, "*x?", "ax?"},
		{`[\]\-\^]`, "] - ^", `\ a`},
		{"contrib/*", "contrib/games contrib/a/b", "contrib games"},
		{"*/games", "contrib/games", "games"},
		{"**a**", "a bab", "b"},
		{"g++-*", "g++-12", "gg-12 g-12"},
		{"lib[a-m]*[0-9]", "libc6 libbz2-1", "libx6 libc libc6-dev"},
		{"ab?*b", "abxb abbb", "abb"},
		{"?é*x", "aéx bébbx", "éx aex"},
		{Quote(`a*b?[c]\`), `a*b?[c]\`, `axb?[c]\`},
	} {
		c.check(t, Parse)
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []example{
		{"*", "a é -", "a/b /"},
		{"*.gz", "a.gz .gz", "a/b.gz"},
		{"bin/*/amd64/kubelet", "bin/linux/amd64/kubelet", "bin/amd64/kubelet bin/a/b/amd64/kubelet"},
		{"a?b", "axb", "a/b"},
		{"a[^x]b", "ayb", "a/b axb"},
		{"a[!-~]b", "", "a/b"},
		{"bin/**", "bin/a bin/a/b", "bin a/bin/b"},
		{"**", "a a/b a/b/c", ""},
		{"**.gz", "a.gz a/b.gz .gz a/.gz", "a.xz"},
		{"**/kubelet", "kubelet a/kubelet a/b/kubelet", "xkubelet a/xkubelet a/kubelet/b"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb a/b/c"},
		{"a**/b", "a/b ax/b ax/y/b", "ab"},
		{"**/a*/**/c?", "a/c1 x/ab/y/c2 a/b/a/c3 ab/c4", "ac1 a/c b/c1"},
		{"**/*-[0-9].iso", "a-1.iso x/y/b-2.iso", "x/a.iso a-1/b.iso"},
		{"**/**/b", "b a/b a/a/b", "ab"},
		{"**a*b", "ab aab x/ab ab/ab a/ab", "a/b a"},
		{Quote("a/*"), "a/*", "a/b"},
	} {
		if strings.Contains(c.pattern, "[!") {
			if _, err := ParsePath(c.pattern); err == nil || !strings.Contains(err.Error(), "[^…]") {
				t.Errorf("%q: %v", c.pattern, err)
			}
			continue
		}
		c.check(t, ParsePath)
	}
}

func TestArguments(t *testing.T) {
	all, err := ParseArguments([]string{"library/*", "bash"})
	if err != nil || len(all) != 2 || !all[0].Match("library/nginx/unit") || all[1].String() != "bash" {
		t.Errorf("%v, %v", all, err)
	}
	for _, wrong := range []string{"", "[", "a[", "[!a]"} {
		if _, err := ParseArguments([]string{"bash", wrong}); !errors.Is(err, artifact.ErrUsage) || !strings.Contains(err.Error(), fmt.Sprintf("%q", wrong)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                       "empty",
		"a[":                     "without its ]",
		"[]":                     "wrong place",
		"[a-]":                   "without its end",
		"[-a]":                   "wrong place",
		"[z-a]":                  "z-a is empty",
		`a\`:                     "backslash",
		"[!a]":                   "[^…]",
		strings.Repeat("a", 501): "longer than 500",
	} {
		for _, parse := range []func(string) (Pattern, error){Parse, ParsePath} {
			if _, err := parse(pattern); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", pattern, err, want)
			}
		}
	}
}

// definition translates a valid pattern into the regular expression that the package's comment describes.
func definition(pattern string, paths bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	unquote := func(s string) (r rune, rest string) {
		r, n := utf8.DecodeRuneInString(strings.TrimPrefix(s, `\`))
		return r, strings.TrimPrefix(s, `\`)[n:]
	}
	for rest, before := pattern, rune('/'); rest != ""; {
		last := before
		before = 0
		switch {
		case rest[0] == '*' && (!paths || strings.HasPrefix(rest, "**")):
			rest = strings.TrimLeft(rest, "*")
			if after, found := strings.CutPrefix(rest, "/"); found && paths && last == '/' {
				rest, before = after, '/'
				b.WriteString(`(?:.*/)?`)
			} else {
				b.WriteString(`.*`)
			}
		case rest[0] == '*':
			rest = rest[1:]
			b.WriteString(`[^/]*`)
		case rest[0] == '?':
			rest = rest[1:]
			b.WriteString(map[bool]string{true: `[^/]`, false: `.`}[paths])
		case rest[0] == '[':
			rest, _ = strings.CutPrefix(rest[1:], "^")
			not := strings.HasPrefix(pattern[len(pattern)-len(rest)-1:], "^")
			var ranges []string
			for rest[0] != ']' {
				var first, end rune
				first, rest = unquote(rest)
				end = first
				if rest[0] == '-' {
					end, rest = unquote(rest[1:])
				}
				if paths && !not && first <= '/' && '/' <= end {
					if first < '/' {
						ranges = append(ranges, fmt.Sprintf(`\x{%x}-\x{%x}`, first, '/'-1))
					}
					if first = '/' + 1; first > end {
						continue
					}
				}
				ranges = append(ranges, fmt.Sprintf(`\x{%x}-\x{%x}`, first, end))
			}
			rest = rest[1:]
			switch {
			case not && paths:
				b.WriteString(`[^/` + strings.Join(ranges, "") + `]`)
			case not:
				b.WriteString(`[^` + strings.Join(ranges, "") + `]`)
			case ranges == nil:
				b.WriteString(`[^\x{0}-\x{10ffff}]`)
			default:
				b.WriteString(`[` + strings.Join(ranges, "") + `]`)
			}
		default:
			before, rest = unquote(rest)
			b.WriteString(regexp.QuoteMeta(string(before)))
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// FuzzMatch compares patterns with their definition, and what they accept with path.Match.
func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{"a*b", "*a*", "[^a-c]?*x", `\*[\]a]`, "a[", "[a-]", "*ab*ab", "lib[0-9]*-?dev", "**/a*/**/b?", "a**/*[^x]b", "**a*b", "/**/", "***/[+-0]"} {
		for _, text := range []string{"libab-xdev", "x/ab/c/b1", "a/b/a/xb", "//", "ab"} {
			f.Add(pattern, text)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > maxPattern || pattern == "" {
			return
		}
		names, err := Parse(pattern)
		paths, again := ParsePath(pattern)
		if (err == nil) != (again == nil) {
			t.Fatalf("%q: %v for names, %v for paths", pattern, err, again)
		}
		if err != nil {
			return
		}
		if _, err := path.Match(pattern, text); err != nil {
			t.Fatalf("%q is accepted: path.Match says %v", pattern, err)
		}
		if want := definition(pattern, false).MatchString(text); names.Match(text) != want {
			t.Fatalf("%q on the name %q: want %t", pattern, text, want)
		}
		if want := definition(pattern, true).MatchString(text); paths.Match(text) != want {
			t.Fatalf("%q on the path %q: want %t", pattern, text, want)
		}
		if only, exact := paths.Exact(); exact && !paths.Match(only) {
			t.Fatalf("%q does not match %q", pattern, only)
		}
		if quoted, err := ParsePath(Quote(pattern)); err != nil || !quoted.Match(pattern) {
			t.Fatalf("%q, quoted: %v", pattern, err)
		}
	})
}

// TestEffort matches patterns on which backtracking over every star would not end.
func TestEffort(t *testing.T) {
	text := strings.Repeat("a", 5000) + "b" + strings.Repeat("a", 299)
	for _, parse := range []func(string) (Pattern, error){Parse, ParsePath} {
		for _, piece := range []string{"*a?", "**a?", "**/*a?"} {
			p, err := parse(strings.Repeat(piece, 75))
			if err != nil {
				t.Fatal(err)
			}
			p.Match(text) // either answer will do
		}
	}
}
