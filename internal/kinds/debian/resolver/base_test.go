package resolver

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

var baseCases = []solveCase{
	{name: "what the nodes have is left out", indexes: one("a 1\n Depends: b, c\nb 1\nc 1\n Depends: d\nd 1"), base: "b 1\nd 1",
		requests: "a", sets: map[string]string{"s": "a"}, want: "a 1, c 1", wantSets: map[string]string{"s": "a 1, c 1"}},
	{name: "also where no source has it any more", indexes: one("a 1\n Depends: b"), base: "b 1", requests: "a", want: "a 1"},
	{name: "what they have decides an alternative", indexes: one("a 1\n Depends: b | c\nb 1\nc 1"), base: "c 1", requests: "a", want: "a 1"},
	{name: "and provides", indexes: one("a 1\n Depends: v\nb 1\n Provides: v"), base: "c 1\n Provides: v", requests: "a", want: "a 1"},
	{name: "an old version is enough", indexes: one("a 1\n Depends: b\nb 2"), base: "b 1", requests: "a", want: "a 1"},
	{name: "unless something needs a higher one", indexes: one("a 1\n Depends: b (>= 2)\nb 2\n Depends: c\nc 1"), base: "b 1", requests: "a", want: "a 1, b 2, c 1"},
	{name: "an upgrade takes along what hangs on the old version", indexes: one("a 1\n Depends: lib (>= 2)\nlib 2\ntool 2\n Depends: lib (= 2)"),
		base: "lib 1\ntool 1\n Depends: lib (= 1)", requests: "a", want: "a 1, lib 2, tool 2"},
	{name: "an upgrade takes along what it breaks", indexes: one("a 1\n Depends: lib (>= 2)\nlib 2\n Breaks: tool (<< 2)\ntool 2"),
		base: "lib 1\ntool 1", requests: "a", want: "a 1, lib 2, tool 2"},
	{name: "what is requested by name is carried", indexes: one("a 1\n Depends: b\nb 1\n Depends: c\nc 1"), base: "b 1\nc 1", requests: "a; b", want: "a 1, b 1"},
	{name: "a request is not a downgrade", indexes: one("a 1\nz 1"), base: "a 2", requests: "a; z", want: "z 1", warnings: "a 1 (amd64) is not carried: the nodes have 2 already"},
	{name: "a set has the upgrades that its packages force", indexes: one("a 1\n Depends: lib (>= 2)\nlib 2\ntool 2\n Depends: lib (= 2)"),
		base: "lib 1\ntool 1\n Depends: lib (= 1)", sets: map[string]string{"s": "a"}, want: "a 1, lib 2, tool 2", wantSets: map[string]string{"s": "a 1, lib 2, tool 2"}},
	{name: "a set has the upgrades of what its packages break", indexes: one("a 1\n Breaks: tool (<< 2)\ntool 2\n Depends: x\nx 1"),
		base: "tool 1", sets: map[string]string{"s": "a"}, want: "a 1, tool 2, x 1", wantSets: map[string]string{"s": "a 1, tool 2, x 1"}},
	{name: "a set has what the base then needs of others", indexes: one("a 1\n Depends: lib (>= 2)\nlib 2\nother 1\n Provides: v"),
		base: "lib 1\n Provides: v\ntool 1\n Depends: v", sets: map[string]string{"s": "a"}, want: "a 1, lib 2, other 1", wantSets: map[string]string{"s": "a 1, lib 2, other 1"}},
	{name: "what is new comes in its newest version, and takes the base along", indexes: one("app 1\n Depends: dev\ndev 1\n Depends: lib (= 1)\ndev 2\n Depends: lib (= 2)\nlib 2\ntool 2\n Depends: lib (>= 2)"),
		base: "lib 1\ntool 1\n Depends: lib (= 1)", requests: "app", want: "app 1, dev 2, lib 2, tool 2"},
	{name: "what the base has is not upgraded without need", indexes: one("app 1\n Depends: lib, dev\ndev 2\n Depends: lib (>= 1)\nlib 2"),
		base: "lib 1", requests: "app", want: "app 1, dev 2"},
	{name: "an old version is taken where the base cannot follow", indexes: one("app 1\n Depends: dev\ndev 1\n Depends: lib (= 1)\ndev 2\n Depends: lib (= 2)\nlib 2"),
		base: "lib 1\ntool 1\n Depends: lib (= 1)", requests: "app", want: "app 1, dev 1"},
	{name: "what they have gives way to what replaces it", indexes: one("app 1\n Depends: libssl3t64\nlibssl3t64 3\n Provides: libssl3 (= 3)\n Breaks: libssl3 (<< 3)\n Replaces: libssl3\ncurl 2\n Depends: libssl3t64"),
		base: "libssl3 2\ncurl 1\n Depends: libssl3 (= 2)\nwget 1\n Depends: libssl3", sets: map[string]string{"s": "app"}, want: "app 1, curl 2, libssl3t64 3", wantSets: map[string]string{"s": "app 1, curl 2, libssl3t64 3"},
		warnings: "libssl3 2 (amd64) will be removed from the nodes: libssl3t64 3 (amd64) replaces it"},
	{name: "or is upgraded", indexes: one("n 2\n Breaks: o (<< 2)\n Replaces: o (<< 2)\no 2"), base: "o 1", sets: map[string]string{"s": "n"}, want: "n 2, o 2", wantSets: map[string]string{"s": "n 2, o 2"}},
	{name: "error: what they have must stay", indexes: one("a 1\n Depends: mta\nmta 1\n Conflicts: other\nother 1"), base: "other 1", requests: "a",
		err: "a 1 cannot be installed: |mta 1 conflicts with other 1"},
	{name: "error: and may not be downgraded", indexes: one("a 1\n Depends: b (<< 2)\nb 1\nb 2"), base: "b 2", requests: "a", err: "a 1 cannot be installed: |b 2"},
	{name: "error: an upgrade that breaks what cannot follow", indexes: one("a 1\n Depends: lib (>= 2)\nlib 2"),
		base: "lib 1\ntool 1\n Depends: lib (= 1)", requests: "a", err: "a 1 cannot be installed: |tool 1"},
	{name: "a base that is broken already is no obstacle", indexes: one("a 1\n Depends: b"), base: "b 1\n Depends: missing, c (>= 2)\n Conflicts: c\nc 1", requests: "a", want: "a 1"},
	{name: "Recommends of what they have are not looked at", indexes: one("a 1\n Depends: b\n Recommends: s, t\nb 1\n Recommends: r\nr 1\ns 1\nt 1"),
		base: "b 1\n Recommends: r\nt 1", recommends: true, requests: "a", want: "a 1, s 1"},
	{name: "requests that exclude each other, both beside the base", indexes: one("a 1\n Conflicts: b\n Depends: c\nb 1\n Depends: c\nc 1"), base: "c 1", requests: "a; b", want: "a 1, b 1"},
	{name: "the Essential packages and all they need", indexes: one("a 1\n Depends: sh, libc, x\nsh 1\n Essential: yes\n Depends: libc\nlibc 1\nx 1\n Depends: libc"),
		base: "essential", requests: "a", sets: map[string]string{"s": "a"}, want: "a 1, x 1", wantSets: map[string]string{"s": "a 1, x 1"}},
	{name: "the Essential packages, and one of them by name", indexes: one("a 1\n Depends: sh\nsh 1\n Essential: yes\n Depends: libc\nlibc 1"),
		base: "essential", requests: "a; sh", want: "a 1, sh 1"},

	{name: "Suggests", indexes: one("a 1\n Recommends: r\n Suggests: s\nr 1\n Suggests: t\ns 1\nt 1"), recommends: true, suggests: true, requests: "a", want: "a 1, r 1, s 1, t 1"},
	{name: "Suggests without Recommends", indexes: one("a 1\n Recommends: r\n Suggests: s, missing\nr 1\ns 1"), suggests: true, requests: "a", want: "a 1, s 1"},

	{name: "exclude takes the next alternative", indexes: one("a 1\n Depends: b | c\nb 1\nc 1"), exclude: "b", requests: "a", want: "a 1, c 1"},
	{name: "exclude a version", indexes: one("a 1\na 2\na 3"), exclude: "a (>= 2)", requests: "a", want: "a 1"},
	{name: "exclude by wildcard, from a wildcard", indexes: one("a-doc 1\na 1\nab 1"), exclude: "*-doc", requests: "a*", want: "a 1, ab 1"},
	{name: "exclude from Recommends", indexes: one("a 1\n Recommends: b\nb 1"), exclude: "b", recommends: true, requests: "a", want: "a 1"},
	{name: "exclude nothing", indexes: one("a 1"), exclude: "zz", requests: "a", want: "a 1", warnings: "exclude: zz: there is no such package"},
	{name: "exclude a virtual package", indexes: one("a 1\n Provides: v"), exclude: "v", requests: "a", want: "a 1", warnings: "exclude: v: a virtual package; exclude what provides it: a"},
	{name: "error: a version that is neither there nor excluded", indexes: one("a 2"), exclude: "a (>= 2)", requests: "a=1", err: "a=1: no such version; a exists as 2 (bookworm; left out by exclude: a (>= 2))"},
	{name: "error: what only the nodes have", indexes: one("a 1"), base: "b 1", requests: "b", err: "b: no source has it; the nodes have 1"},
	{name: "error: exclude what is needed", indexes: one("a 1\n Depends: b\nb 1"), exclude: "b (>= 1)", requests: "a",
		err: "a 1 (requested) → needs b; b exists as 1 (bookworm; left out by exclude: b (>= 1))"},
	{name: "error: exclude what is requested", indexes: one("a 1"), exclude: "a", requests: "a", err: "a: exclude: a leaves it out"},

	{name: "?protected", indexes: one("a 1\n Protected: yes\nb 1\n Important: yes\nc 1"), requests: "?protected", want: "a 1, b 1"},
	{name: "?section, with and without its area", indexes: one("a 1\n Section: admin\nb 1\n Section: non-free/admin\nc 1\n Section: net"), requests: "?section(admin)", want: "a 1, b 1"},
	{name: "?section of an area", indexes: one("a 1\n Section: admin\nb 1\n Section: non-free/admin"), requests: "?section(non-free/*)", want: "b 1"},
	{name: "a task", indexes: one("a 1\n Task: server, desktop\nb 1\n Task: servers\nc 1"), requests: "server^", want: "a 1"},
	{name: "error: a task that no package is of", indexes: one("a 1"), requests: "?task(ssh-server)", err: "no package is of such a task|hint: Debian itself has packages for its tasks: task-ssh-server"},
	{name: "a suite", indexes: []testIndex{index("bookworm", "a 1\nb 1"), pinned(100, index("backports", "a 2\n Depends: b (>= 2)\nb 2"))}, requests: "a/backports", want: "a 2, b 2"},
	{name: "a suite for one, the rest from elsewhere", indexes: []testIndex{index("bookworm", "a 1\nb 1"), pinned(100, index("backports", "a 2\n Depends: b\nb 2"))}, requests: "a/backports", want: "a 2, b 1"},
	{name: "error: not in that suite", indexes: []testIndex{index("bookworm", "a 1"), index("backports", "b 1")}, requests: "a/backports", err: "a/backports: not there; a exists as 1 (bookworm)"},
	{name: "error: there is no such suite", indexes: []testIndex{index("bookworm", "a 1"), index("updates", "b 1")}, requests: "a/backports", err: "a/backports: no source has the suite backports: they have bookworm and updates"},
	{name: "a pin above 500 wins over a higher version", indexes: []testIndex{index("bookworm", "a 2"), pinned(900, index("vendor", "a 1"))}, requests: "a", want: "a 1"},
	{name: "a pin below 0 forbids", indexes: []testIndex{index("bookworm", "a 1"), pinned(-1, index("vendor", "a 2"))}, requests: "a", want: "a 1"},
}

func TestResolveWithBaseAndSelectors(t *testing.T) {
	for _, c := range baseCases {
		t.Run(c.name, func(t *testing.T) {
			closure, err := c.resolve(t, newTestUniverse(t, c.indexes...))
			c.check(t, closure, err)
		})
	}
}

func TestAddInstalled(t *testing.T) {
	for name, status := range map[string]string{
		"empty":          "",
		"no dpkg":        "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n",
		"dpkg is gone":   "Package: dpkg\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n",
		"no version":     "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n",
		"something else": "hello\n\nworld\n",
	} {
		if _, err := newTestUniverse(t, one("a 1")...).addInstalled([]byte(status)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	architecture, err := newTestUniverse(t, one("a 1")...).addInstalled([]byte(strings.ReplaceAll(string(debiantest.StatusOf("a 1\n Description: x")), "\n", "\r\n")))
	if err != nil || architecture != "amd64" {
		t.Error(architecture, err)
	}
}
