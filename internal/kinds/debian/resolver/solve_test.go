package resolver

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A solveCase is a small archive, what is asked of it, and what comes out.
type solveCase struct {
	name       string
	indexes    []testIndex
	requests   string // parted by ";"
	sets       map[string]string
	recommends bool
	suggests   bool
	exclude    string // parted by ";"
	base       string // "essential", or what is installed, written as an index
	locked     string // "name version", parted by ","
	want       string // texts of the closure
	wantSets   map[string]string
	warnings   string // in them, parted by "|"
	err        string // in the error, parted by "|"
}

// one is an archive of one index.
func one(text string) []testIndex { return []testIndex{index("bookworm", text)} }

// pinned gives an index a priority.
func pinned(priority int, x testIndex) testIndex {
	x.Priority = priority
	return x
}

var solveCases = []solveCase{
	{name: "dependencies of dependencies, Pre-Depends, no Recommends, no Suggests", indexes: one(`
a 1
 Pre-Depends: p
 Depends: b
 Recommends: r
 Suggests: s
b 1
 Depends: c, a
c 1
p 1
r 1
s 1
`), requests: "a", want: "a 1, b 1, c 1, p 1"},
	{name: "Recommends of everything; an unsatisfiable one is no error", indexes: one(`
a 1
 Depends: b
 Recommends: r | x, missing, conflicting, damaged
b 1
 Recommends: s
r 1
 Recommends: t
s 1
t 1
x 1
conflicting 1
 Conflicts: b
damaged 1
 Depends: missing
`), requests: "a", recommends: true, want: "a 1, b 1, r 1, s 1, t 1"},
	{name: "Recommends: the next alternative when the first cannot be had", indexes: one(`
a 1
 Recommends: broken | r
broken 1
 Depends: nothing
r 1
`), requests: "a", recommends: true, want: "a 1, r 1"},
	{name: "the first alternative", indexes: one("a 1\n Depends: b | c\nb 1\nc 1"), requests: "a", want: "a 1, b 1"},
	{name: "an alternative that is requested", indexes: one("a 1\n Depends: b | c\nb 1\nc 1"), requests: "a; c", want: "a 1, c 1"},
	{name: "an alternative that something else needs, however late", indexes: one(`
a 1
 Depends: b | c, d
b 1
c 1
d 1
 Depends: e
e 1
 Depends: c
`), requests: "a", want: "a 1, c 1, d 1, e 1"},
	{name: "an alternative whose first side does not exist", indexes: one("a 1\n Depends: b | c\nc 1"), requests: "a", want: "a 1, c 1"},
	{name: "an alternative whose first side is too old", indexes: one("a 1\n Depends: b (>= 2) | c\nb 1\nc 1"), requests: "a", want: "a 1, c 1"},
	{name: "an alternative whose first side lacks something deep down", indexes: one(`
a 1
 Depends: b | c
b 1
 Depends: b2
b2 1
 Depends: b3 | b4
b3 1
 Depends: nothing
b4 1
 Depends: nothing
c 1
`), requests: "a", want: "a 1, c 1"},
	{name: "an alternative whose first side conflicts deep down", indexes: one(`
a 1
 Depends: b | c, d
b 1
 Depends: b2 | b3
b2 1
 Conflicts: d
b3 1
 Breaks: d (<< 2)
c 1
d 1
`), requests: "a", want: "a 1, c 1, d 1"},
	{name: "conflicting first alternatives", indexes: one(`
a 1
 Depends: x1 | x2, y1 | y2, z1 | z2
x1 1
 Conflicts: y1, y2
x2 1
 Conflicts: z1
y1 1
y2 1
z1 1
z2 1
`), requests: "a", want: "a 1, x2 1, y1 1, z2 1"},
	{name: "cycles", indexes: one("a 1\n Depends: b\nb 1\n Depends: c | d\nc 1\n Depends: a"), requests: "c", want: "a 1, b 1, c 1"},
	{name: "virtual packages: the real one first, then by priority", indexes: one(`
a 1
 Depends: v, w
v 1
p 1
 Provides: v, w
 Priority: optional
q 1
 Provides: w
 Priority: important
`), requests: "a", want: "a 1, q 1, v 1"},
	{name: "virtual packages: a chain of them", indexes: one(`
a 1
 Depends: v
p 1
 Provides: v
 Depends: w
q 1
 Provides: w
 Depends: x (= 3)
r 1
 Provides: x (= 3)
`), requests: "a", want: "a 1, p 1, q 1, r 1"},
	{name: "virtual packages: what is requested provides it", indexes: one("a 1\n Depends: p | v\np 1\nq 1\n Provides: v"), requests: "a; q", want: "a 1, q 1"},
	{name: "an unversioned Provides satisfies no versioned relation", indexes: one(`
a 1
 Depends: v (>= 1) | z
p 1
 Provides: v
z 1
`), requests: "a", want: "a 1, z 1"},
	{name: "versioned Provides", indexes: one(`
a 1
 Depends: v (>= 2), v (<< 4)
p 9
 Provides: v (= 1)
q 9
 Provides: v (= 3)
r 9
 Provides: v (= 5)
`), requests: "a", want: "a 1, q 9"},
	{name: "a package provides what it needs itself", indexes: one("a 1\n Depends: v\n Provides: v"), requests: "a", want: "a 1"},
	{name: "the highest version over suites", indexes: []testIndex{
		index("bookworm", "a 1\n Depends: b (>= 1)\nb 1\nb 1.5"), index("updates", "b 1.10"), index("security", "b 1.9"),
	}, requests: "a", want: "a 1, b 1.10"},
	{name: "an older version where the newest is too new", indexes: one(`
a 1
 Depends: b (<< 2), c
b 1
b 2
c 1
 Depends: b
`), requests: "a", want: "a 1, b 1, c 1"},
	{name: "an older version where the newest cannot be installed", indexes: one(`
a 1
 Depends: b
b 1
b 2
 Depends: nothing
`), requests: "a", want: "a 1, b 1"},
	{name: "a requested package whose newest version cannot be installed", indexes: one("b 1\nb 2\n Depends: nothing\nc 1"), requests: "c; b",
		want: "b 1, c 1", warnings: "b 2 (amd64) cannot be installed; the closure has b 1 (amd64) instead"},
	{name: "another alternative before an older version", indexes: one(`
a 1
 Depends: b (<< 2) | c
b 1
b 2
c 1
`), requests: "a", want: "a 1, c 1"},
	{name: "libraries in lock step", indexes: one(`
a 1
 Depends: lib
lib 1
 Depends: data (= 1)
lib 2
 Depends: data (= 2)
data 1
data 2
 Conflicts: a
`), requests: "a", want: "a 1, data 1, lib 1"},
	{name: "all versions are below the source's epoch", indexes: one("a 1\n Depends: b (>= 1:0.1)\nb 9\nb 1:0.1~\nb 1:0.1"), requests: "a", want: "a 1, b 1:0.1"},
	{name: "pins", indexes: one("a 1\na 2\na 3\nb 1\n Depends: a"), requests: "a=2; b", want: "a 2, b 1"},
	{name: "pins by wildcard", indexes: one("a 1:9.1\na 1:9.2-1\na 1:9.2-2\na 1:10"), requests: "a=1:9.2*", want: "a 1:9.2-2"},
	{name: "all requests of one package hold together", indexes: one("a 1\na 2\na 3"), requests: "a; a (>= 2); a (<< 3); a*", want: "a 2"},
	{name: "wildcards", indexes: one("liba 1\nlibb 1\n Depends: x\nlibb-dev 1\nx 1"), requests: "lib?", want: "liba 1, libb 1, x 1"},
	{name: "wildcards leave out what cannot be installed", indexes: one("liba 1\nlibb 1\n Depends: x\nlibc 1"), requests: "lib*", want: "liba 1, libc 1",
		warnings: "left out: libb 1 cannot be installed: libb 1 (requested) → needs x; x does not exist"},
	{name: "essential", indexes: one("a 1\n Essential: yes\n Depends: b\nb 1\nc 1\n Essential: no\nd 1\n Essential: yes\nd 2"), requests: "?essential", want: "a 1, b 1"},
	{name: "priority", indexes: one("a 1\n Priority: required\nb 1\n Priority: standard\nc 1"), requests: "?priority(standard)", want: "b 1"},
	{name: "essential packages are not added by themselves", indexes: one("a 1\nb 1\n Essential: yes"), requests: "a", want: "a 1"},
	{name: "a virtual package with one provider", indexes: one("a 1\na 2\n Provides: v"), requests: "v", want: "a 2"},
	{name: "requests that conflict are both carried", indexes: one(`
a 1
 Depends: x
 Conflicts: b
b 1
 Depends: x, y | a
x 1
y 1
`), requests: "a; b", want: "a 1, b 1, x 1, y 1"},
	{name: "requests that conflict deep down, over virtual packages", indexes: one(`
a 1
 Depends: a2
a2 1
 Provides: v
 Conflicts: v
b 1
 Depends: b2
b2 1
 Provides: v
 Conflicts: v
c 1
 Depends: v
`), requests: "a; b; c", want: "a 1, a2 1, b 1, b2 1, c 1"},
	{name: "a later group takes what is carried", indexes: one(`
a 1
 Conflicts: b
 Depends: y
b 1
 Depends: x | y
x 1
y 1
`), requests: "a; b", want: "a 1, b 1, y 1"},
	{name: "requests that need different versions", indexes: one(`
a 1
 Depends: lib (= 1)
b 1
 Depends: lib (= 2)
lib 1
lib 2
`), requests: "a; b", want: "a 1, b 1, lib 1, lib 2",
		warnings: "lib is carried as 1 and 2, for requests that conflict; apt takes 2 unless a version is requested"},
	{name: "other groups keep to what an old version needs", indexes: one(`
a 1
 Depends: lib
 Conflicts: b
b 1
 Depends: lib (= 1)
b 2
 Depends: lib (= 2)
c 1
 Depends: lib
lib 1
lib 2
`), requests: "a; b=1; c", want: "a 1, b 1, c 1, lib 1"},
	{name: "a requested package comes in its best version though it excludes another", indexes: one(`
a 2
 Conflicts: b (>= 2)
b 1
b 2
`), requests: "a; b", want: "a 2, b 2"},
	{name: "a conflict with an older version is none", indexes: one("a 1\n Conflicts: b (<< 2)\n Breaks: c (<= 1)\n Depends: b, c\nb 1\nb 2\nc 1\nc 1.1"), requests: "a", want: "a 1, b 2, c 1.1"},
	{name: "an unversioned Provides meets no versioned conflict", indexes: one("a 1\n Conflicts: v (<< 2)\n Depends: p\np 1\n Provides: v"), requests: "a", want: "a 1, p 1"},
	{name: "a versioned Provides meets a versioned conflict", indexes: one("a 1\n Conflicts: v (<< 2)\n Depends: p | q\np 1\n Provides: v (= 1)\nq 1\n Provides: v (= 2)"), requests: "a", want: "a 1, q 1"},
	{name: "a package that conflicts with what it provides", indexes: one("a 1\n Provides: v\n Conflicts: v, a\n Replaces: v"), requests: "a", want: "a 1"},
	{name: "a damaged relation is as good as missing", indexes: one("a 1\n Depends: b | c\nb 1\n Depends: x (\nc 1"), requests: "a", want: "a 1, c 1"},

	{name: "sets are free of conflicts and closed", indexes: one(`
a 1
 Depends: x | y
b 1
 Conflicts: x
x 1
y 1
z 1
`), requests: "z", sets: map[string]string{"one": "a", "two": "a; b"},
		want: "a 1, b 1, y 1, z 1", wantSets: map[string]string{"one": "a 1, y 1", "two": "a 1, b 1, y 1"}},
	{name: "sets that exclude each other", indexes: one("a 1\n Conflicts: b\nb 1\n Depends: x\nx 1\n"),
		sets: map[string]string{"one": "a", "two": "b"}, want: "a 1, b 1, x 1", wantSets: map[string]string{"one": "a 1", "two": "b 1, x 1"}},
	{name: "a set falls back to versions that go together", indexes: one("a 1\na 2\n Conflicts: b\nb 1\n"),
		sets: map[string]string{"one": "a; b"}, want: "a 1, b 1", wantSets: map[string]string{"one": "a 1, b 1"},
		warnings: "set one has a 1 (amd64): a 2 (amd64) cannot be installed with the rest of it"},
	{name: "a set that cannot be fulfilled beside another forgets what was tried for it", indexes: one(`
a 1
 Conflicts: q2
b 1
 Depends: q1 | q2
p 1
q1 1
 Conflicts: p
q2 1
`), requests: "q1", sets: map[string]string{"one": "a", "two": "p; b"},
		want: "a 1, b 1, p 1, q1 1, q2 1", wantSets: map[string]string{"one": "a 1", "two": "b 1, p 1, q2 1"}},
	{name: "pins bind sets", indexes: one("a 1\na 2\n"), requests: "a=1", sets: map[string]string{"one": "a"},
		want: "a 1", wantSets: map[string]string{"one": "a 1"}},
	{name: "a set has what its packages recommend", indexes: one("a 1\n Recommends: r\nr 1\n"), recommends: true, sets: map[string]string{"one": "a"},
		want: "a 1, r 1", wantSets: map[string]string{"one": "a 1, r 1"}},

	{name: "locked versions and alternatives stay", indexes: one("a 1\n Depends: b | c\na 2\n Depends: b | c\nb 1\nc 1\nc 2"), requests: "a", locked: "a 1, c 1", want: "a 1, c 1"},
	{name: "locked recommendations stay", indexes: one("a 1\n Recommends: b\nb 1\nb 2"), recommends: true, requests: "a", locked: "b 1", want: "a 1, b 1"},
	{name: "locked versions yield to requests", indexes: one("a 1\na 2\n Depends: b (>= 2)\nb 1\nb 2"), requests: "a (>= 2)", locked: "a 1, b 1", want: "a 2, b 2"},
	{name: "locked versions yield to needs", indexes: one("a 1\n Depends: b (>= 2)\nb 1\nb 2"), requests: "a", locked: "b 1", want: "a 1, b 2"},

	{name: "priorities before versions", indexes: []testIndex{
		index("bookworm", "a 1\n Depends: b, c (>= 2)\nb 1\nc 1"), pinned(100, index("backports", "b 2\nc 2\nd 2")), pinned(-1, index("never", "b 3\nc 3"))},
		requests: "a; d", want: "a 1, b 1, c 2, d 2"},
	{name: "the highest priority of all that list a file", indexes: []testIndex{
		pinned(1, index("experimental", "a 2")), index("bookworm", "a 1"), index("updates", "a 2")}, requests: "a", want: "a 2"},
	{name: "a request for a version does not mind priorities", indexes: []testIndex{
		index("bookworm", "a 1"), pinned(1, index("experimental", "a 2"))}, requests: "a (>= 2)", want: "a 2"},

	{name: "one version in two sources: the first wins", indexes: []testIndex{
		index("first:stable", "a 1 amd64 x\n Depends: b"), index("second:stable", "a 1 amd64 y\n Depends: c\nb 1\nc 1")}, requests: "a", want: "a 1, b 1"},
	{name: "one version in two sources: the second serves where the first cannot", indexes: []testIndex{
		index("first:stable", "a 1 amd64 x\n Depends: b"), index("second:stable", "a 1 amd64 y\n Depends: c\nc 1")}, requests: "a", want: "a 1, c 1",
		warnings: "cannot be installed"},

	{name: "several architectures", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: b, data\nb 1\nonly 1\ndata 1 all"),
		index("bookworm/arm64", "a 1\n Depends: b, data\nb 1\nb 2\ndata 1 all")},
		requests: "a; only", sets: map[string]string{"one": "b"}, want: "a 1, a 1 arm64, b 1, b 2 arm64, data 1 all, only 1",
		wantSets: map[string]string{"one": "b 1, b 2 arm64"}},
	{name: "one of several architectures", indexes: []testIndex{index("bookworm/amd64", "a 1\n Depends: b\nb 1\n"), index("bookworm/arm64", "a 1\n Depends: b\nb 1\n")},
		requests: "a:arm64", want: "a 1 arm64, b 1 arm64"},
	{name: "packages for all are seen where an index lists them", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: d | e\nd 1 all\ne 1"), index("bookworm/arm64", "a 1\n Depends: d | e\ne 1")},
		requests: "a", want: "a 1, a 1 arm64, d 1 all, e 1 arm64"},
	{name: "a foreign package does not stand in for a native one", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: b | c\nc 1"), index("bookworm/arm64", "b 1\n Multi-Arch: foreign")}, requests: "a", want: "a 1, c 1"},
	{name: "a relation that names an architecture", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386, tool\ntool 1\n Multi-Arch: foreign\nlib 1\n Multi-Arch: same"),
		index("bookworm/i386", "lib 1\n Multi-Arch: same\n Depends: lib2, tool\nlib2 1\ntool 1\n Multi-Arch: foreign")},
		requests: "a:amd64; lib:amd64", want: "a 1, lib 1, lib 1 i386, lib2 1 i386, tool 1"},
	{name: "Multi-Arch: same wants one version", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386, lib\nlib 1\n Multi-Arch: same\nlib 2\n Multi-Arch: same\n"),
		index("bookworm/i386", "lib 1\n Multi-Arch: same\n")}, requests: "a:amd64", want: "a 1, lib 1, lib 1 i386"},
	{name: "qualifiers on one architecture", indexes: one(`
a 1
 Depends: py:any, tool:native, lib:amd64
py 1
 Multi-Arch: allowed
tool 1
lib 1
`), requests: "a", want: "a 1, lib 1, py 1, tool 1"},
	{name: "any needs Multi-Arch: allowed", indexes: one("a 1\n Depends: b:any | c\nb 1\n Multi-Arch: foreign\nc 1"), requests: "a", want: "a 1, c 1"},
	{name: "what an allowed package provides is there for any", indexes: one("a 1\n Depends: v:any\np 1\n Provides: v\nq 1\n Provides: v\n Multi-Arch: allowed"), requests: "a", want: "a 1, q 1"},
	{name: "Provides for an architecture", indexes: one("a 1\n Depends: v | c\nb 1\n Depends: v:i386\np 1\n Provides: v:i386\nc 1"), requests: "a; b", want: "a 1, b 1, c 1, p 1"},

	{name: "error: no such package", indexes: one("docker.io 1\ndocker-compose 1\nsocket 1"), requests: "docker", err: "docker: no such package: did you mean docker.io"},
	{name: "error: no such package in a set", indexes: one("a 1"), sets: map[string]string{"base": "bb"}, err: "set base: bb: no such package"},
	{name: "error: no such version", indexes: []testIndex{index("bookworm", "a 1\na 10"), index("updates", "a 2\na 10")}, requests: "a (>= 11)",
		err: "a (>= 11): no such version; a exists as 1 (bookworm), 2 (updates), 10 (bookworm, updates)"},
	{name: "error: no such version on one of the architectures", indexes: []testIndex{index("bookworm/amd64", "a 2"), index("bookworm/arm64", "a 1")}, requests: "a=2",
		err: "a=2: no such version; a exists as 1 (bookworm, arm64), 2 (bookworm, amd64)"},
	{name: "error: all that is missing at once", indexes: one("a 1"), requests: "x; y", err: "x: no such package|y: no such package"},
	{name: "error: no match", indexes: one("a 1"), requests: "b*", err: "b*: no package matches"},
	{name: "error: no match of a version", indexes: one("a 1"), requests: "a*=2", err: "a*=2: no package matches"},
	{name: "error: no such architecture", indexes: one("a 1"), requests: "a:mips", err: "a:mips: no source has packages for mips|hint: the architectures are amd64"},
	{name: "error: a virtual package", indexes: one("a 1\n Provides: v\nb 1\n Provides: v"), requests: "v", err: "v: a virtual package|hint: ask for one that provides it: a or b"},
	{name: "error: contradictory pins", indexes: one("a 1\na 2\na 3"), requests: "a=1; a; a=2", err: "a=1 and a=2 contradict each other; a exists as 1 (bookworm), 2"},
	{name: "error: a set's pin contradicts", indexes: one("a 1\na 2"), requests: "a=1", sets: map[string]string{"base": "a=2"}, err: "a=2 (set base) and a=1 contradict each other"},
	{name: "error: pins that contradict in threes", indexes: one("a 1\na 2\na 3\nb 1"), requests: "a=?; a (>= 2); a (<= 2); a (<< 2)", err: "a (<< 2) and a (>= 2) contradict"},
	{name: "error: something is missing", indexes: []testIndex{index("bookworm", "a 1.0\n Depends: b\nb 2\n Depends: c (>= 3)\nc 1.0"), index("bookworm-updates", "c 2.0")}, requests: "a",
		err: "a 1.0 cannot be installed: a 1.0 (requested) → b 2 → needs c (>= 3); c exists as 1.0 (bookworm), 2.0 (bookworm-updates)"},
	{name: "error: the shortest chain", indexes: one("a 1\n Depends: b, z\nb 1\n Depends: c\nc 1\n Depends: nothing\nz 1\n Depends: zero | nil"), requests: "a",
		err: "a 1 (requested) → z 1 → needs zero | nil; zero does not exist; nil does not exist"},
	{name: "error: only an unversioned Provides", indexes: one("a 1\n Depends: v (>= 1)\np 1\n Provides: v"), requests: "a", err: "needs v (>= 1); v is only provided by p without a version"},
	{name: "error: a damaged field", indexes: one("a 1\n Depends: b\nb 1\n Depends: x ("), requests: "a", err: "a 1 (requested) → b 1: source debian: dists/bookworm/main/binary-amd64/Packages:9: package b 1: its field Depends is damaged: \"x (\" has no closing parenthesis"},
	{name: "error: a set in conflict", indexes: one("a 1\n Depends: x\nb 1\n Depends: y\nx 1\ny 1\n Conflicts: x"), sets: map[string]string{"base": "a; b"},
		err: "set base cannot be installed: |y 1 conflicts with x 1, which comes from a 1 (requested) → x 1"},
	{name: "error: a package in conflict with itself", indexes: one("a 1\n Depends: x\nx 1\n Breaks: a"), requests: "a", err: "a 1 cannot be installed: a 1 (requested) → needs x, but x 1 conflicts with a 1 (requested)"},
	{name: "error: every alternative fails, each for its reason", indexes: one(`
a 1
 Depends: b | c | d, z
b 1
 Breaks: z
c 1
 Depends: y
d 1
 Depends: nothing
y 1
 Conflicts: z
z 1
`), requests: "a", err: "a 1 cannot be installed: a 1 (requested) → needs b | c | d, but b 1 conflicts with z 1, which comes from a 1 (requested) → z 1; c 1 needs y, but y 1 conflicts with z 1, which comes from a 1 (requested) → z 1; d 1 needs nothing, but nothing does not exist"},
	{name: "error: versions in conflict", indexes: one("a 1\n Depends: x, y\nx 1\n Depends: lib (= 1)\ny 1\n Depends: lib (= 2)\nlib 1\nlib 2"), requests: "a",
		err: "a 1 cannot be installed: a 1 (requested) → y 1 → needs lib (= 2), but lib 2 excludes a 1 (requested) → x 1 → lib 1"},
}

