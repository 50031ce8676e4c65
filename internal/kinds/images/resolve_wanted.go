package images

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/parallel"
)

// A wanted is a tag or a digest that requests ask for.
type wanted struct {
	repository, version string
	requests            []*request
	held                []artifact.Item // its items in the previous lock, which stay
	// What differs from the definition.
	skipped  string   // platforms that it is for
	vanished bool     // upstream had the tag when it was locked
	lacking  []string // platforms that are wanted and that it is not for
}

// exact reports whether a request names exactly this image. Images that patterns and ranges match may be left out.
func (w *wanted) exact() bool {
	return slices.ContainsFunc(w.requests, func(r *request) bool { _, _, exact := r.exact(); return exact })
}

// locked is the digest in the previous lock; empty: none.
func (w *wanted) locked() string {
	if len(w.held) == 0 {
		return ""
	}
	return digestOf(&w.held[0])
}

// lockedText is how the lock names a request, as something that has matched an item.
func (r *request) lockedText() string {
	text := strings.Join(strings.Fields(r.text), " ")
	if r.newest > 0 {
		text += ", newest: " + strconv.Itoa(r.newest)
	}
	return text
}

// A lockedImages has the images of a source in the previous lock.
type lockedImages struct {
	byVersion map[string][]artifact.Item     // by "REPOSITORY:TAG"
	byRequest map[string]map[string][]string // tags, by the request that matched them and the repository
}

func (r *sourceResolver) lockedImages(items []artifact.Item) lockedImages {
	l := lockedImages{make(map[string][]artifact.Item), make(map[string]map[string][]string)}
	for _, item := range items {
		if item.Source != r.name() {
			continue
		}
		key := versioned(item.Name, item.Version)
		l.byVersion[key] = append(l.byVersion[key], item)
		for _, text := range values(item.Metadata, keyRequest) {
			if l.byRequest[text] == nil {
				l.byRequest[text] = make(map[string][]string)
			}
			if tags := l.byRequest[text][item.Name]; !slices.Contains(tags, item.Version) {
				l.byRequest[text][item.Name] = append(tags, item.Version)
			}
		}
	}
	return l
}

// wanted finds out which tags and digests the requests mean, sorted.
func (r *sourceResolver) wanted(ctx context.Context) (all []*wanted, err error) {
	held, before := r.lockedImages(r.req.Locked), r.lockedImages(r.req.Previous.Items)
	found := make(map[string]*wanted)
	for i := range r.take {
		one := &r.take[i]
		repositories, err := r.repositories(ctx, one, held, before)
		if err != nil {
			return nil, err
		}
		r.prefetch(ctx, one, repositories, before)
		matches := 0
		for _, repository := range repositories {
			versions, err := r.versions(ctx, one, repository, before)
			if err != nil {
				return nil, one.section.Errorf("images: %s/%s: %w", r.registry, repository, err)
			}
			matches += len(versions)
			for _, version := range versions {
				key := versioned(repository, version)
				if found[key] == nil {
					found[key] = &wanted{repository: repository, version: version, held: held.byVersion[key]}
				}
				found[key].requests = append(found[key].requests, one)
			}
		}
		if matches == 0 {
			return nil, r.nothing(ctx, one, repositories)
		}
	}
	for _, w := range found {
		slices.SortFunc(w.requests, func(a, b *request) int { return strings.Compare(a.lockedText(), b.lockedText()) })
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *wanted) int {
		return cmp.Or(strings.Compare(a.repository, b.repository), strings.Compare(a.version, b.version))
	})
	return all, nil
}

