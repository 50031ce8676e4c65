package rules_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/rules"
)

func TestParseErrors(t *testing.T) {
	entry := func(s string) string { return "rules:\n  - deny: { " + s + " }\n" }
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "rules.yaml: the file is empty\nhint: write, for example:"},
		{"only a comment", "# rules\n", "rules.yaml: the file is empty\nhint:"},
		{"nothing", "---\n", "rules.yaml:2: want keys and values, not nothing"},
		{"a list", "- deny: {package: x}\n", "rules.yaml:1: want keys and values, not a list"},
		{"no rules", "date: 2026-11-21\n", "rules.yaml:1: there are no rules\nhint: write, for example:"},
		{"rules commented out", "rules:\n", "rules.yaml:1: want a list, not nothing"},
		{"unknown key", "ruels: []\n", `rules.yaml:1: unknown key "ruels": did you mean "rules"?`},
		{"duplicate key", "rules: []\nrules: []\n", `rules.yaml:2: duplicate key "rules": it is on line 1 already`},
		{"two documents", "rules: []\n---\nrules: []\n", "more than one document"},
		{"a wrong default", "default: drop\n", "rules.yaml:1: \"drop\" is not a default\nhint: write allow or deny"},
		{"a wrong date", "date: yesterday\nrules: []\n", "rules.yaml:1: \"yesterday\" is not a time\nhint: write 2026-11-21,"},
		{"an impossible date", "date: 2026-02-30\nrules: []\n", "rules.yaml:1: \"2026-02-30\" is not a time"},
		{"a wrong zone", "zone: Berlin\nrules: []\n", "rules.yaml:1: \"Berlin\" is not a time zone\nhint: write a name"},
		{"the server's zone", "zone: Local\nrules: []\n", "rules.yaml:1: \"Local\" is not a time zone"},
		{"a path as zone", "zone: ../../etc/passwd\nrules: []\n", "is not a time zone"},
		{"not UTF-8", "default: deny\n# caf\xe9\n", "rules.yaml:2: not UTF-8\nhint: save the file as UTF-8"},
		{"UTF-16", "\xff\xfer\x00u\x00", "rules.yaml:1: not UTF-8"},
		{"a tab", "rules:\n\t- deny: {package: x}\n", "rules.yaml:2: found"},
		{"a control character", "rules: []\n#\x00\n", "control characters are not allowed"},
		{"a star without quotes", "default: allow\nrules:\n  - deny: { package: *-dbgsym }\n", "rules.yaml:3: *-dbgsym without quotes\nhint: a pattern that begins with * must be in quotes: \"*-dbgsym\""},
		{"a lone star", entry("package: *"), "rules.yaml:2: did not find"},
		{"a class without quotes", "rules:\n  - deny:\n      package: [a-z]*\n", "hint: a pattern that begins with * or with [ must be in quotes"},
		{"an open bracket", entry("package: [a, b"), "hint: look for a bracket"},
		{"a merge key", "rules:\n  - deny: &a { package: x }\n  - deny: { <<: *a }\n", "rules.yaml:3: want a word as key"},

		{"an entry of text", "rules:\n  - deny telnet\n", "rules.yaml:2: want allow or deny, and what\nhint:"},
		{"an entry of nothing", "rules:\n  - \n", "rules.yaml:2: want keys and values, not nothing"},
		{"an empty entry", "rules:\n  - {}\n", "rules.yaml:2: neither allow nor deny\nhint:"},
		{"allow and deny", "rules:\n  - deny: { package: x }\n    allow: { package: y }\n", "rules.yaml:2: both allow and deny in one rule\nhint: begin each with its own dash"},
		{"a wrong action", "rules:\n  - dney: { package: x }\n", `rules.yaml:2: unknown key "dney": did you mean "deny"?`},
		{"not indented", "rules:\n  - deny:\n    package: x\n", "rules.yaml:2: package is not part of the rule\nhint: indent it further"},
		{"text for conditions", "rules:\n  - deny: telnet\n", "rules.yaml:2: want keys and values, not text\nhint: write { package: … }"},
		{"no conditions", entry(""), "rules.yaml:2: a rule about everything\nhint: what no rule decides"},
		{"only a reason", entry("reason: x"), "rules.yaml:2: a rule about everything"},
		{"unknown condition", entry("pakage: x"), `rules.yaml:2: unknown key "pakage": did you mean "package"?`},
		{"unknown property", entry("sektion: x"), `rules.yaml:2: unknown key "sektion": did you mean "section"?`},
		{"a property of no kind here", entry("tag: x"), `rules.yaml:2: unknown key "tag"`},
		{"duplicate condition", entry("package: x, package: y"), `rules.yaml:2: duplicate key "package"`},
		{"no value", entry("package: "), "rules.yaml:2: want text, not nothing"},
		{"an empty value", entry("package: ''"), "rules.yaml:2: \"\" is empty"},
		{"an empty list", entry("package: []"), "rules.yaml:2: the list is empty\nhint: leave out the key"},
		{"nothing in a list", "rules:\n  - deny:\n      package:\n        - a\n        -\n", "rules.yaml:5: want text, not nothing"},
		{"a list in a list", entry("package: [[a]]"), "rules.yaml:2: want text, not a list"},
		{"keys as value", entry("package: {a: b}"), "rules.yaml:2: want text, not keys and values"},
		{"a tag", entry("package: !x y"), "rules.yaml:2: want text, not !x"},
		{"space around", entry("package: ' x'"), "has space around it"},
		{"a line break", entry(`package: "x\ny"`), "control characters"},
		{"an exception", entry(`package: [openssl*, "!openssl-doc"]`), "package \"!openssl-doc\": there are no exceptions\nhint: put a rule"},
		{"an open class", entry("package: 'a[b'"), "package \"a[b\": a [ without its ]\nhint:"},
		{"an empty class", entry("package: 'a[]'"), "] in the wrong place"},
		{"another shell's class", entry("package: '[!a]*'"), "[! is not understood\nhint: write [^…]"},
		{"a hyphen in a class", entry("package: '[a-]'"), "a range without its end"},
		{"a class that begins with a hyphen", entry("package: '[-a]'"), "hint: write \\-"},
		{"a reversed range", entry("package: '[z-a]'"), "the range z-a is empty"},
		{"a backslash at the end", entry(`package: 'a\'`), "nothing follows the backslash"},
		{"a long pattern", entry("package: " + strings.Repeat("a", 501)), "it is longer than 500 bytes"},
		{"a kind that is not there", entry("kind: rpm"), "rules.yaml:2: there is no kind \"rpm\"\nhint: kinds are debian"},
		{"one kind that is not there", entry("kind: [debian, rpm]"), "there is no kind \"rpm\""},
		{"a bad pattern for a kind", entry("kind: '[d'"), "kind \"[d\": a [ without its ]"},

		{"a bad version", entry("package: x, version: '3'"), "rules.yaml:2: version \"3\": "},
		{"a bad version, hint", entry("package: x, version: '< 3'"), "hint: write one relation"},
		{"one bad version", "rules:\n  - deny:\n      package: x\n      version:\n        - << 1\n        - 2\n", "rules.yaml:6: version \"2\""},
		{"a version of nothing", entry("version: '<< 3'"), "rules.yaml:2: a version, but not of what\nhint: add package: NAME"},
		{"a version of an architecture", entry("architecture: amd64, version: '<< 3'"), "a version, but not of what"},

		{"bits beyond", entry("client: 10.1.2.3/8"), "\"10.1.2.3/8\" has bits beyond its first 8\nhint: for the network write 10.0.0.0/8, for the one address 10.1.2.3"},
		{"bits beyond, IPv6", entry("client: '2001:db8::1/32'"), "write 2001:db8::/32"},
		{"not an address", entry("client: [10.0.0.0/8, node7]"), "\"node7\" is not an address\nhint: "},
		{"too many bits", entry("client: 10.0.0.0/33"), "\"10.0.0.0/33\" is not a network\nhint: "},
		{"a mask", entry("client: 10.0.0.0/255.0.0.0"), "is not a network"},
		{"a leading zero", entry("client: 10.0.0.01"), "is not an address"},
		{"a part of an address", entry("client: 10.0"), "\"10.0\" is not an address"},
		{"a zone of an address", entry("client: 'fe80::1%eth0'"), "is not an address"},
		{"a wildcard for clients", entry("client: '10.*'"), "is not an address"},

		{"a wrong day", entry("time: Mo-Fr"), "\"Mo\" is not a day\nhint: days are Mon,"},
		{"an open range of days", entry("time: Mon-"), "\"\" is not a day"},
		{"days with spaces", entry("time: 'Mon, Tue 08:00-12:00'"), "is not a time of the week"},
		{"an hour of 25", entry("time: 08:00-25:00"), "\"08:00-25:00\" are not hours"},
		{"after midnight", entry("time: 08:00-24:01"), "are not hours"},
		{"minutes of one digit", entry("time: 8:5-9:00"), "are not hours"},
		{"one hour", entry("time: Mon 08:00"), "\"08:00\" are not hours"},
		{"no time at all", entry("time: 08:00-08:00"), "is no time at all\nhint: for whole days"},
		{"a number", entry("time: 8"), "\"8\" are not hours"},
		{"from nowhen", entry("from: soon"), "\"soon\" is not a time"},
		{"until before from", entry("from: 2026-11-21, until: 2026-11-20"), "rules.yaml:2: until is not after from"},
		{"a list of dates", entry("from: [2026-11-21]"), "want text, not a list"},
		{"a zone within a rule", entry("package: x, zone: UTC"), `unknown key "zone"`},

		{"an empty reason", entry("package: x, reason: ''"), "rules.yaml:2: the reason is empty"},
		{"a long reason", entry("package: x, reason: " + strings.Repeat("a", 501)), "the reason has 501 bytes, more than 500"},
		{"a reason of two lines", entry(`package: x, reason: "a\nb"`), "the reason must be one line"},
		{"a reason that turns text around", entry(`package: x, reason: "a\u202eb"`), "the reason must be one line without control characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := rules.Parse("rules.yaml", []byte(c.in), onlyDebian)
			if err == nil || !strings.HasPrefix(err.Error(), "rules.yaml:") || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParseKindsErrors(t *testing.T) {
	for in, want := range map[string]string{
		"suite: x, tag: y":                            "items of debian have no tag\nhint: make a rule for each kind",
		"kind: wheel, suite: y":                       "items of wheel have no suite",
		"package: x, version: << 1 | >> 2":            `version "<< 1 | >> 2": `,
		"package: x, version: ~=1":                    "is one for wheel only\nhint: add kind: wheel",
		"package: x, kind: wheel, version: << 1":      "want ~=",
		"kind: w":                                     "hint: kinds are debian, wheel",
		"package: x, tag: y, version: ~=1, section: ": "want text, not nothing",
	} {
		_, err := rules.Parse("f", []byte("rules: [{deny: {"+in+"}}]"), bothKinds)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// TestParseForms parses what is unusual and right.
func TestParseForms(t *testing.T) {
	const want = "[{rules.yaml:2 deny package a or b, version << 1, client 10.0.0.0/8 why not} {default allow everything else }]"
	plain := "rules:\n  - deny: { package: [a, b], version: << 1, client: 10.0.0.0/8, reason: why not }\n"
	for name, in := range map[string]string{
		"plain":    plain,
		"CRLF":     strings.ReplaceAll(plain, "\n", "\r\n"),
		"BOM":      "\ufeff" + plain,
		"order":    "rules:\n  - deny: { reason: why not, client: 10.0.0.0/8, version: << 1, package: [a, b] }\n",
		"quotes":   "\"rules\":\n  - 'deny': { \"package\": ['a', \"b\"], version: [\"<< 1\"], client: ['10.0.0.0/8'], reason: \"why not\" }\ndefault: \"allow\"\n",
		"block":    "rules:\n  - deny:\n      package:\n        - a\n        - b   # or\n      version: << 1\n      client: 10.0.0.0/8\n      reason: >\n        why\n        not\n",
		"JSON":     "{\"rules\": [\n{\"deny\": {\"package\": [\"a\",\"b\"], \"version\": \"<< 1\", \"client\": \"10.0.0.0/8\", \"reason\": \"why not\"}}]}",
		"anchors":  "rules:\n  - deny: { package: &p [a, b], version: &v << 1, client: 10.0.0.0/8, reason: why not }\n",
		"no end":   strings.TrimSuffix(plain, "\n"),
		"document": "rules: # %YAML\n  - deny: { package: [a, b], version: << 1, client: 10.0.0.0/8, reason: why not }\n...\n",
	} {
		if got := fmt.Sprint(parse(t, in, onlyDebian).List()); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	r := parse(t, "rules:\n  - deny: { package: &p [a, 1.10, 2026-01-01, true], client: &c 10.0.0.1 }\n  - allow: { source: *p, client: [*c] }\n", onlyDebian)
	if got := r.List()[1].Match; got != "source a or 1.10 or 2026-01-01 or true, client 10.0.0.1" {
		t.Error(got)
	}
	if r := parse(t, "default: deny", onlyDebian); r.Len() != 0 || r.List()[0].Action != "deny" {
		t.Error("a default alone")
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-21T10:00:00Z": "2026-11-21T10:00:00Z", "2026-11-21": "2026-11-20T23:00:00Z", "'2026-11-21 10:00'": "2026-11-21T09:00:00Z",
		"2026-07-21T10:00": "2026-07-21T08:00:00Z", "2026-11-21T10:00:00.5-05:00": "2026-11-21T15:00:00.5Z",
	} {
		r := parse(t, "zone: Europe/Berlin\nrules: []\ndate: "+in, onlyDebian)
		if got := r.Date.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	many := func(n int, entry string) []byte {
		return []byte("rules:\n" + strings.Repeat(entry, n))
	}
	for want, in := range map[string][]byte{
		"f:2: 100001 rules are more than 100000": many(rules.MaxRules+1, "- x\n"),
		"f: 4194305 bytes are more than 4194304": bytes.Repeat([]byte("#"), rules.MaxSize+1),
		// Aliases, which would be 10,000 times 20,000 values.
		"more than 1000000 values": many(10_000, "- deny: {package: *p}\n"),
	} {
		if strings.HasPrefix(want, "more") {
			in = append([]byte("rules:\n- deny: {package: &p ["+strings.Repeat("a,", 20_000)+"]}\n"), in[len("rules:\n"):]...)
		}
		if _, err := rules.Parse("f", in, onlyDebian); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200v, want %s", err, want)
		}
	}
	deep := []byte("rules: " + strings.Repeat("[", 200_000))
	if _, err := rules.Parse("f", deep, onlyDebian); err == nil {
		t.Error("deep nesting is not refused")
	}
}

// FuzzParse makes of any bytes rules that can be applied and listed, or an error that names the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte("date: 2026-11-21T10:00:00Z\ndefault: deny\nzone: Europe/Berlin\nrules:\n  - deny: { package: [telnet*, \"[^a]?*\"], reason: \"policy 4.2\" }\n"))
	f.Add([]byte("rules:\n  - deny: { package: &p [openssl, \"*x*\"], version: \"<< 3.0.15-1~deb12u1\" }\n  - allow: { source: *p, client: [10.0.0.0/8, \"2001:db8::/32\"] }\n"))
	f.Add([]byte("rules: [{deny: {kind: debian, section: games, time: [\"Mon-Fri 08:00-18:00\", \"22:00-06:00\"], from: 2026-12-01, until: 2027-01-01T12:00}}]"))
	carried := []string{"telnet 1 amd64 net bookworm/main telnet", "openssl 3 all games bookworm/main x"}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := rules.Parse("f", data, onlyDebian)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("an error without its file: %v", err)
			}
			return
		}
		artifacts := []artifact.Item{deb(t, carried[0]), deb(t, carried[1])}
		properties := propertiesOf(onlyDebian, artifacts)
		table := r.Apply(artifacts, properties)
		for i := range artifacts {
			v := table.Verdict(i, netip.MustParseAddr("10.1.2.3"), monday)
			if len(v.Reason) > rules.MaxReason || strings.ContainsAny(v.Reason+v.Rule, "\n\r\x00\x1b") || v.Rule == "" {
				t.Fatalf("%+v", v)
			}
			if v.Allowed && table.Absent(i) {
				t.Fatal("absent, and allowed")
			}
		}
		if len(r.List()) != r.Len()+1 || len(table.Decides()) != r.Len()+1 {
			t.Fatal("the list is incomplete")
		}
		table.Unused(artifacts, properties)
	})
}
