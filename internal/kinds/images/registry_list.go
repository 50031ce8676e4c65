package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/paging"
)

const (
	pageSize = "?n=1000" // names; more than a registry allows may be an error there
	maxPage  = 32 << 20  // bytes
	maxNames = 3_000_000 // in one list
)

// A tagList is the list of a repository's tags, which is read once.
type tagList struct {
	once sync.Once
	tags []string
	err  error
}

// repositories implements content: "_catalog", which is not a part of the specification any more.
func (r *registry) repositories(ctx context.Context) ([]string, error) {
	if u, err := url.Parse(r.root); err == nil && canonical(u.Host) == dockerHub {
		return nil, errNoCatalog
	}
	names, err := r.list(ctx, r.root+"_catalog"+pageSize, func(data []byte) ([]string, error) {
		var page struct {
			Repositories *[]string `json:"repositories"`
		}
		return paging.Names(data, &page, &page.Repositories)
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoCatalog
	}
	var own []string
	for _, name := range names {
		if rest, is := strings.CutPrefix(name, r.prefix); is {
			own = append(own, rest)
		}
	}
	return own, err
}

// tags implements content.
func (r *registry) tags(ctx context.Context, repository string) ([]string, error) {
	r.mu.Lock()
	l := r.listed[repository]
	if l == nil {
		l = new(tagList)
		r.listed[repository] = l
	}
	r.mu.Unlock()
	l.once.Do(func() {
		l.tags, l.err = r.list(ctx, r.url(repository, "tags/list"+pageSize), func(data []byte) ([]string, error) {
			var page struct {
				Name string    `json:"name"`
				Tags *[]string `json:"tags"`
			}
			names, err := paging.Names(data, &page, &page.Tags)
			if err != nil && page.Name != "" && page.Tags == nil {
				return nil, nil // some registries send "tags": null if there are none
			}
			return slices.DeleteFunc(names, func(tag string) bool { return !validTag.MatchString(tag) }), err
		})
	})
	return l.tags, l.err
}

// tagged asks the list of tags for one. A list that lacks a tag which is there, as caches of other registries have it, does not count.
func (r *registry) tagged(ctx context.Context, repository, tag string) answer {
	tags, err := r.tags(ctx, repository)
	listed := func(tag string) bool {
		_, is := slices.BinarySearch(tags, tag)
		return is
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, found := range r.found[repository] {
		r.partial[repository] = r.partial[repository] || !listed(found)
	}
	delete(r.found, repository)
	switch {
	case err != nil:
		return unknown
	case listed(tag):
		return yes
	case r.partial[repository]:
		return unknown
	}
	return no
}

// list reads a list, page by page: "Listing Tags".
func (r *registry) list(ctx context.Context, address string, names func(data []byte) ([]string, error)) (all []string, err error) {
	known := make(map[string]bool)
	err = r.pages(ctx, address, func(data []byte, _ http.Header) (more bool, err error) {
		page, err := names(data)
		if len(all)+len(page) > maxNames {
			return false, artifact.Verifyf("the list has more than %d names", maxNames)
		}
		for _, name := range page {
			if !known[name] {
				known[name], more = true, true
				all = append(all, name)
			}
		}
		return more, err
	})
	slices.Sort(all)
	return all, err
}

// pages requests one page after the other. page reads one, and reports whether it has anything new.
func (r *registry) pages(ctx context.Context, address string, page func(data []byte, header http.Header) (more bool, err error)) error {
	return paging.Each(address, func(address string) ([]byte, http.Header, error) {
		data, answer, err := artifact.Get(ctx, r.upstream, artifact.Request{URLs: []string{address}, Limit: maxPage})
		if err != nil {
			return nil, nil, err
		}
		return data, answer.Header, nil
	}, page)
}

// referrers implements content: "Listing Referrers". If the registry does not support that, a tag lists the referrers.
func (r *registry) referrers(ctx context.Context, repository, digest string) (all []v1.Descriptor, err error) {
	pages := 0
	read := func(data []byte, _ http.Header) (bool, error) {
		page, err := readAttachedList(data)
		pages++
		if all = append(all, page...); err == nil && len(all) > maxAttached {
			err = artifact.Verifyf("more than %d artifacts are attached to it", maxAttached)
		}
		return len(page) > 0, err
	}
	r.mu.Lock()
	s := r.silent[repository]
	if s == nil {
		s = new(silence)
		r.silent[repository] = s
	}
	r.mu.Unlock()
	if !s.known.Load() {
		err = r.pages(ctx, r.url(repository, "referrers/"+digest), read)
		switch {
		case err == nil || !errors.Is(err, fs.ErrNotExist):
			return all, err
		case pages > 0:
			return nil, fmt.Errorf("the registry lacks a page of the list: %s", err)
		}
		if refused := s.confirm(ctx, r, repository); refused != nil {
			return nil, fmt.Errorf("the registry lists what is attached to other manifests, but not to this one: %s", refused)
		}
	}
	tag := referrersTag(digest)
	listed := r.tagged(ctx, repository, tag)
	if listed == no {
		return nil, nil
	}
	if err = r.pages(ctx, r.url(repository, manifestFolder+tag), read); errors.Is(err, fs.ErrNotExist) && listed != yes {
		return nil, nil // the list of tags cannot be read, so this tag was only a guess
	}
	return all, err
}

// A silence says whether a registry lacks the referrers API for a repository.
type silence struct {
	once  sync.Once
	known atomic.Bool // it does not
	err   error
}

// confirm finds out whether a 404 means that the registry lacks the referrers API: a registry with this API sends an empty list even for a
// manifest that does not exist. If the registry has it, the 404 does not mean that nothing is attached, and confirm returns an error.
func (s *silence) confirm(ctx context.Context, r *registry, repository string) error {
	s.once.Do(func() {
		_, _, err := artifact.Get(ctx, r.upstream, artifact.Request{URLs: []string{r.url(repository, "referrers/"+sha256Of([]byte(noManifest)))}, Limit: maxPage})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.known.Store(true)
		case err != nil:
			s.err = err
		default:
			s.err = errors.New("the server answers 404 Not Found")
		}
	})
	return s.err
}

// noManifest is content that no registry has as a manifest.
const noManifest = "minimirror: a manifest that nobody has"

// readAttachedList reads an index of the referrers of a manifest.
func readAttachedList(data []byte) ([]v1.Descriptor, error) {
	d, err := parseDocument(data, "")
	if err != nil {
		return nil, err
	}
	if !d.index() {
		return nil, artifact.Verifyf("it is not the list of what is attached to a manifest, but has the type %s", d.MediaType)
	}
	return d.Manifests, nil
}

// referrersTag is the tag that lists the referrers of a manifest: "Referrers Tag Schema".
func referrersTag(digest string) string {
	algorithm, encoded, _ := strings.Cut(digest, ":")
	return algorithm + "-" + encoded[:min(64, len(encoded))]
}
