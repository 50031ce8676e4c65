package images

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/minimirror/minimirror/internal/artifact"
)

// set finds the items of a set: each image for all platforms, from which a node takes its own.
func (r *resolver) set(name string, requests []request) (artifact.Set, error) {
	set := artifact.Set{Name: name, Architecture: artifact.AnyArchitecture}
	for i := range requests {
		one := &requests[i]
		versions := make(map[string][]string) // tags that match, by repository
		var found, all []string
		for at := range r.Items {
			item := &r.Items[at]
			all = append(all, versioned(item.Name, item.Version))
			repository := item.Source + "/" + item.Name
			if one.means(item) && !slices.Contains(versions[repository], item.Version) {
				versions[repository] = append(versions[repository], item.Version)
			}
		}
		for repository, tags := range versions {
			if one.newest > 0 {
				versions[repository], _ = newestOf(tags, one.newest)
			}
		}
		for at := range r.Items {
			item := &r.Items[at]
			if one.means(item) && slices.Contains(versions[item.Source+"/"+item.Name], item.Version) {
				found = append(found, item.ID())
			}
		}
		if len(found) == 0 {
			return set, artifact.Hint(one.section.Errorf("set %s: no image of the definition matches %s", name, one), "there are: %s; sets name what take has", near(one.text, all))
		}
		set.Items = append(set.Items, found...)
	}
	slices.Sort(set.Items)
	set.Items = slices.Compact(set.Items)
	set.Requested = slices.Clone(set.Items)
	return set, nil
}

// means reports whether a request of a set means an item. The registry may be left out, and of Docker Hub's own images "library/".
func (r *request) means(i *artifact.Item) bool {
	registry := registryName(i.Source)
	names := []string{i.Name, registry + "/" + i.Name}
	if short, is := strings.CutPrefix(i.Name, "library/"); is && registry == dockerHub {
		names = append(names, short, registry+"/"+short)
	}
	if !slices.ContainsFunc(names, r.repository.Match) {
		return false
	}
	if r.digest != "" {
		return r.digest == digestOf(i) || r.digest == manifestOf(i)
	}
	tag := tagOf(i)
	return tag != "" && r.matchTag(tag)
}

// near lists the names that are most similar to the one that was asked for.
func near(text string, names []string) string {
	if len(names) == 0 {
		return "none"
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	const most, compared = 5, 10_000
	likeness := make(map[string]float64)
	for _, name := range sorted[:min(compared, len(sorted))] {
		likeness[name] = max(levenshtein.Similarity(text, name, nil), levenshtein.Similarity(path.Base(text), path.Base(name), nil))
	}
	slices.SortStableFunc(sorted[:len(likeness)], func(a, b string) int { return cmp.Compare(likeness[b], likeness[a]) })
	list := strings.Join(sorted[:min(most, len(sorted))], ", ")
	if more := len(sorted) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
