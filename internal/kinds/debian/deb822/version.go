package deb822

import (
	"fmt"
	"strconv"
	"strings"

	"pault.ag/go/debian/version"
)

// CompareVersions orders two valid versions as dpkg does: Policy 5.6.12.
//
// The comparison is pault.ag's. The splitting is not: version.Parse refuses
// upstream versions that begin with a letter ("v1.2"), which third-party
// repositories publish and apt installs.
func CompareVersions(a, b string) int {
	if a == b {
		return 0
	}
	ea, va := cutEpoch(a)
	eb, vb := cutEpoch(b)
	if c := compareNumbers(ea, eb); c != 0 {
		return c
	}
	return version.Compare(splitRevision(va), splitRevision(vb))
}

// cutEpoch splits "1:2.0-3" at its first colon.
func cutEpoch(v string) (epoch, rest string) {
	if epoch, rest, found := strings.Cut(v, ":"); found {
		return epoch, rest
	}
	return "", v
}

// compareNumbers compares decimal numbers of any length; an absent one is zero.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func splitRevision(v string) version.Version {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return version.Version{Version: v[:i], Revision: v[i+1:]}
	}
	return version.Version{Version: v}
}

// ValidVersion reports whether v can be a version: not empty, and made of the
// characters of Policy 5.6.12, or the underscore that some third parties use.
func ValidVersion(v string) bool {
	return v != "" && WellFormed(v, ".+-:~_")
}

// CheckVersion wants a version as a person writes it, with all its parts: deb-version(7).
func CheckVersion(v string) error {
	rest := v
	if epoch, after, found := strings.Cut(v, ":"); found {
		rest = after
		if _, err := strconv.ParseUint(epoch, 10, 31); err != nil {
			return fmt.Errorf("version %q: %q is no epoch, which is a number", Excerpt(v), Excerpt(epoch))
		}
	}
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		if rest[i+1:] == "" {
			return fmt.Errorf("version %q: there is nothing behind the hyphen", Excerpt(v))
		}
		rest = rest[:i]
	}
	if rest == "" {
		return fmt.Errorf("version %q: there is no upstream version in it", Excerpt(v))
	}
	return nil
}

// ValidPackageName reports whether s can name a package. Policy 5.6.7 wants
// lower case; older archives also had capitals and underscores.
func ValidPackageName(s string) bool {
	return s != "" && IsAlphanumeric(s[0]) && WellFormed(s, "+-._")
}

// WellFormed reports whether s has letters, digits and the characters of
// others only.
func WellFormed(s, others string) bool {
	for i := range len(s) {
		if !IsAlphanumeric(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

// IsAlphanumeric reports whether c is an ASCII letter or digit.
func IsAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z'
}
