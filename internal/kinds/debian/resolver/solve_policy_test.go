package resolver

// policyCases go through chapter 7 of Debian Policy and dpkg's rules for architectures.
var policyCases = []solveCase{
	{name: "Pre-Depends with alternatives", indexes: one("a 1\n Pre-Depends: p (>= 2) | q\np 1\nq 1"), requests: "a", want: "a 1, q 1"},
	{name: "a real package that is too old, and a provider that is not", indexes: one("a 1\n Depends: v (>= 2)\nv 1\np 1\n Provides: v (= 2)"), requests: "a", want: "a 1, p 1"},
	{name: "a real package that is too new, and a provider that is not", indexes: one("a 1\n Depends: v (<< 3)\nv 3\np 1\n Provides: v (= 2)"), requests: "a", want: "a 1, p 1"},
	{name: "exactly one of a kind", indexes: one("a 1\n Provides: mta\n Conflicts: mta\n Replaces: mta\nb 1\n Provides: mta\n Conflicts: mta\n Replaces: mta\nc 1\n Depends: b | mta"), requests: "a; b; c", want: "a 1, b 1, c 1"},
	{name: "Breaks names a virtual package by version", indexes: one("a 1\n Breaks: v (<< 2)\n Depends: p | q\np 1\n Provides: v (= 1)\nq 1\n Provides: v (= 2)"), requests: "a", want: "a 1, q 1"},
	{name: "Breaks names a virtual package", indexes: one("a 1\n Breaks: v\n Depends: p | q\np 1\n Provides: v\nq 1"), requests: "a", want: "a 1, q 1"},
	{name: "Replaces alone means nothing to the closure", indexes: one("a 1\n Replaces: b\n Depends: b\nb 1"), requests: "a", want: "a 1, b 1"},
	{name: "a name of an architecture that the node has not", indexes: one("a 1\n Depends: b:i386 | c\nb 1\nc 1"), requests: "a", want: "a 1, c 1"},
	{name: "a package for all counts as native", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386\nd 1 all\n"),
		index("bookworm/i386", "lib 1\n Depends: d | e\nd 1 all\ne 1\n")}, requests: "a:amd64", want: "a 1, e 1 i386, lib 1 i386"},
	{name: "a package for all that is foreign serves others", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386\nd 1 all\n Multi-Arch: foreign\n"),
		index("bookworm/i386", "lib 1\n Depends: d | e\nd 1 all\n Multi-Arch: foreign\ne 1\n")}, requests: "a:amd64", want: "a 1, d 1 all, lib 1 i386"},
	{name: "allowed without any is not shared", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386\npy 1\n Multi-Arch: allowed\n"),
		index("bookworm/i386", "lib 1\n Depends: py | e\npy 1\n Multi-Arch: allowed\n Conflicts: a\ne 1\n")}, requests: "a:amd64", want: "a 1, e 1 i386, lib 1 i386"},
	{name: "allowed with any is shared", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386\npy 1\n Multi-Arch: allowed\n"),
		index("bookworm/i386", "lib 1\n Depends: py:any\n")}, requests: "a:amd64", want: "a 1, lib 1 i386, py 1"},
	{name: "without Multi-Arch: same there is one architecture of a package", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib:i386 | c, lib\nlib 1\nc 1"),
		index("bookworm/i386", "lib 1\n")}, requests: "a:amd64", want: "a 1, c 1, lib 1"},
	{name: "a conflict reaches every architecture", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: x:i386 | c\n Conflicts: x\nc 1\n"), index("bookworm/i386", "x 1")}, requests: "a:amd64", want: "a 1, c 1"},
	{name: "a conflict with one architecture leaves the others", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: x:i386 | c\n Conflicts: x:amd64\nc 1\nx 1"), index("bookworm/i386", "x 1")}, requests: "a:amd64", want: "a 1, x 1 i386"},
	{name: "Multi-Arch: same and Breaks of its own name's other versions", indexes: []testIndex{
		index("bookworm/amd64", "a 1\n Depends: lib, lib:i386\nlib 1\n Multi-Arch: same\n Breaks: lib (<< 1)\n"),
		index("bookworm/i386", "lib 1\n Multi-Arch: same\n Breaks: lib (<< 1)")}, requests: "a:amd64", want: "a 1, lib 1, lib 1 i386"},
	{name: "Provides of its own name in another version", indexes: one("a 1\n Depends: b (>= 5)\nb 1\n Provides: b (= 5)"), requests: "a", want: "a 1, b 1"},
	{name: "several provides of one name", indexes: one("a 1\n Depends: v (= 1), v (= 2)\np 1\n Provides: v (= 1), v (= 2)"), requests: "a", want: "a 1, p 1"},
	{name: "old operators", indexes: one("a 1\n Depends: b (< 2), c (> 2)\nb 2\nc 2"), requests: "a", want: "a 1, b 2, c 2"},
	{name: "epochs and tildes and leading zeros", indexes: one("a 1\n Depends: b (>= 1.0~), c (= 1.01), d (<< 0:2)\nb 1.0~~\nb 1.0~1\nc 1.1\nd 1:1\nd 1.9"), requests: "a", want: "a 1, b 1.0~1, c 1.1, d 1.9"},
	{name: "the same package as alternative and dependency", indexes: one("a 1\n Depends: b (= 1) | b (= 2), b (>= 2)\nb 1\nb 2"), requests: "a", want: "a 1, b 2"},
	{name: "a dependency on itself", indexes: one("a 1\n Depends: a (>= 1), a:any | a"), requests: "a", want: "a 1"},
	{name: "a conflict with something that only an alternative not taken wants", indexes: one("a 1\n Depends: b | c, d\nb 1\nc 1\nd 1\n Conflicts: c"), requests: "a", want: "a 1, b 1, d 1"},
}
