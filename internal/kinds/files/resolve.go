package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A resolver is a Resolve at work.
type resolver struct {
	req   artifact.ResolveRequest
	known map[string]artifact.File // of the lock before, by digest and address: nothing is fetched to learn their size
	artifact.Resolution
}

// Resolve implements artifact.Kind. It brings what it pins into the cache, as upstreams do not say in a way that
// counts how large their files are.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	r := &resolver{req: req, known: make(map[string]artifact.File)}
	for _, item := range req.Previous.Items {
		for _, f := range item.Files {
			for _, u := range f.URLs {
				r.known[f.SHA256+" "+u], r.known[metadata(item.Metadata, keySHA512)+" "+u] = f, f
			}
		}
	}
	s := req.Spec.(*spec)
	for i := range s.sources {
		if err := r.source(ctx, &s.sources[i]); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.sets)) {
		set, err := r.set(name, s.sets[name])
		if err != nil {
			return nil, err
		}
		r.Sets = append(r.Sets, set)
	}
	return &r.Resolution, nil
}

// source resolves one source.
func (r *resolver) source(ctx context.Context, s *source) error {
	switch s.way {
	case fromFolder:
		return r.folder(ctx, s)
	case fromURL:
		return r.add(ctx, s, nil, []wanted{{path: urlName(s.address), urls: []string{s.address}, content: s.content}})
	case fromHelm:
		return r.helm(ctx, s)
	}
	return r.local(s)
}

// A wanted is a file of a source whose bytes are known, and perhaps their number.
type wanted struct {
	path          string
	urls          []string
	content       artifact.Content
	name, version string   // empty: the path's last element, and the source's version
	metadata      []string // of the item
}

// folder reads a list of checksums and takes the files that the definition wants.
func (r *resolver) folder(ctx context.Context, s *source) error {
	listURL := artifact.JoinAddress(s.address, s.list.file)
	data, _, err := artifact.Get(ctx, r.req.Upstream, artifact.Request{URLs: []string{listURL}, Limit: maxList})
	if err != nil {
		return s.failed(err)
	}
	list, release, err := r.list(ctx, s, listURL, data)
	if err != nil {
		return s.failed(fmt.Errorf("%s: %w", listURL, err))
	}
	var files []wanted
	for _, p := range s.take {
		found := false
		for _, name := range list.names() {
			if !p.Match(name) {
				continue
			}
			found = true
			if slices.ContainsFunc(files, func(w wanted) bool { return w.path == name }) {
				continue
			}
			if !carriable(name) {
				if _, exact := p.Exact(); !exact && slices.Contains(ours, name) {
					continue // the mirror makes its own
				}
				return s.failed(p.section.Errorf("%s: %q cannot be the name of a file of the mirror", s.list.file, name))
			}
			if !list[name].Identified() {
				return s.failed(artifact.Hint(p.section.Errorf("%s lists %s without a SHA-256 or SHA-512 digest, so it cannot be verified", s.list.file, name),
					"add a source of its own: { name: NAME, url: %s, sha256: DIGEST }", artifact.JoinAddress(s.address, name)))
			}
			files = append(files, wanted{path: name, urls: []string{artifact.JoinAddress(s.address, name)}, content: list[name]})
		}
		if !found {
			return artifact.Hint(p.section.Errorf("source %s: take: %s has no file that matches %q", s.name, s.list.file, p.text), "it has: %s", near(p.text, list.names()))
		}
	}
	return r.add(ctx, s, release, files)
}

// failed is an error about the source.
func (s *source) failed(err error) error { return fmt.Errorf("files: source %s: %w", s.name, err) }

// list verifies a list of checksums, and says what vouches for it.
func (r *resolver) list(ctx context.Context, s *source, listURL string, data []byte) (sums, *artifact.Release, error) {
	content := contentOf(data)
	release := &artifact.Release{Name: s.list.file, URL: listURL, SHA256: content.SHA256, Metadata: []string{keyFrom + ": " + string(fromFolder)}}
	if s.list.content.Identified() {
		if err := s.list.content.VerifyData(data); err != nil {
			return nil, nil, artifact.Hint(fmt.Errorf("it does not match the digest in checksums: %w", err), "if upstream has published a new list, check it, and then write: sha256: %s", content.SHA256)
		}
	}
	if s.list.keys.none() {
		if !s.list.content.Identified() {
			return nil, nil, artifact.Hint(errors.New("this list cannot be verified: the definition has neither a key for its signature nor its digest"),
				"add signature: and signed-by: to checksums, or, once you have checked it, its digest: sha256: %s", content.SHA256)
		}
		if bytesAreSigned(data) {
			return nil, nil, artifact.Hint(errors.New("the list is signed, but the definition names no key to check the signature with"), "add signed-by: FILE to checksums")
		}
		list, err := parseSums(data)
		return list, release, err
	}
	files := []string{s.list.file}
	contents := [][]byte{data}
	var signature []byte
	if s.list.signature != "" && s.list.signature != s.list.file {
		var err error
		if signature, _, err = artifact.Get(ctx, r.req.Upstream, artifact.Request{URLs: []string{artifact.JoinAddress(s.address, s.list.signature)}, Limit: 1 << 20}); err != nil {
			return nil, nil, err
		}
		files, contents = append(files, s.list.signature), append(contents, signature)
	}
	made, err := s.list.keys.verify(data, signature, r.req.Now)
	if err != nil {
		return nil, nil, artifact.Hint(err, "name the key of upstream in signed-by; never use one that you have not checked")
	}
	release.SignedBy, release.Date = made.by, made.made
	release.Metadata = append(release.Metadata, keySigning+": "+made.format)
	if release.Date.IsZero() {
		release.Date, release.Undated = undated, true
	} else if release.Date.After(r.Date) {
		r.Date = release.Date
	}
	if err := r.notOlder(s, release); err != nil {
		return nil, nil, err
	}
	for i, file := range files {
		c := contentOf(contents[i])
		release.Proofs = append(release.Proofs, artifact.Proof{Path: file, Size: c.Size, SHA256: c.SHA256, URLs: []string{artifact.JoinAddress(s.address, file)}, Data: contents[i]})
	}
	return made.list, release, nil
}

