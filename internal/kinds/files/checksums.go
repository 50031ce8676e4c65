package files

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A sums is a list of checksums: what each file below its folder must be.
type sums map[string]artifact.Content

const maxList = 64 << 20 // bytes

// parseSums reads a list in the formats of sha256sum(1) and sha512sum(1): "DIGEST  NAME" and "DIGEST *NAME", and with --tag
// "SHA256 (NAME) = DIGEST". A backslash before the line tells that the name is escaped. Weaker digests are passed over:
// the file is then in the list without one. Names that leave the folder, lines of other formats, and two digests of one file are errors.
func parseSums(data []byte) (sums, error) {
	list := make(sums)
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		name, digest, algorithm, err := parseSumsLine(line)
		if err == nil {
			err = list.add(name, digest, algorithm)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return list, nil
}

// algorithms are those of the digests that lists have, by their length in hexadecimal digits.
var algorithms = map[int]string{32: "MD5", 40: "SHA1", 56: "SHA224", 64: "SHA256", 96: "SHA384", 128: "SHA512"}

func parseSumsLine(line string) (name, digest, algorithm string, err error) {
	line, escaped := strings.CutPrefix(line, `\`)
	word, rest, found := strings.Cut(line, " ")
	switch {
	case found && hexadecimal(word) && algorithms[len(word)] != "" && len(rest) > 1 && (rest[0] == ' ' || rest[0] == '*'):
		name, digest, algorithm = rest[1:], word, algorithms[len(word)]
	case found && strings.HasPrefix(rest, "(") && strings.LastIndex(rest, ") = ") > 1:
		at := strings.LastIndex(rest, ") = ")
		name, digest, algorithm = rest[1:at], rest[at+4:], strings.ToUpper(word)
		if want := algorithms[len(digest)]; !hexadecimal(digest) || (algorithm == "SHA256" || algorithm == "SHA512") && want != algorithm {
			return "", "", "", fmt.Errorf("%.80q is not a digest of %s", digest, algorithm)
		}
	default:
		return "", "", "", fmt.Errorf("%.80q is not a line of a list of checksums: DIGEST  NAME, or SHA256 (NAME) = DIGEST", line)
	}
	if escaped {
		if name, err = unescape(name); err != nil {
			return "", "", "", err
		}
	}
	return name, strings.ToLower(digest), algorithm, nil
}

func hexadecimal(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F') })
}

// unescape reads a name as coreutils writes one with a backslash or a line end in it.
func unescape(name string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			b.WriteByte(name[i])
			continue
		}
		i++
		at := -1
		if i < len(name) {
			at = strings.IndexByte(`\nr`, name[i])
		}
		if at < 0 {
			return "", fmt.Errorf("%.80q: invalid escape sequence", name)
		}
		b.WriteByte("\\\n\r"[at])
	}
	return b.String(), nil
}

// add puts a file into the list.
func (l sums) add(name, digest, algorithm string) error {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimPrefix(name, "./")
	}
	if path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf("%.80q leaves the folder", name)
	}
	want, known := l[name]
	if !known {
		want.Size = -1
	}
	old := &want.SHA256
	switch algorithm {
	case "SHA256":
	case "SHA512":
		old = &want.SHA512
	default:
		l[name] = want
		return nil
	}
	if *old != "" && *old != digest {
		return fmt.Errorf("%.80q has two digests", name)
	}
	*old = digest
	l[name] = want
	return nil
}

// names are those of the list, sorted.
func (l sums) names() []string { return slices.Sorted(maps.Keys(l)) }
