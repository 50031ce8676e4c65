package images

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxParallel is how many images of a source are read at a time. How many transfers that makes at most, Upstream decides.
const maxParallel = 8

// A resolver has the state of one call of Resolve.
type resolver struct {
	req artifact.ResolveRequest
	artifact.Resolution
}

// Resolve implements artifact.Kind.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	r := &resolver{req: req}
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

// open opens what the images of a source are read from, and returns how to close it and its address for people.
func (r *resolver) open(ctx context.Context, s *source) (in content, shut func() error, address string, err error) {
	if s.from.way == fromRegistry {
		return newRegistry(s.from.text, r.req.Upstream), func() error { return nil }, s.from.text, nil
	}
	l, err := openLocal(ctx, s)
	if err != nil {
		return nil, nil, "", err
	}
	return l, l.Close, l.origin, nil
}

// A sourceResolver resolves one source.
type sourceResolver struct {
	*resolver
	*source
	in      content
	keys    []signingKey
	options string // the line of the lock that says how the source's images are chosen

	mu    sync.Mutex
	trees map[string]*readTree // by repository and digest
}

// A readTree is a tree that is read once, whatever tags lead to it.
type readTree struct {
	once sync.Once
	tree *tree
	err  error
}

// source resolves one source.
func (r *resolver) source(ctx context.Context, s *source) (err error) {
	in, shut, address, err := r.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shut()) }()
	sr := &sourceResolver{resolver: r, source: s, in: in, trees: make(map[string]*readTree)}
	if sr.keys, err = s.readKeys(); err != nil {
		return err
	}
	sr.options = sr.optionsLine()
	wanted, err := sr.wanted(ctx)
	if err != nil {
		return err
	}
	items, err := sr.images(ctx, wanted)
	if err != nil {
		return err
	}
	if items, err = share(s, items); err != nil {
		return err
	}
	r.Items = append(r.Items, items...)
	r.Sources = append(r.Sources, artifact.Source{Kind: Kind{}.Name(), Name: s.name(), URLs: []string{address}, Releases: []artifact.Release{}})
	return nil
}

