package archive

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ownComponent is the component of a suite of own packages.
const ownComponent = "main"

// ownKeys are the keys of a source that consists of packages.
var ownKeys = []string{"name", "debs", "architectures", "pin"}

// ownHint goes with errors about "debs".
const ownHint = `write, for example: debs: [../debs/*.deb, "https://vendor.example.org/agent_2.1_amd64.deb#sha256=DIGEST"]`

// An ownFile is an element of "debs": the files of this site that a pattern means, or a file of an upstream.
type ownFile struct {
	section artifact.Section
	text    string // as it is written
	pattern string
	address string           // empty: a pattern
	content artifact.Content // of the address; without a digest if the definition gives none
}

// Own reports whether the source consists of packages that the definition names, and which nobody signs.
func (s *Source) Own() bool { return s.debs != nil }

// IsOwn reports the same of a pinned release of the source.
func IsOwn(r *artifact.Release) bool { return len(r.SignedBy) == 0 && r.Undated }

// ownDate stands for the date of a suite of own packages: nobody says when it was published.
var ownDate = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseOwn reads what a source of packages has beside its name, pin and architectures: its suite is called like the source.
func (s *Source) parseOwn(section, debs artifact.Section, dir string) error {
	var keys map[string]artifact.Section
	if err := section.Decode(&keys); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(ownKeys, key) {
			return artifact.Hint(keys[key].Errorf("source %s: %s does not go with debs: nobody has published these packages as a repository", s.Name, key),
				"remove %s; or write a source of its own for a repository", key)
		}
	}
	s.dir, s.debs = dir, []ownFile{}
	s.Suites = []Suite{{s.Name, []string{ownComponent}}}
	elements := []artifact.Section{debs}
	if !debs.IsText() {
		if err := debs.Decode(&elements); err != nil {
			return artifact.Hint(err, ownHint)
		}
	}
	if len(elements) == 0 {
		return artifact.Hint(debs.Errorf("source %s: debs: the list is empty", s.Name), ownHint)
	}
	for _, element := range elements {
		f, err := parseOwnFile(element)
		if err != nil {
			return artifact.Hint(element.Errorf("source %s: debs: %w", s.Name, err), ownHint)
		}
		s.debs, s.URLs = append(s.debs, f), append(s.URLs, f.url())
	}
	return nil
}

func parseOwnFile(section artifact.Section) (f ownFile, err error) {
	if err := section.Decode(&f.text); err != nil {
		return f, err
	}
	if f.section = section; !strings.Contains(f.text, "://") {
		f.pattern = f.text
		return f, nil
	}
	var digest string
	var given bool
	f.address, digest, given = strings.Cut(f.text, "#")
	if _, err := artifact.ParseAddress(f.address); err != nil {
		return f, err
	}
	f.content.Size = -1
	algorithm, value, _ := strings.Cut(digest, "=")
	switch value = strings.ToLower(value); {
	case !given:
	case algorithm == "sha256" && artifact.ValidSHA256(value):
		f.content.SHA256 = value
	case algorithm == "sha512" && artifact.ValidSHA512(value):
		f.content.SHA512 = value
	default:
		return f, fmt.Errorf("%q is not a digest: after # comes sha256= and 64 hexadecimal digits, or sha512= and 128", digest)
	}
	return f, nil
}

// url is the address as a lock has it: that of a file of this site is relative to the definition's folder.
func (f *ownFile) url() string {
	if f.address != "" {
		return f.address
	}
	return strings.ReplaceAll(relativeURL(f.pattern), "%2A", "*") // which an address may hold as it is
}

// relativeURL is an address without a scheme: RFC 3986, section 4.2.
func relativeURL(file string) string { return (&url.URL{Path: file}).String() }

// poolPath is where the mirror keeps an own package, as Debian's archive would. The version is there without its epoch.
func (p *ownPackage) poolPath() string {
	version := p.Version
	if _, rest, found := strings.Cut(version, ":"); found {
		version = rest
	}
	prefix := p.Name[:1]
	if strings.HasPrefix(p.Name, "lib") && len(p.Name) > 3 {
		prefix = p.Name[:4]
	}
	return path.Join("pool", ownComponent, prefix, p.Name, fmt.Sprintf("%s_%s_%s.deb", p.Name, version, p.Architecture))
}