func TestResolve(t *testing.T) {
	for _, c := range slices.Concat(solveCases, policyCases) {
		t.Run(c.name, func(t *testing.T) {
			closure, err := c.resolve(t, newTestUniverse(t, c.indexes...))
			c.check(t, closure, err)
		})
	}
}

func (c *solveCase) resolve(t testing.TB, u *Universe) (*Closure, error) {
	t.Helper()
	sets := make(map[string][]Request)
	for name, list := range c.sets {
		sets[name] = parseRequestList(t, list)
	}
	if c.base != "" && c.base != "essential" {
		if _, err := u.addInstalled(debiantest.StatusOf(c.base)); err != nil {
			t.Fatal(err)
		}
	}
	return u.Resolve(context.Background(), parseRequestList(t, c.requests), sets, Options{
		Recommends: c.recommends, Suggests: c.suggests, Exclude: parseRequestList(t, c.exclude), BaseEssential: c.base == "essential",
		Prefer: func(p *Package) bool {
			return slices.Contains(strings.Split(c.locked, ", "), p.Name+" "+p.Version)
		},
	})
}

func parseRequestList(t testing.TB, list string) (requests []Request) {
	t.Helper()
	for text := range strings.SplitSeq(list, ";") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		r, err := ParseRequest(text)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, r)
	}
	return requests
}

