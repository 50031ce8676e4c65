// Package pep440 has the versions of Python packages and the specifiers that select them, as PEP 440 and its successor, the
// specification "Version specifiers" of packaging.python.org, define them. Indexes, requirements and rules all speak of versions with it.
package pep440

import (
	"cmp"
	"slices"
	"strings"
)

// A Version is a version of a project. The zero value is not a version; Parse makes them.
type Version struct {
	text    string // as it was written, without the white space around it
	epoch   number
	release []number // one or more
	pre     string   // "a", "b", "rc", or empty
	preN    number
	post    number // empty: not a post-release
	dev     number // empty: not a development release
	local   []string
}

// A number is a decimal number of any size without leading zeros: dates and commit counts exceed 64 bits.
type number string

func (n number) compare(other number) int {
	if c := cmp.Compare(len(n), len(other)); c != 0 {
		return c
	}
	return cmp.Compare(n, other)
}

// String returns the canonical form, such as "1!2.0rc1.post2.dev3+ubuntu.1": two spellings of one version have the same, apart from
// zeros at the end of the release (1.0 and 1.0.0).
func (v Version) String() string {
	var b strings.Builder
	if v.epoch != "0" && v.epoch != "" {
		b.WriteString(string(v.epoch) + "!")
	}
	for i, n := range v.release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(string(n))
	}
	b.WriteString(v.pre)
	b.WriteString(string(v.preN))
	if v.post != "" {
		b.WriteString(".post" + string(v.post))
	}
	if v.dev != "" {
		b.WriteString(".dev" + string(v.dev))
	}
	if len(v.local) > 0 {
		b.WriteString("+" + v.Local())
	}
	return b.String()
}

// Text returns the version as it was written.
func (v Version) Text() string { return v.text }

// Key returns the canonical form without zeros at the end of the release: equal versions, and only they, have equal keys.
func (v Version) Key() string {
	v.release = v.trimmed()
	return v.String()
}

// Local returns what follows "+" in the canonical form, or nothing.
func (v Version) Local() string { return strings.Join(v.local, ".") }

// Release returns the number at place i of the release, from 0: "0" where it has no such place.
func (v Version) Release(i int) string {
	if i < len(v.release) {
		return string(v.release[i])
	}
	return "0"
}

// Public returns the version without its local part.
func (v Version) Public() Version {
	if len(v.local) > 0 {
		v.local = nil
		v.text = v.String()
	}
	return v
}

// IsPrerelease reports whether the version is an alpha, beta, candidate or development release.
func (v Version) IsPrerelease() bool { return v.pre != "" || v.dev != "" }

// IsPostrelease reports whether the version is a post-release.
func (v Version) IsPostrelease() bool { return v.post != "" }

// IsZero reports whether v is not a version.
func (v Version) IsZero() bool { return len(v.release) == 0 }

// Equal reports whether both are the same version: 1.0 is 1.0.0 and v1.0-0 is 1.0.post0.
func (v Version) Equal(other Version) bool { return v.Compare(other) == 0 }

// trimmed is the release without zeros at its end.
func (v Version) trimmed() []number {
	end := len(v.release)
	for end > 1 && v.release[end-1] == "0" {
		end--
	}
	return v.release[:end]
}

// Compare returns -1, 0 or 1: whether v is older than, the same as, or newer than other.
func (v Version) Compare(other Version) int {
	if c := v.epoch.compare(other.epoch); c != 0 {
		return c
	}
	if c := slices.CompareFunc(v.trimmed(), other.trimmed(), number.compare); c != 0 {
		return c
	}
	if c := cmp.Compare(v.phase(), other.phase()); c != 0 {
		return c
	}
	if c := v.preN.compare(other.preN); c != 0 {
		return c
	}
	if c := v.post.compare(other.post); c != 0 { // none is empty, and so before all others
		return c
	}
	if c := cmp.Compare(v.finality(), other.finality()); c != 0 {
		return c
	}
	if c := v.dev.compare(other.dev); c != 0 {
		return c
	}
	return slices.CompareFunc(v.local, other.local, compareLocal)
}

// phase orders development releases of a version before its alphas, betas and candidates, and all of these before the version.
func (v Version) phase() int {
	switch {
	case v.pre == "" && v.post == "" && v.dev != "":
		return 0
	case v.pre == "a":
		return 1
	case v.pre == "b":
		return 2
	case v.pre == "rc":
		return 3
	}
	return 4
}

// finality orders a development release before what it develops.
func (v Version) finality() int {
	if v.dev != "" {
		return 0
	}
	return 1
}

// compareLocal compares segments of local versions: numbers are newer than words.
func compareLocal(a, b string) int {
	isNumber := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch x, y := isNumber(a), isNumber(b); {
	case x && y:
		return number(a).compare(number(b))
	case x:
		return 1
	case y:
		return -1
	}
	return cmp.Compare(a, b)
}
