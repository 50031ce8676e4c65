package copyright

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"

	"github.com/minimirror/minimirror/internal/artifact"
)

// names turns short names into SPDX identifiers, and collects those that have none.
type names struct {
	texts map[string]string // by short name in lower case
	refs  map[string]artifact.LicenceRef
}

// name is the SPDX expression of one short name, which may have an exception: "GPL-2+ with Bison exception".
func (n *names) name(short string) string {
	if licence, exception, found := cutFold(short, " with "); found {
		id, with := identifier(licence), exceptions[normalException(exception)]
		if id != "" && with != "" {
			return id + " WITH " + with
		}
		return n.ref(short)
	}
	if id := identifier(short); id != "" {
		return id
	}
	return n.ref(short)
}

// cutFold is strings.Cut without regard to case, for a separator in ASCII.
func cutFold(text, separator string) (before, after string, found bool) {
	at := strings.Index(strings.ToLower(text), separator)
	if at < 0 || len(strings.ToLower(text)) != len(text) {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// ref is the identifier of a licence that SPDX does not list.
func (n *names) ref(short string) string {
	text := n.texts[strings.ToLower(short)]
	sum := sha256.Sum256([]byte(short + "\n" + text))
	id := "LicenseRef-" + strings.Trim(noIdentifier.ReplaceAllString(short[:min(len(short), maxName)], "-"), "-") + "-" + hex.EncodeToString(sum[:4])
	n.refs[id] = artifact.LicenceRef{ID: id, Name: strings.ToValidUTF8(short, "\ufffd"), Text: text}
	return id
}

const maxName = 60 // bytes of a name that are in its identifier

// noIdentifier are characters that an identifier cannot have: SPDX 2.3, annex D.
var noIdentifier = regexp.MustCompile(`[^A-Za-z0-9.]+`)

func (n *names) sorted() []artifact.LicenceRef {
	return slices.SortedFunc(maps.Values(n.refs), func(a, b artifact.LicenceRef) int { return cmp.Compare(a.ID, b.ID) })
}

// family is a short name with a version and "or later": "GPL-2+", "LGPLv2.1+", "GFDL-NIV-1.3".
var family = regexp.MustCompile(`^(agpl|lgpl|gpl|gfdl-niv|gfdl)(?:-?v?([0-9](?:\.[0-9])?)(?:\.0)?)?(-only|-or-later|\+)?$`)

// lowest are the versions that names without one mean: copyright-format 1.0, "License specification".
var lowest = map[string]string{"agpl": "1.0", "lgpl": "2.0", "gpl": "1.0", "gfdl": "1.1", "gfdl-niv": "1.1"}

// identifier is the SPDX identifier of a licence; empty: there is none.
func identifier(short string) string {
	low := strings.ToLower(short)
	if m := family.FindStringSubmatch(low); m != nil {
		name, version := m[1], cmp.Or(m[2], lowest[m[1]])
		if !strings.Contains(version, ".") {
			version += ".0"
		}
		id := strings.ToUpper(strings.TrimSuffix(name, "-niv")) + "-" + version
		if name == "gfdl-niv" {
			id += "-no-invariants"
		}
		if m[3] == "+" || m[3] == "-or-later" {
			return listed(id + "-or-later")
		}
		return listed(id + "-only")
	}
	return cmp.Or(known[low], listed(low), listed(low+".0"), listed(low+"-1.0"))
}

// listed is an identifier as the SPDX License List writes it; empty: it does not have it, or advises against it.
func listed(id string) string {
	if active, written := spdxlicenses.IsActiveLicense(strings.ToLower(id)); active {
		return written
	}
	return ""
}

// known are the short names of copyright-format 1.0, and frequent others, that SPDX writes differently.
var known = map[string]string{
	"artistic":      "Artistic-1.0",
	"bsd-2":         "BSD-2-Clause",
	"bsd-2-clauses": "BSD-2-Clause",
	"bsd-3":         "BSD-3-Clause",
	"bsd-3-clauses": "BSD-3-Clause",
	"bsd-4":         "BSD-4-Clause",
	"boost":         "BSL-1.0",
	"boost-1.0":     "BSL-1.0",
	"cc0":           "CC0-1.0",
	"expat":         "MIT",
	"mit/expat":     "MIT",
	"mit-expat":     "MIT",
	"perl":          "Artistic-1.0-Perl OR GPL-1.0-or-later",
	"python":        "Python-2.0",
	"psf-2":         "PSF-2.0",
	"ofl":           "OFL-1.0",
	"sil":           "OFL-1.0",
	"sil-1.1":       "OFL-1.1",
	"sil-ofl-1.1":   "OFL-1.1",
	"w3c-software":  "W3C",
	"wtfpl-2":       "WTFPL",
	"zlib/libpng":   "Zlib",
	"apache":        "Apache-1.0",
	"openldap-2.8":  "OLDAP-2.8",
	"mpl":           "MPL-1.0",
	"lppl":          "LPPL-1.0",
}

// exceptions are SPDX's identifiers of exceptions, by their normal names in copyright files. Names that stand for several texts, such as
// "OpenSSL exception", are not among them.
var exceptions = map[string]string{
	"bison":                    "Bison-exception-2.2",
	"bison-2.2":                "Bison-exception-2.2",
	"classpath":                "Classpath-exception-2.0",
	"classpath-2.0":            "Classpath-exception-2.0",
	"font":                     "Font-exception-2.0",
	"gcc runtime library":      "GCC-exception-3.1",
	"gcc-runtime-library":      "GCC-exception-3.1",
	"gcc-3.1":                  "GCC-exception-3.1",
	"libtool":                  "Libtool-exception",
	"linux-syscall-note":       "Linux-syscall-note",
	"llvm":                     "LLVM-exception",
	"texinfo":                  "Texinfo-exception",
	"autoconf-exception-macro": "Autoconf-exception-macro",
	"autoconf macro":           "Autoconf-exception-macro",
	"qt-gpl-1.0":               "Qt-GPL-exception-1.0",
	"u-boot-2.0":               "u-boot-exception-2.0",
	"universal-foss-1.0":       "Universal-FOSS-exception-1.0",
	"openjdk-assembly-1.0":     "OpenJDK-assembly-exception-1.0",
}

// normalException is the name of an exception in lower case, without the word.
func normalException(name string) string {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	if exceptions[name] != "" {
		return name
	}
	for _, word := range []string{" exception", "-exception"} {
		name = strings.Replace(name, word, "", 1)
	}
	return name
}
