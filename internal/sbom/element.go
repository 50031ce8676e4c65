package sbom

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An element is a package of an SBOM, in the words of neither format.
type element struct {
	ref       string // identifies it within the SBOM
	name      string
	version   string
	purl      string
	supplier  supplier
	homepage  string
	files     []artifact.File
	licences  string   // an SPDX expression; empty: none are stated
	builtFrom string   // ref of what it was built from; empty: none
	releases  []string // refs of upstream's releases that list it
	isSource  bool     // others were built from it, and the image does not carry it
}

// A supplier is who made a package.
type supplier struct{ name, email string }

// A lister makes the elements of an SBOM.
type lister struct {
	*Subject
	carried map[key]string // refs of items that others may be built from, by package URL
	sources map[string]*artifact.Source
	kinds   map[string]artifact.Kind
}

// prepare finds the items that others may be built from.
func (l *lister) prepare(ctx context.Context) error {
	l.sources, l.kinds = map[string]*artifact.Source{}, map[string]artifact.Kind{}
	for i := range l.Sources {
		l.sources[l.Sources[i].Name] = &l.Sources[i]
	}
	for _, k := range l.Kinds {
		l.kinds[k.Name()] = k
	}
	return l.EachItem(ctx, func(i *artifact.Item) error {
		if source := l.sources[i.Source]; source != nil && l.origin(i).MadeFrom == nil {
			if purl := l.purl(source, i); purl != "" {
				l.carried[keyOf(purl)] = itemRef(i)
			}
		}
		return nil
	})
}

func itemRef(i *artifact.Item) string { return "item:" + i.ID() }

func releaseRef(source, release string) string { return "release:" + source + "/" + release }

func (l *lister) origin(i *artifact.Item) artifact.Origin {
	if able, is := artifact.Able[artifact.Originator](l.kinds[i.Kind]); is {
		return able.Origin(i)
	}
	return artifact.Origin{}
}

// purl is the item's package URL; empty: its kind has none.
func (l *lister) purl(source *artifact.Source, i *artifact.Item) string {
	if purler, able := artifact.Able[artifact.PackageURLer](l.kinds[i.Kind]); able {
		return purler.PackageURL(source, i)
	}
	return ""
}

// items makes an element of each item, and then one of each package that items were built from and that the image does not carry. An
// element is valid until the next one.
func (l *lister) items(ctx context.Context, take func(*element) error) error {
	seen := map[key]bool{}
	var built []builtFrom
	err := l.EachItem(ctx, func(i *artifact.Item) error {
		source := l.sources[i.Source]
		if source == nil {
			source = &artifact.Source{Kind: i.Kind, Name: i.Source}
		}
		origin := l.origin(i)
		e := &element{
			ref: itemRef(i), name: i.Name, version: i.Version, purl: l.purl(source, i), files: i.Files,
			supplier: readSupplier(origin.Supplier), homepage: webAddress(origin.Homepage), licences: l.licences.of(i),
		}
		for at := range source.Releases {
			if r := &source.Releases[at]; slices.Contains(origin.Releases, r.Name) {
				e.releases = append(e.releases, releaseRef(source.Name, r.Name))
			}
		}
		if origin.MadeFrom != nil {
			purl := l.purl(source, origin.MadeFrom)
			if e.builtFrom = l.carried[keyOf(purl)]; e.builtFrom == "" {
				e.builtFrom = sourceRef(purl)
				if !seen[keyOf(purl)] {
					seen[keyOf(purl)] = true
					built = append(built, builtFrom{strings.Clone(origin.MadeFrom.Name), strings.Clone(origin.MadeFrom.Version), purl})
				}
			}
		}
		return take(e)
	})
	for _, b := range built {
		if err == nil {
			err = take(&element{ref: sourceRef(b.purl), name: b.name, version: b.version, purl: b.purl, isSource: true})
		}
	}
	return err
}

// builtFrom is what is kept of a package that items were built from.
type builtFrom struct{ name, version, purl string }

func sourceRef(purl string) string { return "source:" + purl }

// maintainer is "NAME <ADDRESS>".
var maintainer = regexp.MustCompile(`^\s*"?([^<"]*?)"?\s*<([^\s<>@"]+@[A-Za-z0-9.-]+)>\s*$`)

func readSupplier(text string) supplier {
	if m := maintainer.FindStringSubmatch(text); m != nil && m[1] != "" {
		return supplier{m[1], m[2]}
	}
	return supplier{name: strings.TrimSpace(text)}
}

// groupWords tell a group from a person, in names of suppliers: SPDX distinguishes them.
var groupWords = []string{"team", "maintainers", "group", "developers", "packagers", "project", "task force", "foundation", "inc.", "ltd"}

func (s supplier) isGroup() bool {
	low := strings.ToLower(s.name)
	return s.email == "" || slices.ContainsFunc(groupWords, func(word string) bool { return strings.Contains(low, word) })
}

// webAddress is an address that anybody may use; otherwise it is empty.
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	written := u.String()
	if strings.ContainsFunc(written, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"{}|\\^`", r) }) {
		return ""
	}
	return written
}

// downloadOf is where upstream has a file; empty: on no public address.
func downloadOf(f *artifact.File) string {
	for _, address := range f.URLs {
		if address = webAddress(address); address != "" {
			return address
		}
	}
	return ""
}

// short is the beginning of a SHA-256, for identifiers.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
