package vulns

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// ErrNoKnowledge is the error for an image without advisories.
var ErrNoKnowledge = errors.New("it carries no advisories")

// A Request says what to compare.
type Request struct {
	Reference, Digest string
	Catalog           *catalog.Catalog // in full, or what an image of a lock would have
	Kinds             []artifact.Kind
	Open              func(name string) (io.ReadCloser, error) // opens a proof of the catalog; it is verified here

	Files []File // of advisories, beside those of the image, which they come before
	Nodes []Node // what these have installed, instead of what the image has
}

// A File is a file of advisories as upstream has it.
type File struct {
	Name string
	artifact.AdvisoryFile
	Knowledge Knowledge // Date: if the file does not say
}

// A Node is a copy of a node's file of what it has installed.
type Node struct {
	Name   string
	System string // section of the image that it belongs to; empty: there is only one
	Data   []byte
}

// Find compares the items of an image, or of nodes, with advisories. The error is ErrNoKnowledge if there are none, and artifact.ErrVerify if those of
// the image are damaged.
func Find(ctx context.Context, req Request) (*Report, error) {
	r := &Report{Reference: req.Reference, Name: req.Catalog.Name, Digest: req.Digest, Date: req.Catalog.Date, Findings: []Finding{}, Unknown: []Unknown{}, Knowledge: []Knowledge{}}
	m := newMatcher()
	unknown := make(map[string]map[string]bool)
	for _, kind := range req.Kinds {
		if advised, able := artifact.Able[artifact.Advised](kind); able {
			if err := req.subjects(r, m, kind, advised, unknown); err != nil {
				return nil, err
			}
		} else if len(req.Nodes) == 0 {
			for i := range req.Catalog.Items {
				if item := &req.Catalog.Items[i]; item.Kind == kind.Name() {
					note(unknown, "items of the kind "+kind.Name(), item.Name)
				}
			}
		}
	}
	if err := req.compare(ctx, r, m); err != nil {
		return nil, err
	}
	if len(r.Knowledge) == 0 {
		return nil, ErrNoKnowledge
	}
	for _, key := range m.order {
		f := m.found[key]
		slices.SortFunc(f.Items, func(a, b Affects) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.ID, b.ID))
		})
		r.Findings = append(r.Findings, *f)
	}
	for _, why := range slices.Sorted(maps.Keys(unknown)) {
		r.Unknown = append(r.Unknown, Unknown{why, slices.Sorted(maps.Keys(unknown[why]))})
	}
	r.Silent, r.Compared = m.silent(), len(m.subjects)
	r.sort()
	return r, nil
}

func note(unknown map[string]map[string]bool, why, name string) {
	if unknown[why] == nil {
		unknown[why] = make(map[string]bool)
	}
	unknown[why][name] = true
}

// subjects adds what advisories call the items of a kind.
func (req *Request) subjects(r *Report, m *matcher, kind artifact.Kind, advised artifact.Advised, unknown map[string]map[string]bool) error {
	pins, sources := artifact.Pins{Date: req.Catalog.Date}, make(map[string]*artifact.Source)
	for i := range req.Catalog.Sources {
		if s := &req.Catalog.Sources[i]; s.Kind == kind.Name() {
			pins.Sources = append(pins.Sources, *s)
			sources[s.Name] = s
		}
	}
	identifier, _ := artifact.Able[artifact.PackageURLer](kind)
	for i := range req.Catalog.Items {
		item := &req.Catalog.Items[i]
		source := sources[item.Source]
		if item.Kind != kind.Name() || source == nil {
			continue
		}
		pins.Items = append(pins.Items, *item)
		s, why := advised.Advised(source, item)
		if why != "" {
			if len(req.Nodes) == 0 {
				r.Items++
				note(unknown, why, item.Name)
			}
			continue
		}
		one := Affects{Name: item.Name, Version: item.Version, Architecture: item.Architecture(), ID: item.ID()}
		if identifier != nil {
			one.PackageURL = identifier.PackageURL(source, item)
		}
		compare := func(a, b string) int { return advised.CompareAdvised(s.Ecosystem, a, b) }
		add(m.carried, s, source.System, compare, one)
		if len(req.Nodes) == 0 {
			r.Items++
			add(m.subjects, s, source.System, compare, one)
		}
	}
	for _, node := range req.Nodes {
		installed, err := advised.AdvisedOn(pins, node.System, node.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", node.Name, err)
		}
		r.Nodes = append(r.Nodes, node.Name)
		for _, p := range installed {
			r.Items++
			if p.Why != "" {
				note(unknown, p.Why, p.Name)
				continue
			}
			add(m.subjects, p.Subject, node.System, func(a, b string) int { return advised.CompareAdvised(p.Subject.Ecosystem, a, b) },
				Affects{Name: p.Name, Version: p.Version, Architecture: p.Architecture, PackageURL: p.PackageURL, Nodes: []string{path.Base(node.Name)}})
		}
	}
	return nil
}

// compare reads all advisories.
func (req *Request) compare(ctx context.Context, r *Report, m *matcher) error {
	for _, kind := range req.Kinds {
		advisor, able := artifact.Able[artifact.Advisor](kind)
		if !able {
			continue
		}
		for _, file := range req.Files {
			summary, err := advisor.ReadAdvisories(ctx, file, m.want, func(a *artifact.Advisory) error {
				m.take(file.Name, a)
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", file.Name, err)
			}
			k := file.Knowledge
			if !summary.Date.IsZero() {
				k.Date = summary.Date
			}
			r.Knowledge = append(r.Knowledge, k)
		}
		pins := artifact.Pins{Date: req.Catalog.Date, Open: req.open}
		for _, s := range req.Catalog.Sources {
			if s.Kind != kind.Name() {
				continue
			}
			pins.Sources = append(pins.Sources, s)
			for _, release := range s.Releases {
				r.Knowledge = append(r.Knowledge, Knowledge{s.Name, release.Date.UTC(), release.URL, release.SHA256})
			}
		}
		err := advisor.Advisories(ctx, pins, m.want, func(source string, a *artifact.Advisory) error {
			m.take(source, a)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxProof bounds the advisories of one source, which are held in memory while they are read: bytes, compressed.
const maxProof = 256 << 20

// open opens a proof of the image, and verifies it first.
func (req *Request) open(name string) (io.ReadCloser, error) {
	for i := range req.Catalog.Sources {
		s := &req.Catalog.Sources[i]
		for _, r := range s.Releases {
			for j := range r.Proofs {
				if p := &r.Proofs[j]; s.ProofID(p) == name {
					return req.verified(name, artifact.Content{Size: p.Size, SHA256: p.SHA256})
				}
			}
		}
	}
	return nil, artifact.Verifyf("%s is missing", name)
}

func (req *Request) verified(name string, want artifact.Content) (io.ReadCloser, error) {
	if want.Size > maxProof {
		return nil, fmt.Errorf("%s: %d bytes are too many", name, want.Size)
	}
	body, err := req.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, want.Size+1))
	if err = errors.Join(err, body.Close()); err == nil {
		err = want.VerifyData(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
