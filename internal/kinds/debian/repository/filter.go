package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/parallel"
)

// Filter rebuilds the repository without some of its packages. It goes by what the image says of itself: of each suite it reads the
// Release, checks every Packages and Sources that this lists against its digest, and leaves out the stanzas
// of what is absent; then those indexes about packages that are affected. The plain index is then parts of the image's own, or emptyIndex where nothing stays; the .gz beside it and
// what both are called by hash are new, and so are the lines for them. Indexes from which nothing
// is absent stay, with their lines. Release, Release.gpg and InRelease are always new. No index is
// held in memory.
//
// The same request gives the same bytes, as far as the signer does.
func Filter(ctx context.Context, req artifact.FilterRequest) ([]artifact.Generated, error) {
	var suites []*suiteFilter
	var indexes []*indexFilter
	for _, source := range req.Sources {
		for _, release := range source.Releases {
			s, err := newSuiteFilter(&req, source.Name, release.Name)
			if err != nil {
				return nil, err
			}
			suites = append(suites, s)
			s.collectNames()
			indexes = append(indexes, s.indexes...)
		}
	}
	before := make(map[string]*artifact.Generated, len(req.Before))
	for i := range req.Before {
		before[req.Before[i].Path] = &req.Before[i]
	}
	if err := parallel.Each(len(indexes), runtime.GOMAXPROCS(0), func(i int) error { return indexes[i].filter(ctx, &req, before) }); err != nil {
		return nil, err
	}
	var files []artifact.Generated
	for _, s := range suites {
		if err := s.filterAbout(ctx, &req, before); err != nil {
			return nil, err
		}
		if err := s.addSigned(s.newRelease(), req.Signer); err != nil {
			return nil, fmt.Errorf("debian: %s: %w", s.folder, err)
		}
		files = append(files, s.files...)
	}
	return files, nil
}

// A suiteFilter is a Filter at work on one suite.
type suiteFilter struct {
	suiteFiles
	from    archive.Release // of the image
	names   []string        // what that lists, in its order
	indexes []*indexFilter  // of items
	about   []*indexFilter  // about packages
}

// collectNames has the filters of Packages remember what stays, if the suite has indexes about packages.
func (s *suiteFilter) collectNames() {
	for _, x := range s.indexes {
		if len(s.about) > 0 && path.Base(x.name) == "Packages" {
			x.left = make(names)
		}
	}
}

// filterAbout takes what is about absent packages out of the indexes about packages, when the filters of Packages have ended.
func (s *suiteFilter) filterAbout(ctx context.Context, req *artifact.FilterRequest, before map[string]*artifact.Generated) error {
	for _, x := range s.about {
		left, changed := make(names), false
		for _, packages := range s.indexes {
			if readsPackages(x.name, packages.name) {
				maps.Copy(left, packages.left)
				changed = changed || packages.changed()
			}
		}
		if !changed {
			continue
		}
		format := formatOf(x.name)
		x.stays = func(record string) bool { return format.stays(record, left) }
		if err := x.filter(ctx, req, before); err != nil {
			return err
		}
	}
	return nil
}

func newSuiteFilter(req *artifact.FilterRequest, source, suite string) (*suiteFilter, error) {
	s := &suiteFilter{suiteFiles: newSuiteFiles(source, suite, req.Date)}
	fail := func(err error) (*suiteFilter, error) {
		return nil, fmt.Errorf("debian: %s: %w", s.path("Release"), err)
	}
	body, err := req.Open(s.path("Release"))
	if err != nil {
		return fail(err)
	}
	text, err := io.ReadAll(io.LimitReader(body, archive.MaxRelease+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return fail(err)
	}
	if len(text) > archive.MaxRelease {
		return fail(fmt.Errorf("more than %d bytes", archive.MaxRelease))
	}
	if err := s.from.Parse(text); err != nil {
		return fail(err)
	}
	for line := range strings.Lines(s.from.Header.Get("SHA256")) {
		fields := strings.Fields(line)
		if len(fields) != 3 || slices.Contains(s.names, fields[2]) {
			continue
		}
		name := fields[2]
		if !artifact.ValidPath(name) {
			return fail(fmt.Errorf("SHA256: invalid path %q", name))
		}
		s.names = append(s.names, name)
		x := &indexFilter{source: source, path: s.path(name), name: name, listed: s.from.Files[name], split: splitStanzas, none: emptyIndex}
		if file := fileOf[path.Base(name)]; file != nil {
			x.stays = func(stanza string) bool {
				first := file(stanza)
				return first == "" || !req.Absent(source+"/"+first)
			}
			if deb822.IsUdebIndex(name) {
				x.none = "" // see suitePlan.udebs
			}
			s.indexes = append(s.indexes, x)
		} else if path.Base(name) == "SHA256SUMS" {
			folder := path.Join(source, deb822.Dists(suite), path.Dir(name))
			x.split, x.none = splitLines, "\n"
			x.stays = func(line string) bool {
				for _, file := range deb822.Sums(line) {
					first, _, _ := strings.Cut(file, "/")
					return !req.Absent(path.Join(folder, first))
				}
				return true
			}
			s.indexes = append(s.indexes, x)
		} else if format := formatOf(name); format != nil {
			x.split, x.none = format.split, format.empty
			s.about = append(s.about, x)
		}
	}
	return s, nil
}

// newRelease writes a new Release, and adds the indexes that have changed. Of the fields with digests only
// SHA256 remains: the others are of the old indexes, if they are there at all.
func (s *suiteFilter) newRelease() []byte {
	var b strings.Builder
	for _, f := range s.from.Header {
		switch strings.ToLower(f.Name) {
		case "date":
			fmt.Fprintf(&b, "Date: %s\n", s.date.UTC().Format(deb822.DateLayout))
		case "sha256":
			fmt.Fprintf(&b, "SHA256:\n%s", s.list())
		case "md5sum", "sha1", "sha512":
		default:
			fmt.Fprintf(&b, "%s: %s\n", f.Name, strings.ReplaceAll(f.Value, "\n", "\n "))
		}
	}
	return []byte(b.String())
}

// list is the Release's list of indexes. Other encodings of what has changed are not in it.
func (s *suiteFilter) list() string {
	var b strings.Builder
next:
	for _, name := range s.names {
		for _, x := range slices.Concat(s.indexes, s.about) {
			switch {
			case !x.changed():
			case x.name == name:
				s.addIndex(&b, x)
				continue next
			case strings.HasPrefix(name, x.name+"."):
				continue next
			}
		}
		b.WriteString(listLine(name, s.from.Files[name]))
	}
	return b.String()
}

func (s *suiteFilter) addIndex(list *strings.Builder, x *indexFilter) {
	s.files = append(s.files, x.plain)
	s.addByHash(x.name, x.plainSum.SHA256)
	list.WriteString(listLine(x.name, x.plainSum))

	s.files = append(s.files, x.packed)
	s.addByHash(x.name+".gz", x.packedSum.SHA256)
	list.WriteString(listLine(x.name+".gz", x.packedSum))
}
