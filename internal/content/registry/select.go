package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/parallel"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A Selection says which images of a registry are meant. The zero value means all.
type Selection struct {
	Repositories Globs // of names of repositories; empty: all
	Tags         Globs // empty: all
	// Newest is how many of these tags of each repository are taken; 0: all. The newest are those whose images state the latest date of creation;
	// of images with the same date, or without one, those with the highest version in the tag.
	Newest int
}

// Globs are patterns of names, of which one must match. Those after a "!" exclude what they match.
type Globs struct{ want, not []glob.Pattern }

// ParseGlobs reads patterns from the command line. The error is artifact.ErrUsage.
func ParseGlobs(patterns []string) (g Globs, err error) {
	for _, text := range patterns {
		rest, not := strings.CutPrefix(text, "!")
		p, err := glob.Parse(rest)
		switch {
		case err != nil:
			return g, artifact.Usagef("pattern %q: %w", text, err)
		case not:
			g.not = append(g.not, p)
		default:
			g.want = append(g.want, p)
		}
	}
	return g, nil
}

// Match reports whether a name is meant.
func (g Globs) Match(name string) bool {
	matches := func(p glob.Pattern) bool { return p.Match(name) }
	return (len(g.want) == 0 || slices.ContainsFunc(g.want, matches)) && !slices.ContainsFunc(g.not, matches)
}

func (s *Selection) repositories(ctx context.Context, h *registry.Host) ([]string, error) {
	all, err := h.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !s.Repositories.Match(name) })
	if len(names) == 0 {
		return nil, fmt.Errorf("registry %s: none of its %d repositories was selected", h, len(all))
	}
	return names, nil
}

// tags are the selected tags of a repository. What is attached to others by its tag is not among them, unless all tags are meant.
func (s *Selection) tags(ctx context.Context, r *repository) (_ []string, err error) {
	everything := len(s.Tags.want) == 0 && len(s.Tags.not) == 0 && s.Newest == 0
	var own, attached []string
	for _, tag := range r.tags {
		switch is := attachedTo(tag) != ""; {
		case is && everything:
			attached = append(attached, tag)
		case !is && s.Tags.Match(tag):
			own = append(own, tag)
		}
	}
	if s.Newest > 0 && len(own) > s.Newest {
		if own, err = r.newest(ctx, own, s.Newest); err != nil {
			return nil, err
		}
	}
	return append(own, attached...), nil
}

// newest chooses n tags.
func (r *repository) newest(ctx context.Context, tags []string, n int) ([]string, error) {
	dates := make(map[string]time.Time, len(tags))
	found := make([]time.Time, len(tags))
	if err := parallel.Each(len(tags), atOnce, func(i int) (err error) {
		found[i], err = r.created(ctx, tags[i], 0)
		return err
	}); err != nil {
		return nil, err
	}
	for i, tag := range tags {
		dates[tag] = found[i]
	}
	chosen := slices.Clone(tags)
	slices.SortFunc(chosen, func(a, b string) int {
		return cmp.Or(dates[b].Compare(dates[a]), compareVersions(b, a))
	})
	chosen = chosen[:n]
	slices.Sort(chosen)
	return chosen, nil
}

// maxConfig is how large a configuration may be to be read for its date, in bytes.
const maxConfig = 4 << 20

// created is when an image was made, as it states itself; the zero time: it does not.
func (r *repository) created(ctx context.Context, reference string, depth int) (time.Time, error) {
	m, err := r.source.fetch(ctx, r.Name(), reference)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", reference, err)
	}
	var document struct {
		Annotations map[string]string `json:"annotations"`
		Manifests   []v1.Descriptor   `json:"manifests"`
		Config      *v1.Descriptor    `json:"config"`
	}
	if err := json.Unmarshal(m.data, &document); err != nil {
		return time.Time{}, artifact.Verifyf("%s: %w", reference, err)
	}
	if at, err := time.Parse(time.RFC3339, document.Annotations[v1.AnnotationCreated]); err == nil {
		return at, nil
	}
	if d := document.Config; d != nil && d.Size > 2 && d.Size <= maxConfig {
		var config struct {
			Created time.Time `json:"created"`
		}
		data, err := r.small(ctx, *d)
		if err != nil {
			return time.Time{}, err
		}
		if json.Unmarshal(data, &config) != nil {
			return time.Time{}, nil // of an artifact: it can be anything
		}
		return config.Created, nil
	}
	for _, d := range document.Manifests {
		if at, err := r.created(ctx, d.Digest.String(), depth+1); depth > 4 || !isAbsent(err) {
			return at, err
		}
	}
	return time.Time{}, nil
}

// small reads a blob into memory.
func (r *repository) small(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	r.source.slots <- struct{}{}
	defer func() { <-r.source.slots }()
	body, err := r.OpenBlob(ctx, registry.Blob{Digest: d.Digest.String(), Size: d.Size})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var data bytes.Buffer
	_, err = io.Copy(&data, body)
	return data.Bytes(), err
}

// compareVersions compares tags: as versions of semver.org if both are, else text, with numbers by their values.
func compareVersions(a, b string) int {
	x, failed := semver.NewVersion(a)
	y, wrong := semver.NewVersion(b)
	if failed == nil && wrong == nil {
		return cmp.Or(x.Compare(y), strings.Compare(a, b))
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		p, q := digits(a[i:]), digits(b[j:])
		switch {
		case p != "" && q != "":
			m, n := strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n)); c != 0 {
				return c
			}
			i, j = i+len(p), j+len(q)
		case a[i] != b[j]:
			return cmp.Compare(a[i], b[j])
		default:
			i, j = i+1, j+1
		}
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func digits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n]
}

// refused reports whether a registry refuses a request, instead of failing.
func refused(err error) bool {
	var status *transfer.StatusError
	return errors.As(err, &status) && status.Status >= 400 && status.Status < 500 && status.Status != 429 && status.Status != 408
}
