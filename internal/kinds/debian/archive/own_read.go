package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/parallel"
)

const parallelDebs = 4

// An ownPackage is a .deb that was read.
type ownPackage struct {
	*deb.Package
	artifact.Content
	file *ownFile
	name string // of the file, or its address
	url  string // as the lock has it
	path string // below the source
}

// own reads the packages of a source, and makes of their control data the index of a suite.
func (c *consultation) own(ctx context.Context, src *Source) (*state, error) {
	packages, err := src.locateOwn()
	if err != nil {
		return nil, err
	}
	err = parallel.Each(len(packages), parallelDebs, func(i int) error {
		p := packages[i]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.readOwn(ctx, src, p); err != nil {
			return p.file.section.Errorf("%s: %w", artifact.Redacted(p.name), err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if packages, err = src.publishableOwn(packages); err != nil {
		return nil, err
	}
	index := src.ownIndex(packages)
	suite := src.Suites[0].Name // the source may have got another name since: definitions call the suite as they call the source
	header := deb822.Paragraph{{Name: "Origin", Value: suite}, {Name: "Label", Value: suite}, {Name: "Suite", Value: suite}, {Name: "Codename", Value: suite}}
	r := &Release{suite: suite, url: src.URLs[0], digest: deb822.SHA256(index), date: ownDate, undated: errors.New("nobody publishes it"), Header: header, own: true}
	origin := deb822.Origin{Source: src.Name, Suite: suite, Component: ownComponent, Priority: cmp.Or(src.pin, deb822.ReleasePriority(header))}
	return &state{r, []indexJob{{Origin: origin, name: "debs", Text: index}}}, nil
}

// locateOwn lists the files that "debs" names, each once.
func (s *Source) locateOwn() (all []*ownPackage, err error) {
	seen := make(map[string]bool)
	add := func(f *ownFile, name, url string) {
		if !seen[url] {
			seen[url] = true
			all = append(all, &ownPackage{file: f, name: name, url: url})
		}
	}
	for i := range s.debs {
		f := &s.debs[i]
		if f.address != "" {
			add(f, f.address, f.address)
			continue
		}
		names, err := glob.Files(s.dir, f.pattern)
		if err == nil && len(names) == 0 {
			err = errors.New("no file matches")
		}
		if err != nil {
			return nil, artifact.Hint(f.section.Errorf("debs: %q: %w", f.pattern, err), ownHint+"; files are relative to the definition's folder")
		}
		for _, name := range names {
			add(f, name, relativeURL(name))
		}
	}
	return all, nil
}

// readOwn reads one package: from this site, or through the cache.
func (c *consultation) readOwn(ctx context.Context, src *Source, p *ownPackage) error {
	if p.file.address == "" {
		file := filepath.FromSlash(p.name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(src.dir, file)
		}
		f, err := artifact.OpenFile(file)
		if err != nil {
			return err
		}
		defer f.Close()
		stop := context.AfterFunc(ctx, func() { f.Close() })
		defer stop()
		h := p.Hasher()
		p.Package, err = readDeb(io.TeeReader(f, h))
		if errors.Is(err, os.ErrClosed) && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.Content = h.Sum()
		return err
	}
	answer, err := c.upstream.Ask(ctx, artifact.Request{URLs: []string{p.file.address}, Want: p.file.content, Keep: true})
	if err != nil {
		return err
	}
	defer answer.Close()
	if p.Content = answer.Content; !p.file.content.Identified() {
		return artifact.Hint(errors.New("nothing vouches for its bytes: the address has no digest"),
			"check the file; if it is right, write: \"%s#sha256=%s\"", p.file.address, p.SHA256)
	}
	p.Package, err = readDeb(answer.Body)
	return err
}

func readDeb(r io.Reader) (*deb.Package, error) {
	control, err := deb.ReadControl(r)
	if err != nil {
		return nil, err
	}
	p, err := deb.Parse(control)
	if err == nil && deb822.StanzaField(string(p.Stanza), "Package-Type") == "udeb" {
		return nil, errors.New("it is a package of the installer (Package-Type: udeb), which no node can install; \"udebs: true\" carries those of a repository")
	}
	return p, err
}

// publishableOwn sorts packages, leaves out those of architectures that the source does not list, and refuses what cannot be published
// together. Where neither this source nor another lists any architecture, those of the packages count.
func (s *Source) publishableOwn(packages []*ownPackage) ([]*ownPackage, error) {
	slices.SortStableFunc(packages, func(a, b *ownPackage) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), deb822.CompareVersions(a.Version, b.Version), strings.Compare(a.Version, b.Version),
			strings.Compare(a.Architecture, b.Architecture), strings.Compare(a.SHA256, b.SHA256))
	})
	if len(s.Architectures) == 0 {
		for _, p := range packages {
			if p.Architecture != "all" && !slices.Contains(s.Architectures, p.Architecture) {
				s.Architectures = append(s.Architectures, p.Architecture)
			}
		}
		if slices.Sort(s.Architectures); len(s.Architectures) == 0 {
			s.Architectures = []string{HostArchitecture()}
		}
	}
	var kept []*ownPackage
	s.located, s.names = make(map[string][]string), nil
	for _, p := range packages {
		if p.Architecture != "all" && !slices.Contains(s.Architectures, p.Architecture) {
			if s.chosen {
				continue
			}
			return nil, artifact.Hint(p.file.section.Errorf("%s: it is for %s, which no source has", artifact.Redacted(p.name), p.Architecture),
				"add %s to the architectures of the sources that have what it needs; or write \"architectures: [%s]\" beside debs, which leaves other packages out", p.Architecture, strings.Join(s.Architectures, ", "))
		}
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			if same := last.Name == p.Name && last.Version == p.Version && last.Architecture == p.Architecture; same && last.SHA256 != p.SHA256 {
				return nil, artifact.Hint(p.file.section.Errorf("%s and %s are different packages, and both are %s %s (%s)", artifact.Redacted(last.name), artifact.Redacted(p.name), p.Name, p.Version, p.Architecture),
					"remove one of them, or give it another version: clients cannot tell them apart")
			} else if same {
				s.located[last.path] = append(s.located[last.path], p.url)
				continue
			}
		}
		if p.path = p.poolPath(); s.located[p.path] != nil { // the epoch is all that differs
			p.path = path.Join(path.Dir(p.path), p.SHA256[:16], path.Base(p.path))
		}
		s.located[p.path] = []string{p.url}
		kept, s.names = append(kept, p), append(s.names, p.Name)
	}
	if len(kept) == 0 {
		return nil, artifact.Hint(s.debs[0].section.Errorf("none of the packages is for %s", strings.Join(s.Architectures, ", ")), "change debs, or the architectures of the source")
	}
	return kept, nil
}

// ownIndex is the index of the source's suite.
func (s *Source) ownIndex(packages []*ownPackage) []byte {
	var b bytes.Buffer
	for _, p := range packages {
		b.Write(p.Stanza)
		fmt.Fprintf(&b, "Filename: %s\nSize: %d\nSHA256: %s\n\n", p.path, p.Size, p.SHA256)
	}
	return b.Bytes()
}