// repositories are the repositories that a request means. If the previous lock has the pattern, the registry is not asked again, unless
// the lock may move.
func (r *sourceResolver) repositories(ctx context.Context, one *request, held, before lockedImages) (all []string, err error) {
	if name, exact := one.repository.Exact(); exact {
		return []string{name}, nil
	}
	if one.digest != "" {
		return nil, artifact.Hint(one.section.Errorf("images: %s: %s: a digest requires the name of a repository, not a pattern", r.registry, one), "write REPOSITORY@%s", one.digest)
	}
	kept, known := held.byRequest[one.lockedText()], before.byRequest[one.lockedText()]
	if len(kept) > 0 && len(kept) == len(known) {
		for name := range kept {
			all = append(all, name)
		}
		slices.Sort(all)
		return all, nil
	}
	listed, err := r.in.repositories(ctx)
	if err != nil {
		cure := "name each repository in take"
		if hint := (*artifact.HintError)(nil); errors.As(err, &hint) { // often to log in: some registries list repositories only for certain users
			err, cure = hint.Err, cure+", or "+hint.Hint
		}
		return nil, artifact.Hint(one.section.Errorf("images: %s: %s has a pattern of repositories: %w", r.registry, one, err), "%s", cure)
	}
	for _, name := range listed {
		if !one.repository.Match(name) || !validRepository.MatchString(name) {
			continue
		}
		if len(known[name]) > 0 || len(known) == 0 || r.mayMove(name) {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return nil, artifact.Hint(one.section.Errorf("images: %s: no repository matches %s", r.registry, one), "there are: %s", near(one.text, listed))
	}
	return all, nil
}

// mayMove reports whether the update is of the repository, under any of its names, and not only of some of its tags.
func (r *sourceResolver) mayMove(repository string) bool {
	return slices.ContainsFunc(repositoryNames(r.registry, repository), r.req.MayMove)
}

// versions are the tags of a repository that a request means, or its digest. Those in the previous lock stay, unless the repository may move.
func (r *sourceResolver) versions(ctx context.Context, one *request, repository string, before lockedImages) ([]string, error) {
	if _, version, exact := one.exact(); exact {
		return []string{version}, nil
	}
	if tags := before.byRequest[one.lockedText()][repository]; len(tags) > 0 && !r.mayMove(repository) {
		return slices.Clone(tags), nil
	}
	tags, err := r.in.tags(ctx, repository)
	if err != nil {
		return nil, err
	}
	var matching []string
	for _, tag := range tags {
		if !isAttachedTag(tag) && one.matchTag(tag) {
			matching = append(matching, tag)
		}
	}
	if one.newest == 0 {
		return matching, nil
	}
	newest, strange := newestOf(matching, one.newest)
	if strange > 0 {
		r.req.Log.Warn("tags that are not versions are not among the newest", "image", r.registry+"/"+repository, "tags", strange)
	}
	return newest, nil
}

// prefetch asks for the tags of several repositories at a time. A failure comes again where they are used.
func (r *sourceResolver) prefetch(ctx context.Context, one *request, repositories []string, before lockedImages) {
	if _, exact := one.repository.Exact(); exact {
		return
	}
	_ = parallel.Each(len(repositories), maxParallel, func(i int) error {
		if len(before.byRequest[one.lockedText()][repositories[i]]) > 0 && !r.mayMove(repositories[i]) {
			return nil
		}
		_, err := r.in.tags(ctx, repositories[i])
		return err
	})
}

// newestOf are the n tags with the highest versions. strange is the number of tags that are not versions, which are left out.
func newestOf(tags []string, n int) (newest []string, strange int) {
	for _, tag := range tags {
		if versionOf(tag) == nil {
			strange++
			continue
		}
		newest = append(newest, tag)
	}
	slices.SortFunc(newest, func(a, b string) int {
		return cmp.Or(versionOf(b).Compare(versionOf(a)), strings.Compare(a, b))
	})
	return newest[:min(n, len(newest))], strange
}

// nothing is the error of a request that no tag matches.
func (r *sourceResolver) nothing(ctx context.Context, one *request, repositories []string) error {
	err := one.section.Errorf("images: %s: no tag matches %s", r.registry, one)
	var names []string
	for _, repository := range repositories {
		tags, listErr := r.in.tags(ctx, repository)
		if listErr != nil {
			return one.section.Errorf("images: %s/%s: %w", r.registry, repository, listErr)
		}
		for _, tag := range tags {
			if !isAttachedTag(tag) {
				names = append(names, versioned(repository, tag))
			}
		}
	}
	if one.newest > 0 {
		return artifact.Hint(err, "newest: counts only tags that are versions, such as 1.4.2; there are: %s", near(one.text, names))
	}
	return artifact.Hint(err, "there are: %s", near(one.text, names))
}