func (c *solveCase) check(t testing.TB, closure *Closure, err error) {
	t.Helper()
	if c.err != "" {
		for part := range strings.SplitSeq(c.err, "|") {
			if err == nil || !strings.Contains(err.Error(), part) && !(strings.Contains(c.err, " | ") && strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v\nwant  %s", err, c.err)
			}
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(closure.Packages); got != c.want {
		t.Errorf("got  %s\nwant %s", got, c.want)
	}
	got := make(map[string]string)
	for _, set := range closure.Sets {
		got[set.Name] = texts(setNamed(closure, set.Name))
	}
	if !maps.Equal(got, c.wantSets) {
		t.Errorf("sets %v\nwant %v", got, c.wantSets)
	}
	warnings := strings.Join(closure.Warnings, "\n")
	if !strings.Contains(warnings, c.warnings) || c.warnings == "" && warnings != "" {
		t.Errorf("warnings %q, want %q", warnings, c.warnings)
	}
}

// setNamed returns the packages of a set on all nodes, sorted.
func setNamed(closure *Closure, name string) (all []*Package) {
	for _, set := range closure.Sets {
		if set.Name == name {
			all = append(all, set.Packages...)
		}
	}
	slices.SortFunc(all, func(a, b *Package) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), deb822.CompareVersions(a.Version, b.Version), strings.Compare(a.Architecture, b.Architecture))
	})
	return slices.Compact(all)
}

func TestResolveStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	u := newTestUniverse(t, one("docker.io 1")...)
	if _, err := u.Resolve(ctx, parseRequestList(t, "docker.io"), nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}