// images makes the items of all wanted images, in the order of wanted.
func (r *sourceResolver) images(ctx context.Context, all []*wanted) (items []artifact.Item, err error) {
	made := make([][]artifact.Item, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for i, w := range all {
		group.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			made[i], err = r.image(ctx, w)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	carried := make(map[*request]int)
	for i, w := range all {
		for _, request := range w.requests {
			carried[request] += len(made[i])
		}
		items = append(items, made[i]...)
	}
	for i := range r.take {
		if one := &r.take[i]; carried[one] == 0 {
			return nil, one.section.Errorf("images: %s: nothing that matches %s can be carried: see the warnings", r.registry, one)
		}
	}
	r.warn(all)
	return items, nil
}

// image makes the items of one tag or digest.
func (r *sourceResolver) image(ctx context.Context, w *wanted) ([]artifact.Item, error) {
	version := w.version
	if held := w.locked(); held != "" {
		err := r.still(ctx, w, held)
		switch {
		case err == nil && r.reusable(w):
			return r.reuse(w), nil
		case err == nil:
			version = held
		case !errors.Is(err, fs.ErrNotExist):
			return nil, r.failed(w, err)
		default:
			r.req.Log.Warn("upstream no longer has the locked digest: the lock gets the one that the tag names now", "image", r.full(w), "digest", held)
		}
	}
	t, err := r.read(ctx, w.repository, version)
	var none *noPlatformError
	switch {
	case err == nil:
	case errors.As(err, &none) && !w.exact():
		w.skipped = none.has
		return nil, nil
	case errors.As(err, &none):
		return nil, artifact.Hint(r.failed(w, err), "add one of them to platforms:, or leave the image out of take")
	case errors.Is(err, fs.ErrNotExist) && !w.exact() && len(w.held) > 0:
		w.vanished = true
		return nil, r.confirmVanished(ctx, w, err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, r.absent(ctx, w, err)
	default:
		return nil, r.failed(w, err)
	}
	w.lacking = t.lacking
	return r.items(w, t), nil
}

// confirmVanished requires that upstream lists the tags of the repository, without the one that got 404: if some other server answers at the
// registry's address for a while, the mirror must not lose its images.
func (r *sourceResolver) confirmVanished(ctx context.Context, w *wanted, absent error) error {
	tags, err := r.in.tags(ctx, w.repository)
	switch {
	case err != nil:
		return artifact.Hint(r.failed(w, fmt.Errorf("upstream no longer has this tag, nor a list of tags: %w", err)),
			"is the server at %s the registry? If the repository is gone for good, take it out of take", r.from.text)
	case slices.Contains(tags, w.version):
		return r.failed(w, fmt.Errorf("upstream lists this tag, but does not have it: %s", absent))
	}
	return nil
}

// full is the image's name as clients write it.
func (r *sourceResolver) full(w *wanted) string {
	return r.registry + "/" + versioned(w.repository, w.version)
}

// failed is an error about an image, with the place of the request.
func (r *sourceResolver) failed(w *wanted, err error) error {
	return w.requests[0].section.Errorf("images: %s: %w", r.full(w), err)
}

// absent is the error about an image that upstream does not have.
func (r *sourceResolver) absent(ctx context.Context, w *wanted, err error) error {
	if hint := (*artifact.HintError)(nil); errors.As(err, &hint) {
		return r.failed(w, err)
	}
	if validDigest(w.version) {
		return artifact.Hint(r.failed(w, fmt.Errorf("upstream does not have it: %w", err)), "check the digest, and the name of the repository")
	}
	err = r.failed(w, fmt.Errorf("upstream does not have this tag: %w", err))
	if tags, listed := r.in.tags(ctx, w.repository); listed == nil {
		return artifact.Hint(err, "it has: %s", near(w.version, slices.DeleteFunc(slices.Clone(tags), isAttachedTag)))
	}
	return artifact.Hint(err, "check the name and the tag; \"skopeo list-tags docker://%s/%s\" may list the tags", r.registry, w.repository)
}

// still checks whether upstream still has the locked digest. For a local origin, reading it shows that.
func (r *sourceResolver) still(ctx context.Context, w *wanted, digest string) error {
	if in, is := r.in.(*registry); is {
		return in.has(ctx, w.repository, digest)
	}
	_, err := r.in.manifest(ctx, w.repository, digest)
	return err
}

// read reads a tag or a digest, with what is attached, and verifies it. The error is fs.ErrNotExist only if upstream does not have the tag or the
// digest: then the image is absent. If it lacks something that this leads to, the image is damaged.
func (r *sourceResolver) read(ctx context.Context, repository, version string) (*tree, error) {
	m, err := r.in.manifest(ctx, repository, version)
	if err != nil {
		return nil, err
	}
	digest := m.descriptor.Digest.String()
	r.mu.Lock()
	one := r.trees[repository+"@"+digest]
	if one == nil {
		one = new(readTree)
		r.trees[repository+"@"+digest] = one
	}
	r.mu.Unlock()
	one.once.Do(func() {
		in := &reader{source: r.source, in: r.in, repository: repository}
		one.tree, one.err = in.whole(ctx, digest, r.keys)
		if errors.Is(one.err, fs.ErrNotExist) {
			one.err = fmt.Errorf("upstream lacks a part of it: %s", one.err)
		}
	})
	return one.tree, one.err
}

// whole reads a tree and what is attached to it, and verifies that.
func (r *reader) whole(ctx context.Context, digest string, keys []signingKey) (*tree, error) {
	t, err := r.tree(ctx, digest)
	if err == nil {
		err = r.attach(ctx, t)
	}
	if err == nil {
		err = r.verify(ctx, t, keys)
	}
	return t, err
}

// warn logs how the lock differs from the definition where that is not an error.
func (r *sourceResolver) warn(all []*wanted) {
	lacking := make(map[string][]string) // tags, by repository and platforms
	for _, w := range all {
		name := r.registry + "/" + w.repository
		switch {
		case w.vanished:
			r.req.Log.Warn("upstream no longer has the tag: the image is not carried", "image", r.full(w))
		case w.skipped != "":
			r.req.Log.Warn("not carried: it is for none of the platforms in the definition", "image", r.full(w), "platforms", w.skipped)
		case len(w.lacking) > 0:
			key := name + " " + strings.Join(w.lacking, ", ")
			lacking[key] = append(lacking[key], w.version)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(lacking)) {
		name, missing, _ := strings.Cut(key, " ")
		tags := lacking[key]
		text := strings.Join(tags[:min(len(tags), 5)], ", ")
		if more := len(tags) - 5; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		r.req.Log.Warn("images lack a platform in the definition", "image", name, "tags", text, "platforms", missing)
	}
}

// share makes files with the same path the same file: with the addresses that it has in the first of the repositories. Two sizes for the same
// digest are an error.
func share(s *source, items []artifact.Item) ([]artifact.Item, error) {
	slices.SortFunc(items, func(a, b artifact.Item) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	type first struct {
		file *artifact.File
		item *artifact.Item
	}
	files := make(map[string]first)
	for i := range items {
		for at := range items[i].Files {
			f := &items[i].Files[at]
			known, is := files[f.Path]
			if !is {
				files[f.Path] = first{f, &items[i]}
				continue
			}
			if known.file.Content() != f.Content() {
				return nil, artifact.Verifyf("images: %s states a size of %d bytes for %s, but %s states %d", reference(&items[i]), f.Size, f.Path, reference(known.item), known.file.Size)
			}
			f.URLs = known.file.URLs
		}
	}
	return items, nil
}