// undated stands for a date that nobody has signed.
var undated = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// notOlder refuses a list that was signed before the one of the lock before, at the same address: its signature is good, but
// it hides what has changed since.
func (r *resolver) notOlder(s *source, release *artifact.Release) error {
	for _, old := range r.req.Previous.Sources {
		for _, before := range old.Releases {
			if old.Name == s.name && before.URL == release.URL && !release.Undated && release.Date.Before(before.Date) {
				return artifact.Hint(artifact.Verifyf("it was signed at %s, before the list in the lock, which is of %s", release.Date.Format(time.RFC3339), before.Date.Format(time.RFC3339)),
					"ask upstream whether it has withdrawn a release; if so, remove mirror.lock and lock again")
			}
		}
	}
	return nil
}

// add brings the files into the cache and pins them.
func (r *resolver) add(ctx context.Context, s *source, release *artifact.Release, files []wanted) error {
	contents := make([]artifact.Content, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, w := range files {
		group.Go(func() (err error) {
			contents[i], err = r.bring(ctx, w)
			if errors.Is(err, fs.ErrNotExist) && release != nil {
				err = fmt.Errorf("%s: %s lists it, but it is not there: %w", w.path, path.Base(release.URL), err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return s.failed(err)
	}
	for i, w := range files {
		r.pin(s, w, contents[i])
	}
	r.pinSource(s, release)
	return nil
}

func (r *resolver) pinSource(s *source, release *artifact.Release) {
	pinned := artifact.Source{Kind: Kind{}.Name(), Name: s.name, URLs: []string{s.address}, Releases: []artifact.Release{}}
	if release != nil {
		pinned.Releases = append(pinned.Releases, *release)
	}
	r.Sources = append(r.Sources, pinned)
}

// bring fetches a file, if the lock before does not know it.
func (r *resolver) bring(ctx context.Context, w wanted) (artifact.Content, error) {
	for _, digest := range []string{w.content.SHA256, w.content.SHA512} {
		if old, found := r.known[digest+" "+w.urls[0]]; found && digest != "" {
			return artifact.Content{Size: old.Size, SHA256: old.SHA256}, nil
		}
	}
	return artifact.Bring(ctx, r.req.Upstream, w.urls, w.content)
}

// pin makes an item of a file.
func (r *resolver) pin(s *source, w wanted, content artifact.Content) {
	i := artifact.Item{Kind: Kind{}.Name(), Source: s.name, Name: w.name, Version: w.version, Attributes: s.attributes, Requested: true,
		Files:    []artifact.File{{Path: w.path, Size: content.Size, SHA256: content.SHA256, URLs: w.urls}},
		Metadata: []string{keyFrom + ": " + string(s.way)}}
	if i.Name == "" {
		i.Name, i.Version = path.Base(w.path), s.version
	}
	if w.content.SHA256 == "" && w.content.SHA512 != "" {
		i.Metadata = append(i.Metadata, keySHA512+": "+w.content.SHA512)
	}
	if s.install.to != "" {
		i.Metadata = append(i.Metadata, keyTo+": "+s.install.to)
	}
	if s.install.mode != defaultMode {
		i.Metadata = append(i.Metadata, fmt.Sprintf("%s: %04o", keyMode, s.install.mode))
	}
	i.Metadata = append(i.Metadata, w.metadata...)
	r.Items = append(r.Items, i)
}

// set finds what a set asks for.
func (r *resolver) set(name string, patterns []pattern) (artifact.Set, error) {
	set := artifact.Set{Name: name, Architecture: artifact.AnyArchitecture}
	var all []string
	for i := range r.Items {
		all = append(all, namesOf(&r.Items[i])[0], r.Items[i].ID())
	}
	for _, p := range patterns {
		found := false
		for i := range r.Items {
			item := &r.Items[i]
			if !slices.ContainsFunc(namesOf(item), p.Match) {
				continue
			}
			found = true
			if id := item.ID(); !slices.Contains(set.Items, id) {
				set.Items = append(set.Items, id)
			}
		}
		if !found {
			return set, artifact.Hint(p.section.Errorf("set %s: no source has a file %q", name, p.text), "there are: %s", near(p.text, all))
		}
	}
	slices.Sort(set.Items)
	set.Requested = slices.Clone(set.Items)
	return set, nil
}
